"""Every record of a partition comes once, in order, and none is skipped.

The embedded broker may show a record before the one that lies in front of it, if two producers
write to a partition at the same moment: whoever reads then goes past it. And a batch may have been
fetched before a rebalance, or between a rebalance and the seek that follows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

GIVE_UP_S = 1.0
"""An offset that is still missing after this is one that the log lacks."""


class OffsetSequence:
    """Holds what is fetched to the offsets that are next.

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
        """Say which offset of a partition comes next."""
        self._next[place] = offset

    def forget(self) -> None:
        """Expect nothing any more."""
        self._next.clear()
        self._missing.clear()

    def expects(self, place: Hashable) -> bool:
        """Say whether anything of a partition is expected."""
        return place in self._next

    def take(self, place: Hashable, records: Sequence[Any]) -> tuple[Sequence[Any], int | None]:
        """Take what follows on what was taken before.

        Returns
        -------
        records
            Those that do; what had been taken before is left out.
        again
            The offset to read again from, ``None`` if nothing is missing.
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
        """Say whether an offset has been missing for so long that the log lacks it."""
        known, since = self._missing.get(place, (-1, 0.0))
        if known != offset:
            self._missing[place] = offset, self._clock()
            return False
        return self._clock() - since > GIVE_UP_S
