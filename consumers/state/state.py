"""The state of a pipeline: its stores, written down together, partition by partition.

A checkpoint of a partition is incremental, with what has changed since the checkpoint before it,
or full. The last full one and all incremental ones after it, in order, are the state again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from streamsim.consumers.state.store import Columns, Parts, Store
from streamsim.streams.errors import StateError

LAYOUT = 3
_APART = "/"


class State:
    """Everything that must outlive a worker.

    Parameters
    ----------
    stores
        By the name under which each is written down.
    about
        What else their columns depend on, as JSON types.
    """

    def __init__(self, stores: Mapping[str, Store], about: object = None) -> None:
        self._stores, self._about = stores, about

    def fingerprint(self) -> str:
        """Return what all stores' columns depend on, as a short text.

        >>> State({}).fingerprint() == State({}).fingerprint()
        True
        """
        parts = {name: store.fingerprint() for name, store in self._stores.items()}
        text = json.dumps({"layout": LAYOUT, "about": self._about, "stores": parts}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def deltas(self) -> dict[int, Columns]:
        """Return an incremental checkpoint of each partition that has changed."""
        found: dict[int, Columns] = {}
        for name, store in self._stores.items():
            for partition, columns in store.delta().items():
                found.setdefault(partition, {}).update(_named(name, columns))
        return found

    def snapshot(self, partition: int) -> Columns:
        """Return a full checkpoint of a partition; the next incremental one follows it."""
        content: Columns = {}
        for name, store in self._stores.items():
            content |= _named(name, store.snapshot(partition))
        return content

    def restore(self, partition: int, checkpoints: Sequence[Columns]) -> None:
        """Take in a partition of which nothing is known yet: a full checkpoint, if any, and more.

        Raises
        ------
        StateError
            If these are no checkpoints of such a state.
        """
        if not checkpoints:
            return
        split = [_split(content) for content in checkpoints]
        try:
            for name, store in self._stores.items():
                store.restore(partition, Parts([part[name] for part in split if name in part]))
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise StateError(
                f"the checkpoints of partition {partition} cannot be read: {error!r}"
            ) from error


def part_of(checkpoint: Columns, store: str) -> Columns:
    """Return what a checkpoint has of one store."""
    return _split(checkpoint).get(store, {})


def _named(store: str, columns: Columns) -> Columns:
    return {f"{store}{_APART}{column}": values for column, values in columns.items()}


def _split(content: Columns) -> dict[str, Columns]:
    """Return a checkpoint's columns by store."""
    found: dict[str, Columns] = {}
    for name, values in content.items():
        store, _, column = name.partition(_APART)
        found.setdefault(store, {})[column] = values
    return found
