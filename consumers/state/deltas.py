"""Deltas: the changes of a state store since its last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.consumers.state.store import Columns
from streamsim.streams.events import Ints


class Changes:
    """Rows that a store has added, by column, all partitions mixed.

    Parameters
    ----------
    kept
        Whether changes are recorded; otherwise deltas are empty and cost nothing.
    """

    def __init__(self, partitions: int, *, kept: bool) -> None:
        self._kept = kept
        self._touched = np.zeros(partitions, bool)
        self._rows: dict[str, list[tuple[Ints, Mapping[str, Any]]]] = {}

    @property
    def kept(self) -> bool:
        """Whether changes are recorded: if not, their columns need not be made."""
        return self._kept

    def touch(self, partition: Ints) -> None:
        """Note that the state of these partitions has changed."""
        if self._kept:
            self._touched[partition] = True

    def add(self, partition: Ints, columns: Mapping[str, Any], kind: str = "") -> None:
        """Record new rows with their partitions; rows of the same kind have the same columns."""
        if self._kept and len(partition):
            self._touched[partition] = True
            self._rows.setdefault(kind, []).append((partition, columns))

    def drop(self, partition: int) -> None:
        """Discard the changes of a partition."""
        if not self._touched[partition]:
            return
        self._touched[partition] = False
        for kind, parts in self._rows.items():
            others = [(own, columns, own != partition) for own, columns in parts]
            self._rows[kind] = [
                (own[rows], {c: column[rows] for c, column in columns.items()})
                for own, columns, rows in others
            ]

    def take(self) -> dict[int, Columns]:
        """Return the changes of each partition that has any, and discard them."""
        changed = np.flatnonzero(self._touched).tolist()
        found: dict[int, Columns] = {p: {} for p in changed}
        for kind, parts in self._rows.items():
            own = np.concatenate([partition for partition, _ in parts])
            order = np.argsort(own, kind="stable")
            starts = np.searchsorted(own[order], changed).tolist()
            ends = np.searchsorted(own[order], changed, "right").tolist()
            for column in parts[0][1]:
                values = np.concatenate([columns[column] for _, columns in parts])[order]
                name = f"{kind}:{column}" if kind else column
                for p, low, high in zip(changed, starts, ends, strict=True):
                    rows = values[low:high]
                    found[p][name] = rows.tolist() if rows.dtype == object else rows
        self._rows.clear()
        self._touched[:] = False
        return found
