"""Rows as they are logged with scores, joined with the labels that became known later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from streamsim.models.labelled import Labelled
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import Gathering, InProcess, as_records
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints, Mask
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Slice


@dataclass(frozen=True, slots=True)
class StreamRows:
    """Events with a label, in order of time.

    Attributes
    ----------
    data
        Features, labels, times, entities and true numbers.
    known
        When each label may be used (ms), shape ``(n,)``.
    """

    data: Labelled
    known: Ints

    def __post_init__(self) -> None:
        times = self.data.times
        if (np.diff(times) < 0).any() or (self.known < times).any():
            raise UsageError("rows must be in order of time, and no label known before its event")

    def __len__(self) -> int:
        return len(self.known)

    def known_before(self, at: int, since: int) -> Mask:
        """Return which rows from a time on have a label that is known before another."""
        return (self.known <= at) & (self.data.times >= since)


def logged(spec: DomainSpec, slices: Iterable[Slice]) -> StreamRows:
    """Return the rows that a domain's pipeline logs, with the labels that are final at the end.

    As in a run, a label may be used once it is final: the domain's delay after its event. Labels
    that come sooner are not used sooner, for early ones are often of one class.
    """
    gathering = Gathering(spec)
    domain = InProcess(spec, watch=gathering.watch)
    for records in as_records(spec, wire(spec, gathering.passing(slices))):
        domain.push(records)
    for records in as_records(spec, [finale(spec, gathering.end)]):
        domain.push(records)
    if not len(gathering):
        raise UsageError(f"there are no events of {spec.name}")
    whole, known = gathering.joined()
    final = whole.times + spec.labels.delay
    rows = np.flatnonzero(known & (final <= gathering.end))
    rows = rows[np.argsort(whole.times[rows], kind="stable")]
    return StreamRows(whole.take(rows), final[rows])
