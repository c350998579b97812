"""Models that are renewed from the stream: from what, how often, and from when on they answer.

Event time is cut at every multiple of :attr:`Renewal.every`. What a cut ends is learnt once all of
it is there, and the version that knows it answers from :attr:`Renewal.lead` after the cut on. So
which version answers an event depends on the event's own time, and on no clock of a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events
from streamsim.streams.spec.inputs import SourceSpec
from streamsim.streams.spec.recipes import Estimator
from streamsim.streams.spec.spans import MINUTE


class Learning(Protocol):
    """What has been learnt of a stream so far; it is told of everything once, in order."""

    def learn(self, events: Events) -> None:
        """Take in the events between two cuts, in order of time and id, with the named columns."""
        ...

    def renewed(self) -> Estimator:
        """Return the champion with what has been learnt; it does not change any more."""
        ...


@dataclass(frozen=True, slots=True)
class Renewal:
    """How a domain's model is renewed from its trigger's events.

    Parameters
    ----------
    every
        How long it is from cut to cut (ms of event time), whole minutes.
    lead
        How long after a cut what it ends is answered with (ms): by then it must have been learnt,
        or events wait for it.
    columns
        Of the trigger's events: what is learnt from, besides their times, ids and entities.
    begin
        ``champion -> Learning`` that knows nothing of the stream yet.
    """

    every: int
    lead: int
    columns: tuple[str, ...]
    begin: Callable[[Estimator], Learning]

    def __post_init__(self) -> None:
        if self.every <= 0 or self.every % MINUTE:
            raise UsageError("models are renewed every so many whole minutes")

    def check(self, trigger: SourceSpec) -> None:
        """Refuse a trigger that it cannot learn from, or would wait for without end.

        A cut is complete once everybody's clock is ``allowed_lateness`` past it, and an event may
        be ``max_ahead`` before its clock: with less lead it could wait for what is behind it.

        Raises
        ------
        UsageError
            If its lead is too short, or a column is not the trigger's.
        """
        least = trigger.allowed_lateness + trigger.max_ahead
        if self.lead < least:
            raise UsageError(
                f"a renewed model leads by {self.lead} ms; it must be at least {least}, "
                f"by how much {trigger.name} may be late and ahead"
            )
        known = {*trigger.derived, *(field.name for field in trigger.fields)}
        if unknown := set(self.columns) - known:
            raise UsageError(f"{trigger.name} has no field {', '.join(sorted(unknown))}")


def renewed_version(champion: str, cut: int) -> str:
    """Name the version that knows everything before a cut (ms).

    >>> renewed_version("3", 1_736_726_400_000)
    '3-20250113T0000'
    """
    at = str(np.datetime64(cut, "ms").astype("datetime64[m]"))
    return f"{champion}-{at.replace('-', '').replace(':', '')}"


def champion_of(version: str) -> str:
    """Return the version that a renewed one was made from, or the version itself if it is none.

    >>> champion_of("3-20250113T0000"), champion_of("3")
    ('3', '3')
    """
    return version.partition("-")[0]


def version_order(version: str) -> tuple[int, str]:
    """Return what versions are sorted by: as they were made.

    >>> sorted(["10", "3-20250120T0000", "3-20250113T0000", "3"], key=version_order)
    ['3', '3-20250113T0000', '3-20250120T0000', '10']
    """
    champion, _, cut = version.partition("-")
    return int(champion), cut
