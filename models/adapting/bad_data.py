"""Periods of bad data: nothing is learnt from their events, and they are no reason to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class BadPeriod:
    """A period whose events are not learnt from (ms); without ``until`` it has not ended."""

    cause: str
    since: int
    until: int | None = None

    def covers(self, time: int) -> bool:
        """Say whether a time is in the period."""
        return self.since <= time and (self.until is None or time < self.until)


class BadData:
    """The bad periods that are known.

    >>> bad = BadData()
    >>> bad.begin("a", 5)
    >>> bad.end("a", 8)
    >>> bad.begin("b", 7)
    >>> bad.open, bad.cause_at(6), bad.within(1, 20)
    ('b', 'a', ((5, 20),))
    """

    def __init__(self) -> None:
        self._periods: list[BadPeriod] = []

    def begin(self, cause: str, since: int) -> None:
        """Begin a period, unless one of this cause has not ended."""
        if not any(own.cause == cause and own.until is None for own in self._periods):
            self._periods.append(BadPeriod(cause, since))

    def end(self, cause: str, until: int) -> None:
        """End the open period of a cause, if there is one."""
        self._periods = [
            replace(own, until=max(until, own.since))
            if own.cause == cause and own.until is None
            else own
            for own in self._periods
        ]

    @property
    def open(self) -> str | None:
        """The cause of a period that has not ended."""
        return next((own.cause for own in self._periods if own.until is None), None)

    def cause_at(self, time: int) -> str | None:
        """Return why the data of a time are bad; ``None`` if they are not."""
        return next((own.cause for own in self._periods if own.covers(time)), None)

    def within(self, since: int, until: int) -> tuple[tuple[int, int], ...]:
        """Return the parts of a period that are bad, in order, joined where they touch."""
        parts = sorted(
            (max(own.since, since), until if own.until is None else min(own.until, until))
            for own in self._periods
        )
        found: list[tuple[int, int]] = []
        for begin, end in parts:
            if begin >= end:
                continue
            if found and begin <= found[-1][1]:
                found[-1] = found[-1][0], max(end, found[-1][1])
            else:
                found.append((begin, end))
        return tuple(found)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return them as JSON types."""
        return [asdict(own) for own in self._periods]

    def restore(self, data: Sequence[dict[str, Any]]) -> None:
        """Restore a snapshot; raises :class:`TypeError` if it is none."""
        self._periods = [BadPeriod(**own) for own in data]
