"""State of a pipeline: all its stores in one checkpoint per partition.

A checkpoint of a partition is either full, or incremental with the changes since the one before it.
The last full checkpoint and all incremental ones after it, in order, restore the state.
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
    """All stores that must outlive a worker.

    Parameters
    ----------
    stores
        By their names in checkpoints.
    about
        What else the stores' columns depend on, as JSON types.
    """

    def __init__(self, stores: Mapping[str, Store], about: object = None) -> None:
        self._stores, self._about = stores, about

    def fingerprint(self) -> str:
        """Return a hash of all that the stores' columns depend on.

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
        """Return a full checkpoint of a partition; the next incremental one continues it."""
        content: Columns = {}
        for name, store in self._stores.items():
            content |= _named(name, store.snapshot(partition))
        return content

    def restore(self, partition: int, checkpoints: Sequence[Columns]) -> None:
        """Restore an empty partition: from a full checkpoint, if any, and incremental ones.

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
    """Return the columns of one store in a checkpoint."""
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
