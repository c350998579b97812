"""Profile window: the sum over partitions of the newest buckets of profile counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from streamsim.consumers.monitor.drift.profile_counts import read_profiles
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Ints
from streamsim.streams.statistics.reference_profile import CELLS, Reference


@dataclass(frozen=True, slots=True, eq=False)
class WindowCounts:
    """Counts of a window.

    Attributes
    ----------
    end
        The event time at which it ends (ms).
    counts
        Shape ``(n_features + 1, CELLS)``.
    """

    end: int
    counts: Ints


class ProfileWindow:
    """Sliding windows over published counts.

    Parameters
    ----------
    span
        Length of a window (ms), a multiple of ``step``.
    step
        Length of a bucket (ms), as it was published.
    """

    def __init__(self, reference: Reference, partitions: int, *, span: int, step: int) -> None:
        self._bins, self._shape = reference.fingerprint(), (len(reference.columns), CELLS)
        self._span, self._step = span, step
        self._until = np.full(partitions, NO_TIME)
        self._told = NO_TIME
        self._buckets: dict[int, Ints] = {}

    def apply(self, value: bytes | None) -> list[WindowCounts]:
        """Add a published record; return the windows that it completes, in order.

        A window ends with each bucket that has rows. A record that was applied changes nothing.

        Raises
        ------
        ForeignRecordError
            If it is no record of these counts.
        """
        p, _, until, counts = read_profiles(value, self._bins)
        for at, own in counts.items():
            if at >= self._until[p]:
                known = self._buckets.get(at)
                self._buckets[at] = own if known is None else known + own
        self._until[p] = max(until, int(self._until[p]))
        complete = int(self._until.min())
        due = sorted(at for at in self._buckets if self._told <= at and at < complete)
        found = [self._window(at + self._step) for at in due]
        self._told = max(self._told, complete)
        self._buckets = {
            at: own for at, own in self._buckets.items() if at >= self._told - self._span
        }
        return found

    def snapshot(self) -> Columns:
        """Return the whole state, by column."""
        flat = [own.ravel() for own in self._buckets.values()]
        return {
            "until": self._until.copy(),
            "told": np.array([self._told]),
            "bucket": np.array(list(self._buckets), np.int64),
            "counts": np.concatenate([np.empty(0, np.int64), *flat]),
        }

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot."""
        self._until = parts.last("until").copy()
        (self._told,) = parts.last("told").tolist()
        bucket = parts.last("bucket").tolist()
        counts: Any = parts.last("counts").reshape(len(bucket), *self._shape)
        self._buckets = dict(zip(bucket, counts, strict=True))

    def _window(self, end: int) -> WindowCounts:
        total = np.zeros(self._shape, np.int64)
        for at, own in self._buckets.items():
            if end - self._span <= at < end:
                total += own
        return WindowCounts(end, total)
