"""Of each entity the newest row of features, as it was logged with a score."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from streamsim.streams.events import Matrix

MOST_ENTITIES = 100_000
"""So many entities are known; of more, those that were seen least recently are forgotten. One takes
about 320 bytes and four for each feature: 55 MB in all with 57 features."""


class Row(NamedTuple):
    """A row of features as it was logged: packed float32, and of which event.

    Rows are in the order of their events: by time (ms), and of one time by offset.
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
        How many a row has; what has another size is left out.
    most
        Entities that are known at a time.

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
        """Take in rows of entities as they come; one that comes after a newer one is left out."""
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
        """Return the newest row of an entity, ``None`` if nothing is known of it."""
        with self._lock:
            return self._rows.get(entity)

    @property
    def newest(self) -> Row | None:
        """The newest row of all."""
        return self._newest
