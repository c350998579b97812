"""Features: exact event-time windows per key, joined with context and tracked state.

The stream and training run the same functions over the same state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from streamsim.consumers.featurize.as_of_join import JoinStore
from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.consumers.featurize.history import History
from streamsim.consumers.featurize.key_index import PlacedKeys
from streamsim.consumers.featurize.tracking import TrackedState
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Events, Ints, Mask, Matrix, Objects, Slots
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.feature_vector import Aggregates, Past
from streamsim.streams.spec.features import Windows

Lineage: TypeAlias = "list[dict[str, Any]] | None"


class WindowState:
    """The history of one kind of key: times and values of its events.

    Parameters
    ----------
    slack
        By how much an event may be older than its key's newest event (ms).
    """

    def __init__(
        self, windows: Windows, slack: int, partitions: int, *, journal: bool = False
    ) -> None:
        self._windows = windows
        self._changes = Changes(partitions, kept=journal)
        self._index = PlacedKeys()
        self._history = History(2, max(windows.lengths), keep=windows.keep, slack=slack)

    def __len__(self) -> int:
        return len(self._index)

    def observe(self, partition: Ints, keys: Objects, times: Ints, values: Ints) -> Past:
        """Add events in order of arrival, and return the past of each one's key.

        A key has a separate history in each partition; the records' key is in one partition only.
        An event sees older events that had arrived before it. The events of a key that come in
        order of time, which is nearly always, are processed at once; those of the other keys in
        turns, each with one event per key.
        """
        slots = self._index.slots(partition, keys)
        order = np.argsort(slots, kind="stable")
        astray = self._astray(slots[order], times[order])
        numbers = np.column_stack([values, values * values])
        if not len(astray):
            self._history.append(slots[order], times[order], numbers[order])
            return self._past(slots, times)
        single = np.isin(slots, astray)
        many = ~single
        order = order[many[order]]
        self._history.append(slots[order], times[order], numbers[order])
        n, k = len(times), len(self._windows.lengths)
        count, total, squares = (np.zeros((n, k), np.int64) for _ in range(3))
        past = Past(count, total, squares, np.full(n, NO_TIME), np.full(n, NO_TIME))
        _put(past, many, self._past(slots[many], times[many]))
        for rows in _turns(slots, np.flatnonzero(single)):
            _put(past, rows, self._past(slots[rows], times[rows]))
            self._history.insert(slots[rows], times[rows], numbers[rows])
        return past

    def as_of(self, partition: Ints, keys: Objects, times: Ints) -> Past:
        """Return the past of keys before these times (ms), without adding events."""
        return self._past(self._index.slots(partition, keys), times)

    def keep_from(self, oldest: int | None) -> None:
        """Keep all rows that an event at this time may need (ms); ``None`` for no such event."""
        longest = max(self._windows.lengths)
        self._history.floor = None if oldest is None else oldest - longest

    def forget(self, partition: int, asks_from: int) -> None:
        """Forget the keys of a partition that have no event in any window from a time on (ms)."""
        keys, slots = self._index.of(partition)
        limit, floor = asks_from - max(self._windows.lengths), self._history.floor
        idle = self._history.newest(slots) < (limit if floor is None else min(limit, floor))
        gone = np.flatnonzero(idle)
        if len(gone):
            self._history.clear(slots[gone])
            self._index.forget(partition, [keys[row] for row in gone.tolist()])

    def note(self, events: Events) -> None:
        """Note finished events for the next delta."""
        windows = self._windows
        columns = {
            "key": events.columns[windows.key],
            "time": events.event_time,
            "value": events.columns[windows.value],
        }
        self._changes.add(events.partition, columns)

    def snapshot(self, partition: int) -> Columns:
        """Return a partition's history: keys, events per key, and the events' times and values."""
        self._changes.drop(partition)
        keys, slots = self._index.of(partition)
        count, times, numbers = self._history.kept(slots)
        return {"key": keys, "count": count, "time": times, "value": numbers[:, 0]}

    def delta(self) -> dict[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's history, in order of arrival.

        A snapshot has a key once for all of its rows, a delta once for each row.
        """
        keys, times, values = parts.texts("key"), parts.ints("time"), parts.ints("value")
        count = np.ones(len(keys), np.int64)
        in_snapshot = parts.ints("count")
        count[: len(in_snapshot)] = in_snapshot
        slots = np.repeat(self._index.slots(np.full(len(keys), partition), keys), count)
        order = np.lexsort((times, slots))
        numbers = np.column_stack([values, values * values])[order]
        self._history.append(slots[order], times[order], numbers)

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return [self._windows.key, self._windows.value]

    def _astray(self, slots: Slots, times: Ints) -> Slots:
        """Find the keys with an event that is older than a previous one."""
        if not len(slots):
            return slots
        first = np.concatenate(([True], slots[1:] != slots[:-1]))
        before = np.concatenate(([NO_TIME], times[:-1]))
        before[first] = self._history.newest(slots[first])
        return np.unique(slots[times < before])

    def _past(self, slots: Slots, times: Ints) -> Past:
        history, windows = self._history, self._windows
        n, lengths = len(slots), np.array(windows.lengths, np.int64)
        here = history.before(slots, times)
        # All windows in one search: few events take as long as many.
        began = np.subtract.outer(times, lengths).ravel()
        start = history.before(np.repeat(slots, len(lengths)), began).reshape(n, len(lengths))
        start = np.maximum(start, (here - windows.keep)[:, None])
        inside = history.sums(here)[:, None] - history.sums(start)
        count, total, squares = here[:, None] - start, inside[..., 0], inside[..., 1]
        longest = np.minimum(here, start.min(axis=1))
        known = here > longest
        last = np.where(known, history.times(here), NO_TIME)
        first = np.where(known, history.times(np.minimum(longest + 1, here)), NO_TIME)
        return Past(count, total, squares, last, first)


def _turns(slots: Slots, rows: Slots) -> Iterator[Slots]:
    """Yield the rows in turns: the first of each slot, the second of each, and so on."""
    own = slots[rows]
    order = np.argsort(own, kind="stable")
    first = np.flatnonzero(np.diff(own[order], prepend=-1))
    count = np.diff(np.append(first, len(own)))
    turn = np.empty(len(own), np.intp)
    turn[order] = np.arange(len(own)) - np.repeat(first, count)
    for number in range(int(count.max(initial=0))):
        yield rows[turn == number]


def _put(past: Past, rows: Mask | Slots, part: Past) -> None:
    past.count[rows], past.total[rows] = part.count, part.total
    past.squares[rows] = part.squares
    past.last[rows], past.first[rows] = part.last, part.first


def featurize(
    events: Events,
    spec: DomainSpec,
    windows: Mapping[str, WindowState],
    tables: Mapping[str, GlobalTable],
    lookups: Mapping[str, JoinStore],
    trackers: Mapping[str, TrackedState],
    answered: Ints | None = None,
) -> tuple[Matrix, Lineage]:
    """Compute the features of ready events, and add the events to the state.

    Parameters
    ----------
    answered
        For rescored events: when the third party's answer arrived (ms), shape ``(n,)``. They are
        joined with that answer, and are not added to the state again.

    Returns
    -------
    ``float32``, shape ``(n_events, n_features)``, in the order of the events, and the lineage of
    each score's context.
    """
    pasts = {}
    for w in spec.features.windows:
        asked = events.partition, events.strings(w.key), events.event_time
        own = windows[w.name]
        pasts[w.name] = (
            own.observe(*asked, events.integers(w.value)) if answered is None else own.as_of(*asked)
        )
    counts = {
        t.name: tables[t.name].windows(events.strings(t.key), events.event_time)
        for t in spec.features.tables
    }
    times = dict.fromkeys(lookups, events.event_time)
    if answered is not None and spec.model.rescoring is not None:
        times[spec.model.rescoring.join] = answered
    joined = {
        name: lookup.as_of(events.partition, events.entity, times[name])
        for name, lookup in lookups.items()
    }
    tracked = {name: tracker.update(events, joined) for name, tracker in trackers.items()}
    aggregates = Aggregates(pasts, counts, joined, tracked)
    features = spec.features.vector.assemble(events, aggregates).astype(np.float32)
    lineage = spec.features.vector.lineage
    return features, None if lineage is None else lineage(aggregates)
