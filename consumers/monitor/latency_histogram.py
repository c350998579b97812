"""Latency histogram: counts per bucket, which can be added over time and over workers.

Each bucket is a tenth wider than the one before, so a percentile is at most 10 % too high.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsim.streams.events import Ints

_STEP = float(np.log(1.1))
_SMALLEST_MS = 0.1


class Latencies:
    """A histogram of latencies in ms.

    >>> seen = Latencies()
    >>> seen.add(np.array([10, 10, 10, 500]))
    >>> 10 <= seen.percentile(50) <= 11, 500 <= seen.percentile(99) <= 550
    (True, True)
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def add(self, latencies_ms: Ints) -> None:
        """Count latencies; a negative one, from clocks that disagree, counts as 0."""
        if not len(latencies_ms):
            return
        scaled = np.maximum(latencies_ms, _SMALLEST_MS) / _SMALLEST_MS
        buckets, counts = np.unique(
            np.ceil(np.log(scaled) / _STEP).astype(np.int64), return_counts=True
        )
        for bucket, count in zip(buckets.tolist(), counts.tolist(), strict=True):
            self._counts[bucket] = self._counts.get(bucket, 0) + count

    def percentile(self, percent: float) -> float:
        """Return the latency that ``percent`` of all do not exceed (ms), 0 without latencies."""
        wanted, seen = len(self) * percent / 100, 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return round(_SMALLEST_MS * float(np.exp(_STEP * bucket)), 2)
        return 0.0

    def as_dict(self) -> dict[str, int]:
        """Return the counts as JSON types."""
        return {str(bucket): count for bucket, count in self._counts.items()}

    def merge(self, counts: Mapping[str, int]) -> None:
        """Add counts from :meth:`as_dict`."""
        for bucket, count in counts.items():
            self._counts[int(bucket)] = self._counts.get(int(bucket), 0) + count
