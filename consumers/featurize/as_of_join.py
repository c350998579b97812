"""As-of join: join an event with the newest version of its entity's context at its event time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, Protocol

import numpy as np
import orjson

from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts, Store
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, as_objects
from streamsim.streams.spec.feature_vector import Joined
from streamsim.streams.spec.features import AsOfJoin


class JoinStore(Store, Protocol):
    """State store of an as-of join: the versions of one context source."""

    def add(self, events: Events, asks_from: Ints) -> None:
        """Add versions, in order of arrival.

        Parameters
        ----------
        asks_from
            Per partition, the earliest event time that may still be looked up (ms). Versions that
            are too old for such an event are deleted when their key next gets a version.
        """
        ...

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """Return what was known of each event's entity at the event's time."""
        ...

    def forget(self, partition: int, asks_from: int) -> None:
        """Forget the keys of a partition whose versions count no more from a time on (ms)."""
        ...


_Versions = tuple[list[int], list[tuple[Any, ...]]]
"""Times and rows of one key, in order of time; of the same time, in order of arrival."""


class VersionJoin:
    """The versions of one context source, per partition and key."""

    def __init__(self, join: AsOfJoin, partitions: int, *, journal: bool = False) -> None:
        self._join = join
        self._changes = Changes(partitions, kept=journal)
        self._keys: list[dict[str, _Versions]] = [{} for _ in range(partitions)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def add(self, events: Events, asks_from: Ints) -> None:
        """See :meth:`JoinStore.add`."""
        if not len(events):
            return
        if self._changes.kept:
            self._changes.add(events.partition, as_columns(events, self._join))
        limit = np.where(asks_from == NO_TIME, NO_TIME, asks_from - self._join.delay).tolist()
        places = events.partition.tolist(), events.entity, events.event_time.tolist()
        for p, key, time, row in zip(*places, rows_of(events, self._join), strict=True):
            times, versions = self._keys[p].setdefault(key, ([], []))
            at = bisect_right(times, time)
            times.insert(at, time)
            versions.insert(at, row)
            if len(times) > 1 and times[1] <= limit[p]:
                old = bisect_right(times, limit[p]) - 1
                del times[:old], versions[:old]

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """Return what was known of each event's entity at the event's time."""
        asked, keep = (event_time - self._join.delay).tolist(), self._join.keep
        found, times = [], []
        nothing: tuple[Any, ...] = (None,) * len(self._join.fields)
        keys, search = self._keys, bisect_right
        places = zip(partition.tolist(), entities.tolist(), asked, strict=True)
        for p, key, time in places:
            known = keys[p].get(key)
            at = search(known[0], time) if known else 0
            if known is None or not at or (keep and known[0][at - 1] < time - keep):
                found.append(nothing)
                times.append(NO_TIME)
            else:
                found.append(known[1][at - 1])
                times.append(known[0][at - 1])
        columns = zip(*found, strict=True) if found else repeat(())
        return Joined(
            np.array(times, np.int64),
            {name: as_objects(c) for name, c in zip(self._join.fields, columns, strict=False)},
        )

    def forget(self, partition: int, asks_from: int) -> None:
        """See :meth:`JoinStore.forget`."""
        forget(self._join, self._keys[partition], asks_from)

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        keys, times, rows = [], [], []
        for key, (own, versions) in self._keys[partition].items():
            keys += [key] * len(own)
            times += own
            rows += [as_text(row) for row in versions]
        return {"key": keys, "time": np.array(times, np.int64), "row": rows}

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's versions, in order of arrival."""
        for key, time, row in read_rows(parts, self._join):
            own, versions = self._keys[partition].setdefault(key, ([], []))
            at = bisect_right(own, time)
            own.insert(at, time)
            versions.insert(at, row)

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return layout_of(self._join)


def forget(join: AsOfJoin, known: dict[str, tuple[list[int], Any]], asks_from: int) -> None:
    """Delete the keys whose newest version, the last, counts no more from a time on (ms)."""
    if join.keep:
        limit = asks_from - join.delay - join.keep
        for key in [key for key, (times, _) in known.items() if times[-1] < limit]:
            del known[key]


def as_columns(events: Events, join: AsOfJoin) -> Mapping[str, Any]:
    """Return versions as the rows of a delta."""
    texts = as_objects(as_text(row) for row in rows_of(events, join))
    return {"key": events.entity, "time": events.event_time, "row": texts}


def read_rows(parts: Parts, join: AsOfJoin) -> Iterator[tuple[str, int, tuple[Any, ...]]]:
    """Read versions from checkpoints: key, time (ms) and row.

    Raises
    ------
    StateError
        If a row has another number of fields than the join.
    """
    columns = parts.texts("key"), parts.ints("time").tolist(), parts.texts("row")
    for key, time, text in zip(*columns, strict=True):
        row = orjson.loads(text)
        if len(row) != len(join.fields):
            raise StateError(
                f"{join.name}: a version has {len(row)} fields, not {len(join.fields)}"
            )
        yield key, time, tuple(row)


def layout_of(join: AsOfJoin) -> object:
    """Return what the layout of a join's rows depends on, as JSON types."""
    return [join.source, join.fields, *join.apart]


def rows_of(events: Events, join: AsOfJoin) -> list[tuple[Any, ...]]:
    """Return the fields of each version; a missing number (NaN) is ``None``."""
    columns = []
    for name in join.fields:
        values = events.columns[name].tolist()
        if events.columns[name].dtype.kind == "f":
            values = [None if value != value else value for value in values]
        columns.append(values)
    return list(zip(*columns, strict=True))


def as_text(row: tuple[Any, ...]) -> str:
    """Return a version as JSON, for checkpoints."""
    return orjson.dumps(row).decode()
