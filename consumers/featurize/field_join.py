"""Context whose fields come one by one: each is known as it was last said.

A result of a laboratory says one thing and leaves the others as they were. So every field has
versions of its own, and an event meets the newest of each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.featurize.as_of_join import LookupState, Versions, as_text, rows_of
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Objects, as_objects
from streamsim.streams.spec.feature_vector import Joined
from streamsim.streams.spec.features import AsOfJoin

_Said = tuple[list[int], list[Any]]
"""Times and values of one field, in order of time; of the same time, in order of arrival."""


def new_lookup(lookup: AsOfJoin, partitions: int) -> Versions:
    """Return the empty state of a lookup."""
    kind = CarriedState if lookup.carry else LookupState
    return kind(lookup, partitions)


class CarriedState:
    """The values of each field of one context source, per partition and key.

    It does what :class:`streamsim.consumers.featurize.as_of_join.LookupState` does for whole
    versions.
    """

    def __init__(self, lookup: AsOfJoin, partitions: int) -> None:
        self._lookup = lookup
        self._keys: list[dict[str, dict[int, _Said]]] = [{} for _ in range(partitions)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def add(self, events: Events, asks_from: Ints) -> None:
        """Take in what is said, in order of arrival; see :meth:`LookupState.add`."""
        if not len(events):
            return
        limit = np.where(asks_from == NO_TIME, NO_TIME, asks_from - self._lookup.delay).tolist()
        places = events.partition.tolist(), events.entity, events.event_time.tolist()
        for p, key, time, row in zip(*places, rows_of(events, self._lookup), strict=True):
            for said in self._put(p, key, time, row):
                times, values = said
                old = bisect_right(times, limit[p]) - 1
                if old > 0:
                    del times[:old], values[:old]

    def _put(self, p: int, key: str, time: int, row: Sequence[Any]) -> list[_Said]:
        fields = self._keys[p].setdefault(key, {})
        touched = []
        for i, value in enumerate(row):
            if value is None:
                continue
            said = fields.setdefault(i, ([], []))
            at = bisect_right(said[0], time)
            said[0].insert(at, time)
            said[1].insert(at, value)
            touched.append(said)
        return touched

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """Find what was known of each event's entity when it happened."""
        asked = (event_time - self._lookup.delay).tolist()
        width = len(self._lookup.fields)
        times = np.full(len(asked), NO_TIME)
        found: list[list[Any]] = [[None] * width for _ in asked]
        for i, (p, key, time) in enumerate(zip(partition.tolist(), entities, asked, strict=True)):
            for j, (own, values) in self._keys[p].get(key, {}).items():
                at = bisect_right(own, time) - 1
                if at >= 0:
                    found[i][j] = values[at]
                    times[i] = max(times[i], own[at])
        fields = enumerate(self._lookup.fields)
        return Joined(times, {name: as_objects(row[j] for row in found) for j, name in fields})

    def kept(self, partition: int) -> tuple[list[str], Ints, list[str]]:
        """Return a partition's values, one a row: their keys, times and rows."""
        keys, times, rows = [], [], []
        width = len(self._lookup.fields)
        for key, fields in self._keys[partition].items():
            for j, (own, values) in fields.items():
                keys += [key] * len(own)
                times += own
                for value in values:
                    row = [None] * width
                    row[j] = value
                    rows.append(as_text(tuple(row)))
        return keys, np.array(times, np.int64), rows

    def restore(
        self, partition: int, keys: Sequence[str], times: Ints, rows: Sequence[str]
    ) -> None:
        """Take in a partition's values, in order of arrival."""
        for key, time, text in zip(keys, times.tolist(), rows, strict=True):
            row = orjson.loads(text)
            if len(row) != len(self._lookup.fields):
                raise StateError(f"{self._lookup.name}: a version has {len(row)} fields")
            self._put(partition, key, time, row)
