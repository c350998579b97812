"""Per-field as-of join: join an event with the newest value of each field of its context.

A laboratory result sets one field and leaves the others unchanged. So a version holds the fields
that it sets, and an event is joined with the newest value of each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, TypeAlias

import numpy as np

from streamsim.consumers.featurize.as_of_join import (
    JoinStore,
    VersionJoin,
    as_text,
    forget,
    layout_of,
    read_rows,
)
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Mask, Objects, Slots, as_objects
from streamsim.streams.spec.feature_vector import Joined
from streamsim.streams.spec.features import AsOfJoin

Said: TypeAlias = "tuple[Any, ...]"
"""What one version says: the number of a field, its value, the number of the next, and so on."""
_Versions = tuple[list[int], list[Said]]
"""Times of versions and what each says, in order of time; of the same time, in order of arrival."""
_SPARE = 8
"""So many versions more than fields are kept before old ones are deleted: it takes a search."""
_NUMBERS = "number"
"""Kind of the values of a checkpoint that are floats; the others are rows of JSON."""


def new_join(join: AsOfJoin, partitions: int, *, journal: bool = False) -> JoinStore:
    """Return the empty store of a join: of whole versions, or of each field by itself."""
    if join.carry:
        return FieldJoin(join, partitions, journal=journal)
    return VersionJoin(join, partitions, journal=journal)


class FieldJoin:
    """What the versions of one context source say, per partition and key.

    :class:`streamsim.consumers.featurize.as_of_join.VersionJoin` does the same for whole versions.
    """

    def __init__(self, join: AsOfJoin, partitions: int, *, journal: bool = False) -> None:
        self._join, self._width = join, len(join.fields)
        self._changes = Changes(partitions, kept=journal)
        self._keys: list[dict[str, _Versions]] = [{} for _ in range(partitions)]

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def add(self, events: Events, asks_from: Ints) -> None:
        """See :meth:`JoinStore.add`."""
        rows, fields, values = self._said(events)
        if not len(rows):
            return
        if self._changes.kept:
            own = events.entity[rows], events.event_time[rows], fields, values
            for kind, which, written in _written(self._width, *own):
                self._changes.add(events.partition[rows][which], written, kind)
        limit = np.where(asks_from == NO_TIME, NO_TIME, asks_from - self._join.delay).tolist()
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        begun, most = rows[first], self._width + _SPARE
        columns = events.partition, events.entity, events.event_time
        places = [column[begun].tolist() for column in columns]
        for p, key, time, said in zip(*places, _split(fields, values, first), strict=True):
            times, versions = self._keys[p].setdefault(key, ([], []))
            _insert(times, versions, time, said)
            if len(times) > most and times[most] <= limit[p]:
                _drop_old(times, versions, limit[p])

    def as_of(self, partition: Ints, entities: Objects, event_time: Ints) -> Joined:
        """Return what was known of each event's entity at the event's time."""
        asked, width, keys = event_time - self._join.delay, self._width, self._keys
        oldest = asked - self._join.keep if self._join.keep else np.full(len(asked), NO_TIME)
        found, at_times = [], []
        places = partition.tolist(), entities.tolist(), asked.tolist(), oldest.tolist()
        for p, key, time, since in zip(*places, strict=True):
            known = keys[p].get(key)
            at = bisect_right(known[0], time) if known else 0
            row: list[Any] = [None] * width
            found.append(row)
            if known is None or not at or known[0][at - 1] < since:
                at_times.append(NO_TIME)
                continue
            at_times.append(known[0][at - 1])
            left, versions = width, known[1]
            while at and left:
                at -= 1
                if known[0][at] < since:
                    break
                pairs = iter(versions[at])
                for j, value in zip(pairs, pairs, strict=True):
                    if row[j] is None:
                        row[j] = value
                        left -= 1
        columns = zip(*found, strict=True) if found else [()] * width
        return Joined(
            np.array(at_times, np.int64),
            {n: as_objects(c) for n, c in zip(self._join.fields, columns, strict=True)},
        )

    def forget(self, partition: int, asks_from: int) -> None:
        """See :meth:`JoinStore.forget`."""
        forget(self._join, self._keys[partition], asks_from)

    def snapshot(self, partition: int) -> Columns:
        """Return a partition's values, one per row; a key stands once for all of its floats."""
        self._changes.drop(partition)
        known = self._keys[partition]
        times = np.fromiter(chain.from_iterable(own for own, _ in known.values()), np.int64)
        versions = list(chain.from_iterable(own for _, own in known.values()))
        flat = list(chain.from_iterable(versions))
        count = np.fromiter(map(len, versions), np.intp, len(versions)) // 2
        owner = np.repeat(np.arange(len(known)), [len(own) for own, _ in known.values()])
        keys, owner = as_objects(known), np.repeat(owner, count)
        given = np.repeat(times, count), np.array(flat[::2], np.int64), flat[1::2]
        found: Columns = {}
        for kind, which, columns in _written(self._width, keys[owner], *given):
            if kind == _NUMBERS:
                columns["count"] = np.bincount(owner[which], minlength=len(keys))
                columns["key"] = keys
            for name, column in columns.items():
                place = f"{kind}:{name}" if kind else name
                found[place] = column.tolist() if column.dtype == object else column
        return found

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's values, in order of arrival."""
        known = self._keys[partition]
        for key, time, row in read_rows(parts, self._join):
            own = known.setdefault(key, ([], []))
            for j, value in enumerate(row):
                if value is not None:
                    _insert(*own, time, (j, value))
        numbers = parts.of(_NUMBERS)
        keys, times = as_objects(numbers.texts("key")), numbers.ints("time")
        count = np.ones(len(keys), np.int64)
        in_snapshot = numbers.ints("count")
        count[: len(in_snapshot)] = in_snapshot
        keys = np.repeat(keys, count)
        fields, values = numbers.ints("field"), numbers.ints("value").view(np.float64).tolist()
        if not len(fields):
            return
        if fields.min() < 0 or fields.max() >= self._width:
            raise StateError(f"{self._join.name}: a field is not one of its {self._width}")
        same = (keys[1:] == keys[:-1]) & (times[1:] == times[:-1]) & (fields[1:] > fields[:-1])
        first = np.flatnonzero(np.append(True, ~same))
        said = _split(fields, values, first)
        for key, time, version in zip(keys[first], times[first].tolist(), said, strict=True):
            _insert(*known.setdefault(key, ([], [])), time, version)

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return [layout_of(self._join), _NUMBERS]

    def _said(self, events: Events) -> tuple[Ints, Ints, list[Any]]:
        """Return all values that are known: their events' rows, in order, fields, and values."""
        rows, fields, values = [], [], []
        for j, name in enumerate(self._join.fields):
            column = events.columns[name]
            if column.dtype.kind == "f":
                own = np.flatnonzero(column == column)
            else:
                own = np.flatnonzero([value is not None for value in column.tolist()])
            rows.append(own)
            fields.append(np.full(len(own), j))
            values.append(column[own])
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        # Of several types the values are objects, of one they stay numbers until here.
        alike = len({column.dtype for column in values}) == 1
        parts = values if alike else [as_objects(column.tolist()) for column in values]
        return row[order], np.concatenate(fields)[order], np.concatenate(parts)[order].tolist()


def _split(fields: Ints, values: Sequence[Any], first: Slots) -> list[Said]:
    """Join the values from each of the given places to the next to one version."""
    flat: list[Any] = [None] * (2 * len(values))
    flat[::2], flat[1::2] = fields.tolist(), values
    edges = [*(2 * first).tolist(), len(flat)]
    return [tuple(flat[begin:end]) for begin, end in pairwise(edges)]


def _insert(times: list[int], versions: list[Said], time: int, said: Said) -> None:
    if not times or time >= times[-1]:
        times.append(time)
        versions.append(said)
        return
    at = bisect_right(times, time)
    times.insert(at, time)
    versions.insert(at, said)


def _drop_old(times: list[int], versions: list[Said], limit: int) -> None:
    """Delete what an event at the limit or later cannot meet: a field has a newer value by then."""
    old = bisect_right(times, limit)
    seen: set[int] = set()
    kept: list[tuple[int, Said]] = []
    for at in range(old - 1, -1, -1):
        pairs = iter(versions[at])
        fresh = [(j, value) for j, value in zip(pairs, pairs, strict=True) if j not in seen]
        if fresh:
            seen.update(j for j, _ in fresh)
            kept.append((times[at], tuple(chain.from_iterable(fresh))))
    kept.reverse()
    times[:old] = [time for time, _ in kept]
    versions[:old] = [said for _, said in kept]


def _written(
    width: int, keys: Objects, times: Ints, fields: Ints, values: Sequence[Any]
) -> Iterator[tuple[str, Mask, dict[str, Any]]]:
    """Yield the columns of values for a checkpoint: their kind, and which values they hold.

    A float is written as the integer of its bits, which takes a tenth of the time of text.
    """
    is_float, floats = np.ones(len(values), bool), values
    if set(map(type, values)) != {float}:
        is_float = np.array([type(value) is float for value in values], bool)
        floats = [value for value in values if type(value) is float]
    numbers = np.array(floats, np.float64)
    own = {"key": keys[is_float], "time": times[is_float], "field": fields[is_float]}
    yield _NUMBERS, is_float, {**own, "value": numbers.view(np.int64)}
    rows = []
    for row in np.flatnonzero(~is_float).tolist():
        cells = [None] * width
        cells[fields[row]] = values[row]
        rows.append(as_text(tuple(cells)))
    yield "", ~is_float, {"key": keys[~is_float], "time": times[~is_float], "row": as_objects(rows)}
