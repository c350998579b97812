"""What has changed in a pipeline's state since it was last written down."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from streamsim.streams.events import Ints

Content: TypeAlias = dict[str, "Ints | list[str]"]
"""What is written of one partition, by column: see :mod:`streamsim.streams.packing`."""


class Journal:
    """What has changed since the last cut, by column, all partitions mixed."""

    def __init__(self, partitions: int) -> None:
        self._touched = np.zeros(partitions, bool)
        self._rows: dict[str, list[tuple[Ints, dict[str, Any]]]] = {}

    def touch(self, partition: Ints) -> None:
        """Note that something of these partitions has changed."""
        self._touched[partition] = True

    def note(self, name: str, partition: Ints, columns: dict[str, Any]) -> None:
        """Note new rows, each of its partition."""
        if len(partition):
            self.touch(partition)
            self._rows.setdefault(name, []).append((partition, columns))

    def drop(self, partition: int) -> None:
        """Forget a partition's changes."""
        self._touched[partition] = False
        for name, parts in self._rows.items():
            kept = [(own, columns, own != partition) for own, columns in parts]
            self._rows[name] = [
                (own[rows], {c: column[rows] for c, column in columns.items()})
                for own, columns, rows in kept
            ]

    def take(self) -> dict[int, Content]:
        """Return the changes of each partition that has any, and forget them."""
        changed = np.flatnonzero(self._touched).tolist()
        contents: dict[int, Content] = {p: {} for p in changed}
        for name, parts in self._rows.items():
            own = np.concatenate([partition for partition, _ in parts])
            order = np.argsort(own, kind="stable")
            starts = np.searchsorted(own[order], changed).tolist()
            ends = np.searchsorted(own[order], changed, "right").tolist()
            for column in parts[0][1]:
                values = np.concatenate([columns[column] for _, columns in parts])[order]
                for p, low, high in zip(changed, starts, ends, strict=True):
                    rows = values[low:high]
                    contents[p][f"{name}:{column}"] = (
                        rows.tolist() if rows.dtype == object else rows
                    )
        self._rows.clear()
        self._touched[:] = False
        return contents
