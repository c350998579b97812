"""What is known of users: of each the newest row of features, as it was logged with a score."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from streamsim.streams.events import Matrix

MOST_USERS = 100_000
"""So many users of a model are known; of more, those that were seen least recently are forgotten.
A user takes about 320 bytes and four for each feature: 55 MB in all with 57 features."""


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


class Users:
    """The newest row of each user; safe for several threads.

    Parameters
    ----------
    features
        How many a row has; what has another size is left out.
    most
        Users that are known at a time.

    Examples
    --------
    >>> users = Users(1)
    >>> rows = [(5, 0, b"old."), (9, 1, b"new."), (7, 2, b"late")]
    >>> users.take(("u1", Row(*row)) for row in rows)
    >>> users.get("u1").packed, users.newest.time, len(users)
    (b'new.', 9, 1)
    """

    def __init__(self, features: int, most: int = MOST_USERS) -> None:
        self._size, self._most = 4 * features, most
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._newest: Row | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: Iterable[tuple[str, Row]]) -> None:
        """Take in rows of users as they come; one that comes after a newer one is left out."""
        with self._lock:
            for user, row in rows:
                if len(row.packed) != self._size:
                    continue
                known = self._rows.get(user)
                if known is None or row[:2] >= known[:2]:
                    self._rows[user] = row
                self._rows.move_to_end(user)
                if self._newest is None or row[:2] >= self._newest[:2]:
                    self._newest = row
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)

    def get(self, user: str) -> Row | None:
        """Return the newest row of a user, ``None`` if nothing is known of them."""
        with self._lock:
            return self._rows.get(user)

    @property
    def newest(self) -> Row | None:
        """The newest row of anybody."""
        return self._newest
