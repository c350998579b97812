"""Lease: how far ahead of the events a model's schedule is known.

Workers wait for events beyond the end of the schedule. So the end is kept some seconds of work
ahead of the sources' clocks. A decision takes effect at the end: no worker has scored an event
there.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from streamsim.streams.errors import ForeignRecordError

AHEAD_S = 6.0
"""Wall time by which the end is ahead of the clocks, at their pace."""
REMEMBERED = 5
"""Observations of the pace. Their median is taken: a clock may leap once."""
FEW = 3
"""Of fewer observations the slowest is taken: an end can be put off, never brought forward."""
SPAN_S = 0.5
"""Least wall time of an observation. Workers report shortly after each other, each after a batch:
between two reports there may be hours of events in a hundredth of a second."""

LATEST = 253_402_300_799_999
"""Of the clocks that can be (ms): the end of the year 9999. Later times cannot be written."""


def check_clock(clock: int) -> None:
    """Refuse a clock that no source can have (ms).

    Raises
    ------
    ForeignRecordError
        If it is beyond :data:`LATEST`.
    """
    if clock > LATEST:
        raise ForeignRecordError("clock: too late")


class Lease:
    """The end of one schedule, from the clocks that workers report.

    Parameters
    ----------
    least
        Shortest lead over the clocks (ms): by how much an event may be ahead of its clock.

    Examples
    --------
    >>> lease = Lease(least=1_000)
    >>> lease.end(None)
    >>> lease.observe(50_000, 10.0)
    >>> lease.end(None)
    51000
    >>> lease.observe(60_000, 11.0)  # ten seconds of events in one
    >>> lease.end(51_000), lease.end(100_000)
    (121000, None)
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._clock: int | None = None
        self._seen, self._seen_at = 0, 0.0
        self._paces: deque[float] = deque(maxlen=REMEMBERED)

    def observe(self, clock: int, now_s: float) -> None:
        """Take the latest clock of any partition (ms), seen at a wall time (s)."""
        if self._clock is None:
            self._clock, self._seen, self._seen_at = clock, clock, now_s
            return
        if clock <= self._clock:
            return
        self._clock = clock
        passed_s = now_s - self._seen_at
        if passed_s >= SPAN_S:
            self._paces.append((clock - self._seen) / passed_s)
            self._seen, self._seen_at = clock, now_s

    def end(self, until: int | None) -> int | None:
        """Return a later end than ``until`` (ms) if one is due."""
        if self._clock is None:
            return None
        ahead = self._least + int(AHEAD_S * self._pace())
        due = until is None or until < self._clock + max(ahead // 2, self._least)
        later = self._clock + ahead
        return later if due and (until is None or later > until) else None

    def _pace(self) -> float:
        """Return the event time that passes in a second (ms)."""
        if len(self._paces) < FEW:
            return min(self._paces, default=0.0)
        return median(self._paces)
