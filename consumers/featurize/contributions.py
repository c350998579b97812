"""Contributions to a global table: a worker's counts of its partitions, in time buckets.

A worker counts its partitions' events in buckets of event time. A bucket closes when its
partition's watermark has passed its end: it can no longer change, and is published once to the
table's topic. Its content does not depend on batch boundaries. A bucket that is published again
after a restart is recognised by its time and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import NamedTuple

import numpy as np
import orjson

from streamsim.consumers.featurize.key_index import KeyIndex
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, Outbound, as_objects
from streamsim.streams.spec.features import GlobalTableSpec
from streamsim.streams.stored.foreign_records import Kinds, check_list, read_fields
from streamsim.streams.topics import topic

Open = tuple[Ints, Ints, Objects]
"""Partition, bucket and key of the events in open buckets."""
Counts = tuple[Sequence[str], Sequence[int], Sequence[int]]
"""Keys, their buckets (ms), and the counts."""


class Closed(NamedTuple):
    """Closed buckets of one partition of a source: its counts in ``[since, until)`` (ms).

    Attributes
    ----------
    safe
        The event time before which the partition no longer reads the table (ms).
    """

    source: str
    partition: int
    since: int
    until: int
    safe: int
    keys: Sequence[str]
    buckets: Sequence[int]
    counts: Sequence[int]

    def record(self, topic_name: str) -> Outbound:
        """Return the record for the table's topic."""
        body = self._asdict() | {
            "since": None if self.since == NO_TIME else self.since,
            "safe": None if self.safe == NO_TIME else self.safe,
        }
        body["from"] = body.pop("since")
        key = record_key(self.source, self.partition)
        return Outbound(topic_name, 0, key, orjson.dumps(body), max(self.until, 0), [])


_CLOSED: Mapping[str, Kinds] = {
    "source": str, "partition": int, "from": (int, NoneType), "until": int, "safe": (int, NoneType),
    "keys": list, "buckets": list, "counts": list,
}  # fmt: skip


def read_closed(value: bytes | None) -> Closed:
    """Read a record of a table's topic.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    body = read_fields(value, _CLOSED)
    for name, kind in (("keys", str), ("buckets", int), ("counts", int)):
        check_list(body[name], kind, name)
    if not len(body["keys"]) == len(body["buckets"]) == len(body["counts"]):
        raise ForeignRecordError("keys, buckets and counts differ in number")
    since, safe = (NO_TIME if body[name] is None else body[name] for name in ("from", "safe"))
    return Closed(
        body["source"], body["partition"], since, body["until"], safe,
        body["keys"], body["buckets"], body["counts"],
    )  # fmt: skip


class Contributions:
    """The open buckets of one worker's partitions.

    Parameters
    ----------
    partitions
        How many partitions each contributing source has.
    """

    def __init__(
        self, domain: str, table: GlobalTableSpec, partitions: int, *, journal: bool = False
    ) -> None:
        self._table = table
        self.topic = topic(domain, table.name)
        self._changes = Changes(partitions, kept=journal)
        self._closed = {s: np.full(partitions, NO_TIME) for s in table.sources}
        self._open: dict[str, list[Open]] = {s: [] for s in table.sources}

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that contribute."""
        return self._table.sources

    def add(self, events: Events, watermark: Ints) -> None:
        """Count cleaned events of a contributing source, which are not late.

        Such an event falls into a closed bucket only if its partition's clock was wrong. It is then
        not counted.

        Parameters
        ----------
        watermark
            Of each event's partition when the event was received (ms, shape ``(n,)``).
        """
        effective = self._table.effective.get(events.source)
        time = events.event_time if effective is None else effective(events)
        bucket = time - time % self._table.bucket
        keys = events.strings(self._table.key)
        still = bucket >= self._ends(events.source, watermark)
        if still.any():
            counted = events.partition[still], bucket[still], keys[still]
            self._open[events.source].append(counted)
            own = {"bucket": counted[1], "key": counted[2]}
            self._changes.add(counted[0], own, events.source)

    def close(self, source: str, watermark: Ints, safe: Ints) -> list[Closed]:
        """Close the buckets that have ended by the partitions' watermarks (ms); return them.

        Parameters
        ----------
        safe
            Per partition, the event time before which it will not read the table any more, even
            after a crash of its worker (ms): older rows of the table may be deleted.
        """
        until = np.where(watermark == NO_TIME, NO_TIME, self._ends(source, watermark))
        closed = self._closed[source]
        advanced = np.flatnonzero(until > closed)
        if not len(advanced):
            return []
        groups = self._take(source, until)
        found = []
        for p in advanced.tolist():
            keys, buckets, counts = groups.get(p, _NOTHING)
            since, end, own_safe = int(closed[p]), int(until[p]), int(safe[p])
            found.append(Closed(source, p, since, end, own_safe, keys, buckets, counts))
            closed[p] = until[p]
        self._changes.touch(advanced)
        return found

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        content = self._closed_until(partition)
        for source in self.sources:
            bucket, keys = self._still_open(source, partition)
            content[f"{source}:bucket"], content[f"{source}:key"] = bucket, keys.tolist()
        return content

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return {p: own | self._closed_until(p) for p, own in self._changes.take().items()}

    def restore(self, partition: int, parts: Parts) -> None:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        closed = parts.last("closed").tolist() or [NO_TIME] * len(self.sources)
        for source, until in zip(self.sources, closed, strict=True):
            own = parts.of(source)
            bucket, keys = own.ints("bucket"), as_objects(own.texts("key"))
            self._closed[source][partition] = until
            still = bucket >= until
            if still.any():
                place = np.full(int(still.sum()), partition)
                self._open[source].append((place, bucket[still], keys[still]))

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        table = self._table
        return [table.key, table.bucket, table.delay, sorted(table.counts)]

    def _closed_until(self, partition: int) -> Columns:
        """Return the time up to which a partition's buckets are closed, per source (ms)."""
        return {"closed": np.array([closed[partition] for closed in self._closed.values()])}

    def _still_open(self, source: str, partition: int) -> tuple[Ints, Objects]:
        """Return the events in a partition's open buckets: their buckets and keys."""
        if not self._open[source]:
            return np.empty(0, np.int64), np.empty(0, object)
        own, bucket, keys = (np.concatenate(c) for c in zip(*self._open[source], strict=True))
        return bucket[own == partition], keys[own == partition]

    def _ends(self, source: str, watermark: Ints) -> Ints:
        """Return the end of the last bucket that is complete at a watermark (ms).

        A source's effective times may precede its event times, by at most the table's delay. Their
        watermark lags by that delay.
        """
        if source in self._table.effective:
            watermark = watermark - self._table.delay
        return watermark - watermark % self._table.bucket

    def _take(self, source: str, until: Ints) -> dict[int, Counts]:
        """Remove the buckets that close; return keys, buckets and counts per partition."""
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


_NOTHING: Counts = ((), (), ())


def record_key(source: str, partition: int) -> bytes:
    """Return the record key of a partition's contributions."""
    return f"{source}:{partition}".encode()
