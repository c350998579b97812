"""Numbers of keys, by which their state lies in columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import repeat
from typing import Any

import numpy as np

from streamsim.streams.events import Ints, Slots, as_objects, stretches


class KeyIndex:
    """Numbers keys in the order of their first appearance.

    >>> index = KeyIndex()
    >>> index.slots(["b", "a", "b"]).tolist(), index.slots(["a"]).tolist(), len(index)
    ([0, 1, 0], [1], 2)
    """

    def __init__(self) -> None:
        self._slot: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._slot)

    def slots(self, keys: Iterable[Hashable]) -> Slots:
        """Return the number of each key, giving new keys the next ones."""
        items = list(keys)
        slots = self.find(items)
        new = np.flatnonzero(slots < 0)
        if len(new):
            known = self._slot
            slots[new] = [known.setdefault(items[row], len(known)) for row in new.tolist()]
        return slots

    def find(self, keys: Iterable[Hashable]) -> Slots:
        """Return the number of each key, -1 for an unknown one."""
        items = list(keys)
        return np.fromiter(map(self._slot.get, items, repeat(-1)), np.intp, len(items))

    def keys(self) -> list[Any]:
        """Return all keys in the order of their numbers."""
        return list(self._slot)


class PlacedKeys:
    """Numbers keys in each partition, in the order of their first appearance.

    The numbers of forgotten keys are given again.

    >>> keys = PlacedKeys()
    >>> keys.slots(np.array([0, 1, 0]), ["a", "a", "b"]).tolist(), len(keys)
    ([0, 1, 2], 3)
    >>> keys.of(0)
    (['a', 'b'], array([0, 2]))
    >>> keys.forget(0, ["a"])
    >>> keys.slots(np.array([1, 1]), ["b", "c"]).tolist(), len(keys)
    ([0, 3], 4)
    """

    def __init__(self) -> None:
        self._slot: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._count = 0
        self._free: list[int] = []

    def __len__(self) -> int:
        return self._count - len(self._free)

    def slots(self, partition: Ints, keys: Iterable[str]) -> Slots:
        """Return the number of each key in its partition, giving new ones the next."""
        items = as_objects(keys)
        slots = np.empty(len(items), np.intp)
        # Partitions may be mixed, event by event, if the events are in order of time.
        order = np.argsort(partition, kind="stable")
        for p, part in stretches(partition[order]):
            rows = order[part]
            own = items[rows].tolist()
            slots[rows] = np.fromiter(map(self._slot[p].get, own, repeat(-1)), np.intp, len(own))
        for row in np.flatnonzero(slots < 0).tolist():
            known, key = self._slot[int(partition[row])], items[row]
            slot = known.get(key)
            if slot is None:
                slot = known[key] = self._free.pop() if self._free else self._count
                self._count += slot == self._count
            slots[row] = slot
        return slots

    def forget(self, partition: int, keys: Iterable[str]) -> None:
        """Forget keys of a partition."""
        known = self._slot[partition]
        self._free += [known.pop(key) for key in keys]

    def of(self, partition: int) -> tuple[list[str], Slots]:
        """Return the keys of a partition with their numbers."""
        known = self._slot[partition]
        return list(known), np.fromiter(known.values(), np.intp, len(known))
