"""Offset sequence: take every record of a partition once and in order.

A fetch may bring records of another position: of a former assignment, or from before a seek. Its
first batch may begin before the wanted offset. And a log may lack offsets: it was trimmed or
compacted, or they are the marks of a transaction.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any


class OffsetSequence:
    """Compares fetched records with the next offset of their partition."""

    def __init__(self) -> None:
        self._next: dict[Hashable, int] = {}
        self._sought: dict[Hashable, tuple[int, int]] = {}

    def expect(self, place: Hashable, offset: int) -> None:
        """Set the next offset of a partition."""
        self._next[place] = offset

    def forget(self) -> None:
        """Remove all partitions."""
        self._next.clear()
        self._sought.clear()

    def expects(self, place: Hashable) -> bool:
        """Say whether records of a partition are expected."""
        return place in self._next

    def take(self, place: Hashable, records: Sequence[Any]) -> tuple[Sequence[Any], int | None]:
        """Accept the records that continue the sequence.

        Returns
        -------
        records
            The accepted records; those before the next offset are dropped.
        again
            The offset to seek to, ``None`` if there is no need. If the same records come after
            that too, the log does not have the offset, and they are accepted.
        """
        due = self._next.get(place, records[0].offset)
        if records[0].offset < due:
            records = [r for r in records if r.offset >= due]
            if not records:
                return records, None
        gap = due, records[0].offset
        if records[0].offset > due and self._sought.get(place) != gap:
            self._sought[place] = gap
            return [], due
        # Within a fetch the log is whole: what is not in it is not in the log.
        self._next[place] = records[-1].offset + 1
        return records, None
