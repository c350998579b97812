"""Context that is joined by entity: every version of it, so that any event meets what was known."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import orjson

from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, as_objects
from streamsim.streams.spec.feature_vector import Joined
from streamsim.streams.spec.features import AsOfJoin


class Versions(Protocol):
    """The versions of one context source, per partition and key, in whatever way they are kept."""

    def add(self, events: Events, asks_from: Ints) -> None:
        """See :meth:`LookupState.add`."""
        ...

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """See :meth:`LookupState.as_of`."""
        ...

    def kept(self, partition: int) -> tuple[list[str], Ints, list[str]]:
        """See :meth:`LookupState.kept`."""
        ...

    def restore(
        self, partition: int, keys: Sequence[str], times: Ints, rows: Sequence[str]
    ) -> None:
        """See :meth:`LookupState.restore`."""
        ...


_Versions = tuple[list[int], list[tuple[Any, ...]]]
"""Times and rows of one key, in order of time; of the same time, in order of arrival."""


class LookupState:
    """The versions of one context source, per partition and key."""

    def __init__(self, lookup: AsOfJoin, partitions: int) -> None:
        self._lookup = lookup
        self._keys: list[dict[str, _Versions]] = [{} for _ in range(partitions)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def add(self, events: Events, asks_from: Ints) -> None:
        """Take in versions, in order of arrival.

        Parameters
        ----------
        asks_from
            Per partition, the earliest time of an event that may still ask (ms). What no such
            event can meet is forgotten, key by key as they come again.
        """
        if not len(events):
            return
        limit = np.where(asks_from == NO_TIME, NO_TIME, asks_from - self._lookup.delay).tolist()
        places = events.partition.tolist(), events.entity, events.event_time.tolist()
        for p, key, time, row in zip(*places, rows_of(events, self._lookup), strict=True):
            times, versions = self._keys[p].setdefault(key, ([], []))
            at = bisect_right(times, time)
            times.insert(at, time)
            versions.insert(at, row)
            old = bisect_right(times, limit[p]) - 1
            if old > 0:
                del times[:old], versions[:old]

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """Find what was known of each event's entity when it happened."""
        asked = (event_time - self._lookup.delay).tolist()
        found, times = [], np.full(len(asked), NO_TIME)
        nothing: tuple[Any, ...] = (None,) * len(self._lookup.fields)
        for i, (p, key, time) in enumerate(zip(partition.tolist(), entities, asked, strict=True)):
            known = self._keys[p].get(key)
            at = bisect_right(known[0], time) - 1 if known else -1
            if known is None or at < 0:
                found.append(nothing)
            else:
                found.append(known[1][at])
                times[i] = known[0][at]
        fields = enumerate(self._lookup.fields)
        return Joined(times, {name: as_objects(row[j] for row in found) for j, name in fields})

    def kept(self, partition: int) -> tuple[list[str], Ints, list[str]]:
        """Return a partition's versions: their keys, times and rows, as they are written down."""
        keys, times, rows = [], [], []
        for key, (own, versions) in self._keys[partition].items():
            keys += [key] * len(own)
            times += own
            rows += [as_text(row) for row in versions]
        return keys, np.array(times, np.int64), rows

    def restore(
        self, partition: int, keys: Sequence[str], times: Ints, rows: Sequence[str]
    ) -> None:
        """Take in a partition's versions, in order of arrival."""
        for key, time, text in zip(keys, times.tolist(), rows, strict=True):
            row = orjson.loads(text)
            if len(row) != len(self._lookup.fields):
                raise StateError(f"{self._lookup.source}: a version has {len(row)} fields")
            own, versions = self._keys[partition].setdefault(key, ([], []))
            at = bisect_right(own, time)
            own.insert(at, time)
            versions.insert(at, tuple(row))


def as_texts(events: Events, lookup: AsOfJoin) -> Objects:
    """Return versions as they are written down."""
    return as_objects(as_text(row) for row in rows_of(events, lookup))


def rows_of(events: Events, lookup: AsOfJoin) -> list[tuple[Any, ...]]:
    """Return the fields of each version; a number that is not known is ``None`` as a text is."""
    columns = []
    for name in lookup.fields:
        values = events.columns[name].tolist()
        if events.columns[name].dtype.kind == "f":
            values = [None if value != value else value for value in values]
        columns.append(values)
    return list(zip(*columns, strict=True))


def as_text(row: tuple[Any, ...]) -> str:
    """Return a version as it is written down."""
    return orjson.dumps(row).decode()
