"""State store: the protocol that a store implements for checkpoints, and its columns in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol, TypeAlias

import numpy as np

from streamsim.streams.events import Ints

Columns: TypeAlias = dict[str, "Ints | list[str]"]
"""A store's checkpoint of one partition, by column; :mod:`streamsim.streams.stored.packing`
serialises it."""


class Parts:
    """The checkpoints of one store and partition: a snapshot, if any, then deltas, in order.

    Appended rows are read over all parts. A value that is replaced as a whole is read from the last
    part that has it.

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
        """Return a column of integers of the newest part that has it; empty without one."""
        found = [part[name] for part in self._parts if name in part]
        return _integers(found[-1]) if found else np.empty(0, np.int64)

    def of(self, kind: str) -> Parts:
        """Return the columns whose names begin with ``<kind>:``, without this prefix."""
        begin = f"{kind}:"
        return Parts(
            [
                {n.removeprefix(begin): c for n, c in part.items() if n.startswith(begin)}
                for part in self._parts
            ]
        )


class Store(Protocol):
    """A part of a pipeline's state, per partition."""

    def snapshot(self, partition: int) -> Columns:
        """Return the whole state of a partition; later deltas hold only later changes."""
        ...

    def delta(self) -> Mapping[int, Columns]:
        """Return the changes since the last delta, of each partition that has changed."""
        ...

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore an empty partition from its checkpoints.

        Raises
        ------
        StateError, KeyError, ValueError, IndexError, TypeError
            If they are no checkpoints of this store.
        """
        ...

    def fingerprint(self) -> object:
        """Return what the columns depend on, as JSON types: checkpoints with another one differ."""
        ...


def _integers(column: Ints | list[str]) -> Ints:
    if not isinstance(column, np.ndarray):
        raise TypeError("a column of integers holds texts")
    return column
