"""State stores: what one must do to be kept in checkpoints, and how it reads itself back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol, TypeAlias

import numpy as np

from streamsim.streams.events import Ints

Columns: TypeAlias = dict[str, "Ints | list[str]"]
"""What a store writes of one partition, by column; :mod:`streamsim.streams.packing` makes it
bytes."""


class Parts:
    """What one store has written of one partition: a snapshot, if any, then deltas, in order.

    Rows are appended: a column is read over all parts. A value that stands until it is replaced is
    read from the last part that has it.

    Examples
    --------
    >>> first, second = ({"id": [i], "clock": np.array([c])} for i, c in (("a", 1), ("b", 5)))
    >>> parts = Parts([first, second])
    >>> parts.texts("id"), parts.last("clock").tolist(), parts.ints("time").tolist()
    (['a', 'b'], [5], [])
    """

    def __init__(self, parts: Sequence[Columns]) -> None:
        self._parts = parts

    def __bool__(self) -> bool:
        return bool(self._parts)

    def ints(self, name: str) -> Ints:
        """Return a column of integers over all parts."""
        found = (_integers(part[name]).ravel() for part in self._parts if name in part)
        return np.concatenate([np.empty(0, np.int64), *found])

    def texts(self, name: str) -> list[str]:
        """Return a column of texts over all parts."""
        return list(chain.from_iterable(part.get(name, []) for part in self._parts))

    def last(self, name: str) -> Ints:
        """Return the newest integers of that name; none if no part has any."""
        found = [part[name] for part in self._parts if name in part]
        return _integers(found[-1]) if found else np.empty(0, np.int64)

    def of(self, kind: str) -> Parts:
        """Return the columns whose names begin with ``<kind>:``, without that."""
        begin = f"{kind}:"
        return Parts(
            [
                {n.removeprefix(begin): c for n, c in part.items() if n.startswith(begin)}
                for part in self._parts
            ]
        )


class Store(Protocol):
    """Remembers something per partition: a piece of a pipeline's state."""

    def snapshot(self, partition: int) -> Columns:
        """Return all of a partition; its changes so far are in no later delta."""
        ...

    def delta(self) -> Mapping[int, Columns]:
        """Return what has changed since the last delta, of each partition that has changed."""
        ...

    def restore(self, partition: int, parts: Parts) -> None:
        """Take in what was written of a partition, of which nothing is known yet.

        Raises
        ------
        StateError, KeyError, ValueError, IndexError, TypeError
            If it cannot be read as this store's.
        """
        ...

    def fingerprint(self) -> object:
        """Return what the columns depend on, as JSON types: another one cannot be read as this."""
        ...


def _integers(column: Ints | list[str]) -> Ints:
    if not isinstance(column, np.ndarray):
        raise TypeError("texts where numbers should be")
    return column
