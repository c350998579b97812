"""Rows as they are logged with scores, joined with the labels that became known later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from streamsim.consumers.predict.prepared import Prepared
from streamsim.models.labelled import Labelled
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints, Mask, Matrix, as_objects
from streamsim.streams.labels import label_of, numbers_of, read_labels, read_numbers
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
    features: list[Matrix] = []
    times: list[Ints] = []
    ids: list[str] = []
    entities: list[str] = []
    names = {source.name for source in spec.label_sources}
    names |= {estimate.source for estimate in spec.model.estimates}
    said: dict[str, list[bytes]] = {name: [] for name in names}
    end = 0

    def seen(pieces: Iterable[Slice]) -> Iterator[Slice]:
        nonlocal end
        for piece in pieces:
            end = max(end, piece.until)
            for emission in piece.emissions:
                if emission.source in said:
                    said[emission.source].extend(emission.values)
            yield piece

    def watch(prepared: Prepared) -> None:
        features.append(prepared.features)
        times.append(prepared.events.event_time)
        ids.extend(prepared.events.event_id)
        entities.extend(prepared.events.entity)

    domain = InProcess(spec, watch=watch)
    batches = wire(spec, seen(slices))
    for records in as_records(spec, batches):
        domain.push(records)
    for records in as_records(spec, [finale(spec, end)]):
        domain.push(records)
    if not ids:
        raise UsageError(f"there are no events of {spec.name}")
    time = np.concatenate(times)
    values = (value for source in spec.label_sources for value in said[source.name])
    label, known = label_of(spec.labels, read_labels(spec.labels, values), ids)
    numbers = np.full((len(time), len(spec.model.estimates)), np.nan)
    for place, estimate in enumerate(spec.model.estimates):
        true = read_numbers(spec.labels, estimate.field, said[estimate.source])
        numbers[:, place] = numbers_of(true, ids)
    final = time + spec.labels.delay
    rows = np.flatnonzero(known & (final <= end))
    rows = rows[np.argsort(time[rows], kind="stable")]
    whole = Labelled(np.concatenate(features), label, time, as_objects(entities), numbers)
    return StreamRows(whole.take(rows), final[rows])
