"""Offset sequence: check that a partition's records arrive once, in order and without gaps.

If two producers write to a partition at the same moment, the embedded broker may show the later
record before the earlier one, and a consumer then skips the earlier one. A batch may also have been
fetched before a rebalance, or between a rebalance and the seek that follows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

GIVE_UP_S = 1.0
"""An offset that is still missing after this time does not exist in the log."""


class OffsetSequence:
    """Compares fetched records with the next offset of their partition.

    Parameters
    ----------
    clock
        Monotonic time (s).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[Hashable, int] = {}
        self._missing: dict[Hashable, tuple[int, float]] = {}

    def expect(self, place: Hashable, offset: int) -> None:
        """Set the next offset of a partition."""
        self._next[place] = offset

    def forget(self) -> None:
        """Remove all partitions."""
        self._next.clear()
        self._missing.clear()

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
            The offset to seek back to, ``None`` if no offset is missing.
        """
        due = self._next.get(place, records[0].offset)
        if records[0].offset < due:
            records = [r for r in records if r.offset >= due]
            if not records:
                return records, None
        if records[-1].offset - due + 1 == len(records):
            return self._take(place, records), None
        good = next(i for i, r in enumerate(records) if r.offset != due + i)
        if self._lacks(place, due + good):
            return self._take(place, records), None
        return self._take(place, records[:good]), due + good

    def _take(self, place: Hashable, records: Sequence[Any]) -> Sequence[Any]:
        if records:
            self._next[place] = records[-1].offset + 1
        return records

    def _lacks(self, place: Hashable, offset: int) -> bool:
        """Say whether an offset has been missing for so long that the log does not have it."""
        known, since = self._missing.get(place, (-1, 0.0))
        if known != offset:
            self._missing[place] = offset, self._clock()
            return False
        return self._clock() - since > GIVE_UP_S
