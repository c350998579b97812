"""Tracked state: a value per key that every event updates, and its rows in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.consumers.featurize.key_index import PlacedKeys
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import StateError
from streamsim.streams.events import Events, Ints
from streamsim.streams.spec.feature_vector import Arrays, Joined
from streamsim.streams.spec.features import Slots, Tracker

_WORD = 8


class TrackedState:
    """The state of one :class:`~streamsim.streams.spec.features.Tracker`, per partition and key.

    A key's state is stored as one row of 64-bit words. The newest row is the whole state.
    """

    def __init__(self, tracker: Tracker, partitions: int, *, journal: bool = False) -> None:
        self._tracker = tracker
        self._changes = Changes(partitions, kept=journal)
        self._index = PlacedKeys()
        self._tracked = tracker.start()

    def __len__(self) -> int:
        return len(self._index)

    def update(self, events: Events, lookups: Mapping[str, Joined]) -> Arrays:
        """Apply events in order of event time; return the state of each one's key after it."""
        told = self._tracker.with_joins(events, lookups)
        return self._tracked.update(self._slots(events), told)

    def rows_of(self, events: Events) -> tuple[Ints, Mapping[str, Any]]:
        """Return partitions and rows of these events' keys, each key once.

        :meth:`note` takes them once the events are finished.
        """
        _, first = np.unique(self._slots(events), return_index=True)
        one = events.take(first)
        row = _as_words(self._tracked.snapshot(self._slots(one)))
        return one.partition, {"key": one.entity, "row": row}

    def note(self, rows: tuple[Ints, Mapping[str, Any]]) -> None:
        """Note rows for the next delta."""
        self._changes.add(*rows)

    def snapshot(self, partition: int) -> Columns:
        """Return the keys of a partition and their rows, shape ``(n_keys, n_words)``."""
        self._changes.drop(partition)
        keys, slots = self._index.of(partition)
        return {"key": keys, "row": _as_words(self._tracked.snapshot(slots))}

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore rows in the order in which they were written: the last row of a key counts.

        Raises
        ------
        StateError
            If the rows do not have this state's layout.
        """
        keys, words = parts.texts("key"), parts.ints("row")
        if not keys:
            return
        last = {key: row for row, key in enumerate(keys)}
        slots = self._index.slots(np.full(len(last), partition), list(last))
        like = self._tracked.snapshot(slots[:0])
        try:
            rows = words.reshape(len(keys), -1)[list(last.values())]
            self._tracked.restore(slots, _as_arrays(rows, like))
        except ValueError as error:
            raise StateError(
                f"{self._tracker.name}: its rows in the checkpoint have another layout: {error}"
            ) from error

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return [self._tracker.layout, self._tracker.joined]

    def _slots(self, events: Events) -> Slots:
        return self._index.slots(events.partition, events.entity)


def _as_words(arrays: Arrays) -> Ints:
    """Concatenate arrays side by side, as rows of words.

    >>> arrays = {"a": np.array([1.5, 2.5]), "b": np.array([[1], [2]], np.int8)}
    >>> words = _as_words(arrays)
    >>> {k: v.tolist() for k, v in _as_arrays(words, arrays).items()}
    {'a': [1.5, 2.5], 'b': [[1], [2]]}
    """
    parts = []
    for array in arrays.values():
        n = len(array)
        data = np.ascontiguousarray(array).reshape(n, -1) if n else array.reshape(0, _size(array))
        parts.append(data.view(np.uint8).reshape(n, data.shape[1] * data.dtype.itemsize))
    joined = np.concatenate(parts, axis=1)
    padded = np.pad(joined, ((0, 0), (0, -joined.shape[1] % _WORD)))
    return np.ascontiguousarray(padded).view(np.int64)


def _as_arrays(words: Ints, like: Arrays) -> dict[str, Any]:
    data = np.ascontiguousarray(words).view(np.uint8)
    found, at = {}, 0
    for name, array in like.items():
        size = _size(array) * array.dtype.itemsize
        part = np.ascontiguousarray(data[:, at : at + size])
        found[name] = part.view(array.dtype).reshape(len(words), *array.shape[1:])
        at += size
    if data.shape[1] != at + -at % _WORD:
        raise ValueError(f"{data.shape[1]} bytes a key in place of {at}")
    return found


def _size(array: Any) -> int:
    return int(np.prod(array.shape[1:]))
