"""Counts per second key: what each worker adds up, and the whole that every worker holds.

A contributor adds its partitions' events to buckets of event time. Once a partition's watermark
has passed the end of a bucket, that bucket is closed: nothing can come into it any more, so it
is published once, to the table's topic, and says the same whatever the batches were. A repeat
after a restart is recognised by its bucket and ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson

from streamsim.consumers.featurize.history import History, KeyIndex
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, Outbound
from streamsim.streams.spec.features import GlobalTableSpec
from streamsim.streams.topics import topic

Open: TypeAlias = tuple[Ints, Ints, Objects]
"""Partition, bucket and key of events that are counted in buckets which are still open."""


class Contributions:
    """What the partitions of one worker have counted and not yet published.

    Parameters
    ----------
    partitions
        How many partitions each contributing source has.
    """

    def __init__(self, domain: str, table: GlobalTableSpec, partitions: int) -> None:
        self._table = table
        self._topic = topic(domain, table.name)
        self._closed = {s: np.full(partitions, NO_TIME) for s in table.sources}
        self._open: dict[str, list[Open]] = {s: [] for s in table.sources}

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that contribute."""
        return self._table.sources

    def add(self, events: Events, watermark: Ints) -> Open:
        """Count clean, punctual events of a contributing source.

        A punctual event never falls into a closed bucket, unless its partition's clock has been
        set wrong; then it counts for nobody, rather than wait for ever.

        Parameters
        ----------
        watermark
            Of each event's partition when it came (ms, shape ``(n,)``).

        Returns
        -------
        What is counted by this: partition, bucket and key of each event.
        """
        effective = self._table.effective.get(events.source)
        time = events.event_time if effective is None else effective(events)
        bucket = time - time % self._table.bucket
        keys = events.strings(self._table.key)
        still = bucket >= self._ends(events.source, watermark)
        counted = events.partition[still], bucket[still], keys[still]
        if still.any():
            self._open[events.source].append(counted)
        return counted

    def closed(self, partition: int) -> list[int]:
        """Return up to when a partition's buckets have been published, per source (ms)."""
        return [int(closed[partition]) for closed in self._closed.values()]

    def open(self, source: str, partition: int) -> tuple[Ints, Objects]:
        """Return what a partition has counted and not published: buckets and keys."""
        if not self._open[source]:
            return np.empty(0, np.int64), np.empty(0, object)
        own, bucket, keys = (np.concatenate(c) for c in zip(*self._open[source], strict=True))
        return bucket[own == partition], keys[own == partition]

    def restore(
        self, source: str, partition: int, closed: int, bucket: Ints, keys: Objects
    ) -> None:
        """Take in a partition's counts of a source; there must be none of it yet."""
        self._closed[source][partition] = closed
        still = bucket >= closed
        if still.any():
            own = np.full(int(still.sum()), partition)
            self._open[source].append((own, bucket[still], keys[still]))

    def close(self, source: str, watermark: Ints, safe: Ints) -> list[Outbound]:
        """Publish the buckets that have ended by the partitions' watermarks (ms).

        Parameters
        ----------
        safe
            Per partition, the event time before which it will ask for nothing any more, whatever
            happens to its worker (ms): so much of the table may be forgotten.
        """
        until = np.where(watermark == NO_TIME, NO_TIME, self._ends(source, watermark))
        closed = self._closed[source]
        advanced = np.flatnonzero(until > closed)
        if not len(advanced):
            return []
        groups = self._take(source, until)
        records = []
        for p in advanced.tolist():
            span = int(closed[p]), int(until[p])
            records.append(self._record(source, p, span, int(safe[p]), groups.get(p)))
            closed[p] = until[p]
        return records

    def _ends(self, source: str, watermark: Ints) -> Ints:
        """Return the end of the last bucket that is complete by a watermark (ms).

        Where an event takes effect earlier than it happens, by the table's delay at most, the
        watermark of its effects lags by that delay.
        """
        if source in self._table.effective:
            watermark = watermark - self._table.delay
        return watermark - watermark % self._table.bucket

    def _take(
        self, source: str, until: Ints
    ) -> dict[int, tuple[Sequence[str], Sequence[int], Sequence[int]]]:
        """Take the closed part of what is open: per partition its keys, buckets and counts."""
        parts = self._open[source]
        if not parts:
            return {}
        partition, bucket, keys = (np.concatenate(column) for column in zip(*parts, strict=True))
        done = bucket < until[partition]
        rest = ~done
        self._open[source] = [(partition[rest], bucket[rest], keys[rest])] if rest.any() else []
        partition, bucket, keys = partition[done], bucket[done], keys[done]
        if not len(keys):
            return {}
        slot = KeyIndex().slots(keys)
        order = np.lexsort((slot, bucket, partition))
        p, b, k = partition[order], bucket[order], slot[order]
        new = (np.diff(p) != 0) | (np.diff(b) != 0) | (np.diff(k) != 0)
        first = np.flatnonzero(np.concatenate(([True], new)))
        count = np.diff(np.append(first, len(order)))
        own, keys = p[first], keys[order[first]]
        edge = np.flatnonzero(np.concatenate(([True], np.diff(own) != 0, [True])))
        return {
            int(own[low]): (
                keys[low:high].tolist(),
                b[first[low:high]].tolist(),
                count[low:high].tolist(),
            )
            for low, high in zip(edge[:-1].tolist(), edge[1:].tolist(), strict=True)
        }

    def _record(
        self,
        source: str,
        partition: int,
        span: tuple[int, int],
        safe: int,
        group: tuple[Sequence[str], Sequence[int], Sequence[int]] | None,
    ) -> Outbound:
        keys, buckets, counts = group or ((), (), ())
        since, until = span
        body: dict[str, Any] = {
            "source": source,
            "partition": partition,
            "from": None if since == NO_TIME else since,
            "until": until,
            "safe": None if safe == NO_TIME else safe,
            "keys": keys,
            "buckets": buckets,
            "counts": counts,
        }
        key = record_key(source, partition)
        return Outbound(self._topic, 0, key, orjson.dumps(body), max(until, 0), [])


def record_key(source: str, partition: int) -> bytes:
    """Return the key of what a partition of a source contributes."""
    return f"{source}:{partition}".encode()


class SecondKeyTable:
    """The whole table: all partitions' closed buckets, readable up to the common watermark."""

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
        # A partition may lag the fastest one by the delay: nobody gets further ahead. It may also
        # be set back when its worker dies: how far, the partitions say themselves.
        self._reach = max(table.lengths) + table.delay + table.bucket
        self._safe = dict.fromkeys(range(partitions), NO_TIME)
        self._history = History(len(table.counts), self._reach, slack=table.delay)
        self._history.floor = NO_TIME
        self._index = KeyIndex()
        self._waiting: list[tuple[Ints, Ints, Ints]] = []
        self._settled = NO_TIME
        self.watermark = NO_TIME
        """All buckets that end by then are complete (ms)."""

    def has(self, key: bytes | None, until: int) -> bool:
        """Say whether a record of the table's topic tells nothing new, by its key and time (ms).

        The time must be the one that whoever wrote the record has given it.
        """
        covered = self._by_key.get(key)
        return covered is not None and until <= self._covered[covered]

    def apply(self, value: bytes) -> bool:
        """Take in one record of the table's topic; return whether the watermark advanced."""
        body = orjson.loads(value)
        origin = body["source"], body["partition"]
        covered, until = self._covered[origin], body["until"]
        if until <= covered:
            return False
        self._covered[origin] = until
        self._forget(body["partition"], body["safe"])
        if body["keys"]:
            bucket = np.array(body["buckets"], np.int64)
            new = bucket >= covered
            slots = self._index.slots(body["keys"])[new]
            values = np.zeros((len(slots), len(self._table.counts)), np.int64)
            values[:, self._column[body["source"]]] = np.array(body["counts"])[new, None]
            self._waiting.append((bucket[new], slots, values))
        watermark = min(self._covered.values())
        if watermark <= self.watermark:
            return False
        self.watermark = watermark
        return True

    def _forget(self, partition: int, safe: int | None) -> None:
        if safe is None or safe <= self._safe[partition]:
            return
        self._safe[partition] = safe
        slowest = min(self._safe.values())
        if slowest != NO_TIME:
            self._history.floor = slowest - self._reach

    def behind(self) -> tuple[str, int]:
        """Return the source and partition that hold the watermark back."""
        return min(self._covered, key=self._covered.__getitem__)

    def asks_for(self, event_time: Ints) -> Ints:
        """Return the watermark that events of these times need: ``floor(t - delay)`` (ms)."""
        time = event_time - self._table.delay
        return time - time % self._table.bucket

    def windows(self, keys: Objects, event_time: Ints) -> dict[str, Ints]:
        """Count over the windows of events that are ready; per column, shape ``(n, n_lengths)``."""
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

        It is done when a question first needs it: that is once in a while for live events,
        which ask for what was complete days ago.
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
