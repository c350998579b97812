"""Global table: counts by another key than the partitioning key, complete in every worker."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.featurize.contributions import Closed, record_key
from streamsim.consumers.featurize.history import History
from streamsim.consumers.featurize.key_index import KeyIndex
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Ints, Objects
from streamsim.streams.spec.features import GlobalTableSpec


class GlobalTable:
    """All partitions' closed buckets, readable up to the least of the partitions' watermarks."""

    def __init__(self, table: GlobalTableSpec, partitions: int) -> None:
        self._table = table
        self._column = {
            source: [i for i, s in enumerate(table.counts.values()) if s == source]
            for source in table.sources
        }
        self._covered = {
            (source, p): NO_TIME for source in table.sources for p in range(partitions)
        }
        self._by_key: dict[bytes | None, tuple[str, int]] = {
            record_key(*origin): origin for origin in self._covered
        }
        self._lengths = np.array(table.lengths)
        # A partition may lag the fastest one by the delay at most, since events wait for the table.
        # A crash of its worker sets it back further: each partition publishes how far (safe).
        self._reach = max(table.lengths) + table.delay + table.bucket
        self._safe = dict.fromkeys(range(partitions), NO_TIME)
        self._history = History(len(table.counts), self._reach, slack=table.delay)
        self._history.floor = NO_TIME
        self._index = KeyIndex()
        self._waiting: list[tuple[Ints, Ints, Ints]] = []
        self._settled = NO_TIME
        self.watermark = NO_TIME
        """All buckets that end at or before this time are complete (ms)."""

    def has(self, key: bytes | None, until: int) -> bool:
        """Say whether a record of the table's topic is already applied, by its key and time (ms).

        The time must be the one that the record's writer has set (``CreateTime``).
        """
        covered = self._by_key.get(key)
        return covered is not None and until <= self._covered[covered]

    def apply(self, closed: Closed) -> bool:
        """Apply closed buckets of a partition; return whether the watermark advanced.

        Raises
        ------
        ForeignRecordError
            If the domain has no such source or partition.
        """
        origin = closed.source, closed.partition
        if origin not in self._covered:
            raise ForeignRecordError(f"no source {closed.source}, partition {closed.partition}")
        covered = self._covered[origin]
        if closed.until <= covered:
            return False
        self._covered[origin] = closed.until
        self._forget(closed.partition, closed.safe)
        if closed.keys:
            bucket = np.array(closed.buckets, np.int64)
            new = bucket >= covered
            slots = self._index.slots(closed.keys)[new]
            values = np.zeros((len(slots), len(self._table.counts)), np.int64)
            values[:, self._column[closed.source]] = np.array(closed.counts)[new, None]
            self._waiting.append((bucket[new], slots, values))
        watermark = min(self._covered.values())
        if watermark <= self.watermark:
            return False
        self.watermark = watermark
        return True

    def _forget(self, partition: int, safe: int) -> None:
        if safe <= self._safe[partition]:
            return
        self._safe[partition] = safe
        slowest = min(self._safe.values())
        if slowest != NO_TIME:
            self._history.floor = slowest - self._reach

    def behind(self) -> tuple[str, int]:
        """Return the source and partition that hold the watermark back."""
        return min(self._covered, key=self._covered.__getitem__)

    def asks_for(self, event_time: Ints) -> Ints:
        """Return the watermark that events at these times need: ``floor(t - delay)`` (ms)."""
        time = event_time - self._table.delay
        return time - time % self._table.bucket

    def windows(self, keys: Objects, event_time: Ints) -> dict[str, Ints]:
        """Count over the windows of ready events; per column, shape ``(n, n_lengths)``."""
        counts = np.zeros((len(keys), len(self._lengths), len(self._table.counts)), np.int64)
        until = self.asks_for(event_time)
        if until.max(initial=NO_TIME) > self._settled:
            self._settle()
        slots = self._index.find(keys)
        known = np.flatnonzero(slots >= 0)
        if len(known):
            slots, until = slots[known], until[known]
            last = self._history.sums(self._history.before(slots, until))
            for i, length in enumerate(self._lengths.tolist()):
                first = self._history.sums(self._history.before(slots, until - length))
                counts[known, i] = last - first
        return {name: counts[:, :, i] for i, name in enumerate(self._table.counts)}

    def _settle(self) -> None:
        """Move complete buckets to the history, in order of time.

        This happens when a lookup first needs them. For live events that is seldom: they look up
        buckets that were complete days ago.
        """
        self._settled = self.watermark
        if not self._waiting:
            return
        bucket, slots, values = (np.concatenate(c) for c in zip(*self._waiting, strict=True))
        done = bucket < self.watermark
        if not done.any():
            return
        rest = ~done
        self._waiting = [(bucket[rest], slots[rest], values[rest])] if rest.any() else []
        bucket, slots, values = bucket[done], slots[done], values[done]
        order = np.lexsort((bucket, slots))
        self._history.append(slots[order], bucket[order], values[order])

    def snapshot(self) -> Columns:
        """Return the whole state: an empty table that restores it is equal to this one."""
        keys = self._index.keys()
        count, times, values = self._history.kept(np.arange(len(keys)))
        bucket, slots, waiting = self._unsettled()
        return {
            "key": keys,
            "count": count,
            "time": times,
            "value": values.ravel(),
            "waiting_bucket": bucket,
            "waiting_slot": slots,
            "waiting_value": waiting.ravel(),
            "covered": np.array(list(self._covered.values())),
            "safe": np.array(list(self._safe.values())),
            "until": np.array([self._settled, self.watermark]),
        }

    def restore(self, parts: Parts) -> None:
        """Restore an empty table from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is no snapshot of this table.
        """
        counts = len(self._table.counts)
        slots = self._index.slots(parts.texts("key"))
        each = np.repeat(slots, parts.ints("count"))
        self._history.append(each, parts.ints("time"), parts.ints("value").reshape(-1, counts))
        bucket = parts.ints("waiting_bucket")
        if len(bucket):
            values = parts.ints("waiting_value").reshape(-1, counts)
            self._waiting = [(bucket, parts.ints("waiting_slot"), values)]
        self._covered = dict(zip(self._covered, parts.ints("covered").tolist(), strict=True))
        self._safe = dict(zip(self._safe, parts.ints("safe").tolist(), strict=True))
        self._settled, self.watermark = parts.ints("until").tolist()
        slowest = min(self._safe.values())
        if slowest != NO_TIME:
            self._history.floor = slowest - self._reach

    def _unsettled(self) -> tuple[Ints, Ints, Ints]:
        """Return the rows of buckets that are not in the history yet."""
        none = np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, len(self._table.counts)))
        bucket, slots, values = zip(none, *self._waiting, strict=True)
        return (
            np.concatenate(bucket),
            np.concatenate(slots),
            np.concatenate(values).astype(np.int64),
        )
