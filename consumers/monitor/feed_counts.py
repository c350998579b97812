"""Feed counts: units and events per feed and partition, in buckets of the source's clock.

Two feeds that report the same thing use the same entity, so both are in its partition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError, StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, Outbound, as_objects
from streamsim.streams.spec.feed_watch import FeedWatch
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import FEEDS, topic

Counts: TypeAlias = dict[tuple[int, str], list[int]]
"""Units, events, and events that were late, per bucket (ms) and feed."""
Reported: TypeAlias = tuple[int, dict[str, int]]
"""When a thing was first reported (clock, ms), and the sum that each feed has reported."""
Disagreement: TypeAlias = tuple[int, str, str, str, int, int]
"""When the disagreement is final (ms), the thing, two feeds, and their sums."""
_BETWEEN = "\x1f"
MOST_FEEDS = 200
"""Most feeds that are counted in one bucket of a partition. Further feeds are left out: names are
arbitrary, and a thousand feeds cannot be watched."""
MOST_SURE = 200
"""Most disagreements published that become final at the same time, the first by name."""


class FeedCounts:
    """The counts of one worker's partitions that are not published yet."""

    def __init__(
        self, domain: str, watch: FeedWatch, partitions: int, *, journal: bool = False
    ) -> None:
        self._changes = Changes(partitions, kept=journal)
        self._watch, self._topic = watch, topic(domain, FEEDS)
        self.until = np.full(partitions, NO_TIME)
        """Per partition, the clock before which all counts are published (ms)."""
        self._counts: list[Counts] = [{} for _ in range(partitions)]
        self._known: list[dict[int, int]] = [{} for _ in range(partitions)]
        self._things: list[dict[str, Reported]] = [{} for _ in range(partitions)]
        self._sure: list[list[Disagreement]] = [[] for _ in range(partitions)]

    def add(self, events: Events, clock: Ints) -> None:
        """Count events, in order of arrival.

        Parameters
        ----------
        clock
            Of each event's partition when the event was received (ms).
        """
        if not len(events):
            return
        watch = self._watch
        late = (clock - events.event_time > watch.behind).astype(np.int64)
        nothing = np.zeros(len(events), np.int64)
        columns = {
            "feed": self._feeds(events),
            "thing": as_objects(self._names(events)),
            "clock": clock,
            "unit": events.integers(watch.unit),
            "late": late,
            "value": events.integers(watch.value) if watch.value else nothing,
        }
        self._take(events.partition, columns)
        self._changes.add(events.partition, columns)

    def closes(self, clock: Ints) -> bool:
        """Say whether a bucket has ended at these clocks; see :meth:`close`."""
        return bool((self._ends(clock) > self.until).any())

    def close(self, clock: Ints) -> list[Outbound]:
        """Publish the buckets that have ended.

        Parameters
        ----------
        clock
            Per partition (ms); no later record will have an earlier one.
        """
        ends = self._ends(clock)
        closing = np.flatnonzero(ends > self.until)
        self._changes.touch(closing)
        return [self._close(p, int(ends[p])) for p in closing.tolist()]

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        rows = [
            (feed, "", bucket, units, late, 0, events)
            for (bucket, feed), (units, events, late) in self._counts[partition].items()
        ]
        rows += [
            (feed, thing, first, 0, 0, value, 0)
            for thing, (first, sums) in self._things[partition].items()
            for feed, value in sums.items()
        ]
        feed, thing, *numbers = zip(*rows, strict=True) if rows else ((),) * 7
        names = ("clock", "unit", "late", "value", "count")
        sure = _written(self._sure[partition])
        content: Columns = {f"sure:{name}": column for name, column in sure.items()}
        content |= {"feed": list(feed), "thing": list(thing)}
        content |= {n: np.array(c, np.int64) for n, c in zip(names, numbers, strict=True)}
        return content | self._until(partition)

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return {p: own | self._until(p) for p, own in self._changes.take().items()}

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's unpublished counts; what was published since is left out."""
        columns: dict[str, Any] = {name: parts.texts(name) for name in ("feed", "thing")}
        columns |= {name: parts.ints(name) for name in ("clock", "unit", "late", "value")}
        n, counted = len(columns["feed"]), parts.ints("count")
        count = np.ones(n, np.int64)  # a row of a delta is one event, one of a snapshot any number
        count[: len(counted)] = counted
        self._take(np.full(n, partition), columns, count)
        until = parts.last("until").tolist()[0] if parts else NO_TIME
        self.until[partition] = until
        sure, texts = parts.of("sure"), ("about", "one", "other")
        written = {n: sure.texts(n) if n in texts else sure.ints(n) for n in _SURE}
        self._sure[partition] += _read(written)
        self._drop(partition, until)

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        watch = self._watch
        return [watch.column, watch.unit, watch.value, *watch.same]

    def _until(self, partition: int) -> Columns:
        return {"until": self.until[partition : partition + 1].copy()}

    def _feeds(self, events: Events) -> Objects:
        if self._watch.column:
            return events.strings(self._watch.column)
        return as_objects([events.source] * len(events))

    def _names(self, events: Events) -> Iterator[str]:
        columns = [events.strings(name).tolist() for name in self._watch.same]
        if not columns:
            return iter([""] * len(events))
        return (_BETWEEN.join(map(str, parts)) for parts in zip(*columns, strict=True))

    def _take(self, partition: Ints, columns: dict[str, Any], count: Ints | None = None) -> None:
        bucket = columns["clock"] // self._watch.bucket * self._watch.bucket
        every = np.ones(len(bucket), np.int64) if count is None else count
        rows = zip(
            partition.tolist(), bucket.tolist(), every.tolist(),
            *(list(columns[n]) for n in ("feed", "thing")),
            *(columns[n].tolist() for n in ("clock", "unit", "late", "value")),
            strict=True,
        )  # fmt: skip
        for p, at, times, feed, thing, clock, unit, late, value in rows:
            if times:
                self._count(p, at, feed, (unit, times, late))
            if thing:
                self._report(p, thing, feed, clock, value)

    def _count(self, p: int, at: int, feed: str, more: tuple[int, int, int]) -> None:
        counted = self._counts[p].get((at, feed))
        if counted is None:
            known = self._known[p].setdefault(at, 0)
            if known >= MOST_FEEDS:
                return
            self._known[p][at] = known + 1
            counted = self._counts[p][at, feed] = [0, 0, 0]
        for i, number in enumerate(more):
            counted[i] += number

    def _report(self, p: int, thing: str, feed: str, clock: int, value: int) -> None:
        known = self._things[p].get(thing)
        if known is not None and clock >= self._watch.expiry(known[0]):
            self._settle(p, thing)
            known = None
        if known is None:
            known = self._things[p][thing] = clock, {}
        known[1][feed] = known[1].get(feed, 0) + value

    def _settle(self, p: int, thing: str) -> None:
        """Compare what feeds have reported of a thing, and delete it."""
        first, sums = self._things[p].pop(thing)
        (one, sum_), *others = sorted(sums.items())
        name = thing.replace(_BETWEEN, " ")
        self._sure[p] += [
            (self._watch.expiry(first), name, one, other, sum_, its)
            for other, its in others
            if its != sum_
        ]

    def _close(self, p: int, end: int) -> Outbound:
        since, watch = int(self.until[p]), self._watch
        for thing in [t for t, (at, _) in self._things[p].items() if watch.expiry(at) <= end]:
            self._settle(p, thing)
        sure = _written(_first([one for one in self._sure[p] if one[0] <= end]))
        due = sorted((key, c) for key, c in self._counts[p].items() if key[0] < end)
        counts = np.array([[at, *c] for (at, _), c in due], np.int64).reshape(-1, 4).T
        body = {
            "span": np.array([p, since, end]),
            "feed": [feed for (_, feed), _ in due],
            **dict(zip(("bucket", "unit", "count", "late"), counts, strict=True)),
            **{f"sure:{name}": column for name, column in sure.items()},
        }
        self.until[p] = end
        self._drop(p, end)
        return Outbound(self._topic, 0, b"%d" % p, pack(body), max(end, 0), [])

    def _drop(self, p: int, end: int) -> None:
        """Delete what has been published."""
        watch = self._watch
        self._counts[p] = {key: c for key, c in self._counts[p].items() if key[0] >= end}
        self._known[p] = {at: count for at, count in self._known[p].items() if at >= end}
        things = self._things[p].items()
        self._things[p] = {t: own for t, own in things if watch.expiry(own[0]) > end}
        self._sure[p] = [one for one in self._sure[p] if one[0] > end]

    def _ends(self, clock: Ints) -> Ints:
        return np.where(clock == NO_TIME, NO_TIME, clock - clock % self._watch.bucket)


def _first(rows: list[Disagreement]) -> list[Disagreement]:
    """Return the first rows of each time, in order."""
    by_time = groupby(sorted(rows), key=itemgetter(0))
    return [row for _, own in by_time for row in islice(own, MOST_SURE)]


_SURE = ("at", "about", "one", "other", "own", "its")


def _written(rows: Sequence[Disagreement]) -> dict[str, Any]:
    columns = dict(zip(_SURE, zip(*rows, strict=True), strict=True)) if rows else {}
    texts = {name: list(columns.get(name, ())) for name in ("about", "one", "other")}
    return texts | {n: np.array(columns.get(n, ()), np.int64) for n in ("at", "own", "its")}


def _read(columns: dict[str, Any]) -> list[Disagreement]:
    own = [columns[name] for name in _SURE]
    return list(zip(*(c if isinstance(c, list) else c.tolist() for c in own), strict=True))


def read_counts(value: bytes | None) -> tuple[int, int, Counts, list[Disagreement]]:
    """Read a published record: partition, end (clock, ms), counts and disagreements.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    try:
        columns: dict[str, Any] = unpack(value or b"")
        p, _, until = columns["span"].tolist()
        numbers = (columns[name].tolist() for name in ("unit", "count", "late"))
        rows = zip(columns["bucket"].tolist(), columns["feed"], *numbers, strict=True)
        counts: Counts = {(at, feed): list(c) for at, feed, *c in rows}
        sure = _read({k[5:]: v for k, v in columns.items() if k[:5] == "sure:"})
    except (StateError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ForeignRecordError(f"no feed counts ({error})") from None
    return p, until, counts, sure
