"""Back-pressure: a limit on waiting events, in seconds of work at the worker's measured rate.

A fixed number of events is a moment's work for one model and minutes of work for another. A long
queue adds latency, and is fetched in vain if its partitions are reassigned. A short queue lets the
worker run idle between two fetches.
"""

from __future__ import annotations

import math

_MEMORY_S = 1.0
"""Busy time over which the rate is averaged, about."""


class BackPressure:
    """Measures the rate of a worker, and derives how many events of a partition may wait.

    Parameters
    ----------
    seconds
        How much work may wait.
    least, most
        Bounds of the budget (events); before the first batch it is ``least``.

    Examples
    --------
    >>> pressure = BackPressure(2.0, least=100, most=20_000)
    >>> pressure.budget(4)
    100
    >>> pressure.worked(10_000, began=0.0, ended=10.0)
    >>> pressure.budget(4)  # 1,000 events a second
    500
    """

    def __init__(self, seconds: float, least: int, most: int) -> None:
        self._seconds, self._least, self._most = seconds, min(least, most), most
        self._rate = 0.0
        self._idle_since = -math.inf

    def worked(self, events: int, began: float, ended: float) -> None:
        """Record a batch with its begin and end (s, of one clock).

        Batches overlap, since one is scored while the next is prepared: only the time since the end
        of the previous batch counts.
        """
        busy = ended - max(began, self._idle_since)
        self._idle_since = ended
        if busy <= 0 or not events:
            return
        weight = 1.0 if not self._rate else 1 - math.exp(-busy / _MEMORY_S)
        self._rate += weight * (events / busy - self._rate)

    def budget(self, partitions: int) -> int:
        """Return how many events may wait in each of ``partitions`` partitions."""
        share = self._rate * self._seconds / max(1, partitions)
        return int(min(max(share, self._least), self._most))
