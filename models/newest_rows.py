"""Newest row of features of each entity, as it was logged with a score."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from streamsim.streams.events import Matrix
from streamsim.streams.stored.packing import Columns

MOST_ENTITIES = 100_000
"""Most entities; the least recently seen ones are dropped. Each takes about 320 bytes, and four for
each feature: 55 MB in all with 57 features."""


class Row(NamedTuple):
    """A row of features as it was logged: packed float32, with time and offset of its event.

    Rows are ordered by their events' time (ms), then by offset.
    """

    time: int
    offset: int
    packed: bytes

    def features(self) -> Matrix:
        """Return the features, shape ``(1, n_features)``."""
        return np.frombuffer(self.packed, "<f4")[None]


class NewestRows:
    """The newest row of each entity; safe for several threads.

    Parameters
    ----------
    features
        Number of features of a row; rows of another size are ignored.
    most
        Most entities.

    Examples
    --------
    >>> known = NewestRows(1)
    >>> rows = [(5, 0, b"old."), (9, 1, b"new."), (7, 2, b"late")]
    >>> known.take(("e1", Row(*row)) for row in rows)
    >>> known.get("e1").packed, known.newest.time, len(known)
    (b'new.', 9, 1)
    """

    def __init__(self, features: int, most: int = MOST_ENTITIES) -> None:
        self._size, self._most = 4 * features, most
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._newest: Row | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Store rows of entities; a row that is older than the stored one is ignored."""
        with self._lock:
            for entity, row in rows:
                if len(row.packed) != self._size:
                    continue
                known = self._rows.get(entity)
                if known is None or row[:2] >= known[:2]:
                    self._rows[entity] = row
                self._rows.move_to_end(entity)
                if self._newest is None or row[:2] >= self._newest[:2]:
                    self._newest = row
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)

    def get(self, entity: str) -> Row | None:
        """Return the newest row of an entity, ``None`` for an unknown entity."""
        with self._lock:
            return self._rows.get(entity)

    def snapshot(self) -> Columns:
        """Return all rows as columns, the least recently seen first."""
        with self._lock:
            rows = list(self._rows.items())
        packed = b"".join(row.packed for _, row in rows)
        return {
            "entity": [entity for entity, _ in rows],
            "time": np.array([row.time for _, row in rows], np.int64),
            "offset": np.array([row.offset for _, row in rows], np.int64),
            "features": np.frombuffer(packed, "<i4").astype(np.int64),
        }

    def restore(self, columns: Mapping[str, Any]) -> None:
        """Take the rows of a snapshot.

        Raises
        ------
        KeyError, ValueError, TypeError
            If it is no snapshot of such rows.
        """
        entities, size = columns["entity"], self._size // 4
        features = columns["features"].astype("<i4").reshape(len(entities), size)
        times, offsets = columns["time"].tolist(), columns["offset"].tolist()
        self.take(
            (entity, Row(time, offset, own.tobytes()))
            for entity, time, offset, own in zip(entities, times, offsets, features, strict=True)
        )

    @property
    def newest(self) -> Row | None:
        """The newest row of all."""
        return self._newest
