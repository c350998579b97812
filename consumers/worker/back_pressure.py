"""Back-pressure in seconds of work: how much may wait for a worker that is as fast as it is.

A fixed number of events is a moment's work for one model and minutes of it for another. What waits
in a worker is fetched for nothing when its partitions go to another one, and is late by as long as
it takes to get there; what is too little lets the worker run dry between two fetches.
"""

from __future__ import annotations

import math

_MEMORY_S = 1.0
"""Over about so much busy time the rate is averaged."""


class BackPressure:
    """Measures the rate of a worker, and says how many events of a partition may wait.

    Parameters
    ----------
    seconds
        How much work may wait.
    least, most
        Bounds of the answer (events); before anything was worked it is ``least``.

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
        """Take note of a batch: when it was begun and when it was finished (s, of one clock).

        Batches overlap, one being scored while the next is made: only what has passed since the
        batch before it ended is its own.
        """
        busy = ended - max(began, self._idle_since)
        self._idle_since = ended
        if busy <= 0 or not events:
            return
        weight = 1.0 if not self._rate else 1 - math.exp(-busy / _MEMORY_S)
        self._rate += weight * (events / busy - self._rate)

    def budget(self, partitions: int) -> int:
        """Return how many events each of so many partitions may have waiting."""
        share = self._rate * self._seconds / max(1, partitions)
        return int(min(max(share, self._least), self._most))
