"""Bucket sums: published counts of all partitions, over the newest buckets of event time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Ints


class BucketSums:
    """Sums over partitions, per bucket; a bucket is complete once every partition has told it.

    Parameters
    ----------
    shape
        Of a bucket's counts.
    span
        Buckets are kept for this event time (ms), a multiple of ``step``.
    step
        Length of a bucket (ms), as it was published.
    """

    def __init__(self, shape: tuple[int, ...], partitions: int, *, span: int, step: int) -> None:
        self._shape, self._span, self._step = shape, span, step
        self._until = np.full(partitions, NO_TIME)
        self._told = NO_TIME
        self._buckets: dict[int, Ints] = {}

    def add(self, p: int, until: int, counts: Mapping[int, Ints]) -> list[int]:
        """Add a partition's counts per bucket's begin; return the ends of complete buckets.

        They are in order; a bucket without rows has none. Counts that were added change nothing.
        The oldest buckets are forgotten with the next call.

        Raises
        ------
        ForeignRecordError
            If there is no such partition.
        """
        if not 0 <= p < len(self._until):
            raise ForeignRecordError(f"no partition {p}")
        self._buckets = {
            at: own for at, own in self._buckets.items() if at >= self._told - self._span
        }
        for at, own in counts.items():
            if at >= self._until[p]:
                known = self._buckets.get(at)
                self._buckets[at] = own if known is None else known + own
        self._until[p] = max(until, int(self._until[p]))
        complete = int(self._until.min())
        due = sorted(at for at in self._buckets if self._told <= at and at < complete)
        self._told = max(self._told, complete)
        return [at + self._step for at in due]

    def total(self, end: int, length: int | None = None) -> Ints:
        """Return the sum over the time before ``end`` (ms), by default over the whole span."""
        begin = end - (self._span if length is None else length)
        inside = (own for at, own in self._buckets.items() if begin <= at < end)
        return sum(inside, np.zeros(self._shape, np.int64))

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
