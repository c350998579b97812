"""Per-field as-of join: join an event with the newest value of each field of its context.

A laboratory result sets one field and leaves the others unchanged. So every field has its own
versions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamsim.consumers.featurize.as_of_join import (
    JoinStore,
    VersionJoin,
    as_columns,
    as_text,
    layout_of,
    read_rows,
)
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, as_objects
from streamsim.streams.spec.feature_vector import Joined
from streamsim.streams.spec.features import AsOfJoin

_Values = tuple[list[int], list[Any]]
"""Times and values of one field, in order of time; of the same time, in order of arrival."""


def new_join(join: AsOfJoin, partitions: int, *, journal: bool = False) -> JoinStore:
    """Return the empty store of a join: of whole versions, or of each field by itself."""
    if join.carry:
        return FieldJoin(join, partitions, journal=journal)
    return VersionJoin(join, partitions, journal=journal)


class FieldJoin:
    """The values of each field of one context source, per partition and key.

    :class:`streamsim.consumers.featurize.as_of_join.VersionJoin` does the same for whole versions.
    """

    def __init__(self, join: AsOfJoin, partitions: int, *, journal: bool = False) -> None:
        self._join = join
        self._changes = Changes(partitions, kept=journal)
        self._keys: list[dict[str, dict[int, _Values]]] = [{} for _ in range(partitions)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def add(self, events: Events, asks_from: Ints) -> None:
        """See :meth:`JoinStore.add`."""
        if not len(events):
            return
        if self._changes.kept:
            self._changes.add(events.partition, as_columns(events, self._join))
        limit = np.where(asks_from == NO_TIME, NO_TIME, asks_from - self._join.delay).tolist()
        partition, time = events.partition.tolist(), events.event_time.tolist()
        entity = events.entity.tolist()
        stores = [
            self._keys[p].setdefault(key, {}) for p, key in zip(partition, entity, strict=True)
        ]
        # By column, because a version has a value for few of the fields.
        for j, name in enumerate(self._join.fields):
            column = events.columns[name]
            values = column.tolist()
            for i in _known(column, values):
                own = stores[i].get(j)
                if own is None:
                    stores[i][j] = [time[i]], [values[i]]
                    continue
                _insert(own, time[i], values[i])
                times, least = own[0], limit[partition[i]]
                if times[1] <= least:  # seldom: the search is spared
                    old = bisect_right(times, least) - 1
                    del times[:old], own[1][:old]

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """Return what was known of each event's entity at the event's time."""
        asked = (event_time - self._join.delay).tolist()
        width = len(self._join.fields)
        times = np.full(len(asked), NO_TIME)
        found: list[list[Any]] = [[None] * width for _ in asked]
        for i, (p, key, time) in enumerate(zip(partition.tolist(), entities, asked, strict=True)):
            for j, (own, values) in self._keys[p].get(key, {}).items():
                at = bisect_right(own, time) - 1
                if at >= 0:
                    found[i][j] = values[at]
                    times[i] = max(times[i], own[at])
        fields = enumerate(self._join.fields)
        return Joined(times, {name: as_objects(row[j] for row in found) for j, name in fields})

    def snapshot(self, partition: int) -> Columns:
        """Return a partition's values, one per row."""
        self._changes.drop(partition)
        keys, times, rows = [], [], []
        width = len(self._join.fields)
        for key, fields in self._keys[partition].items():
            for j, (own, values) in fields.items():
                keys += [key] * len(own)
                times += own
                for value in values:
                    row = [None] * width
                    row[j] = value
                    rows.append(as_text(tuple(row)))
        return {"key": keys, "time": np.array(times, np.int64), "row": rows}

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's values, in order of arrival."""
        for key, time, row in read_rows(parts, self._join):
            fields = self._keys[partition].setdefault(key, {})
            for j, value in enumerate(row):
                if value is not None:
                    _insert(fields.setdefault(j, ([], [])), time, value)

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return layout_of(self._join)


def _known(column: Any, values: Sequence[Any]) -> list[int]:
    """Return the rows in which a column has a value: neither ``None`` nor NaN."""
    if column.dtype.kind == "f":
        return np.flatnonzero(column == column).tolist()
    return [i for i, value in enumerate(values) if value is not None]


def _insert(own: _Values, time: int, value: Any) -> None:
    times, values = own
    if not times or time >= times[-1]:
        times.append(time)
        values.append(value)
        return
    at = bisect_right(times, time)
    times.insert(at, time)
    values.insert(at, value)
