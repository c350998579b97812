"""Retail: simulated changes of the customer database."""

from __future__ import annotations

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Emission

from .households import AGES, INCOMES, SIZES, Town

_CHANGE = 1 / 250
"""Chance per household and day that something changes."""
KIDS = ("0", "1", "2", "3+")


class CustomerFile:
    """The rows of the customer database; call :meth:`changes` for each day in turn."""

    def __init__(self, seed: int, town: Town, epoch: int) -> None:
        self._seed, self._town, self._epoch = seed, town, epoch
        self._version = 0
        self._size, self._kids = town.size.copy(), town.kids.copy()
        self._owner = town.owner.copy()

    def changes(self, day: int) -> Emission:
        """Return the rows that are written on a day: new households and changed ones."""
        town, n = self._town, len(self._town)
        draw = stream(self._seed, "customers", day)
        change, what = draw.random(n) < _CHANGE, draw.random(n)
        at = draw.integers(8 * HOUR, 20 * HOUR, n)
        known = town.on_file & (town.begins < day)
        new = town.on_file & (town.begins == day if day else town.begins < 0)
        grows = known & change & (what < 0.5)
        self._size[grows] = np.minimum(self._size[grows] + 1, len(SIZES) - 1)
        self._kids[grows] = np.minimum(self._kids[grows] + 1, len(KIDS) - 1)
        moves = known & change & (what >= 0.5)
        self._owner[moves] = ~self._owner[moves]
        start = self._epoch + day * DAY
        when = np.where(new & (day == 0), start, start + at)
        rows = np.flatnonzero(new | (known & change))
        return self._emission(rows[np.argsort(when[rows], kind="stable")], when)

    def _emission(self, rows: Ints, when: Ints) -> Emission:
        town, time = self._town, when[rows]
        versions = [self._version + i + 1 for i in range(len(rows))]
        self._version += len(rows)
        who = town.household_id[rows]
        size = self._size[rows]
        values = encode_objects(
            {
                "event_id": [f"customers-{h}-{v}" for h, v in zip(who, versions, strict=True)],
                "event_time": format_times(time),
                "household_id": who,
                "age": [AGES[a] for a in town.age[rows].tolist()],
                "income": [INCOMES[i] for i in town.income[rows].tolist()],
                "home_ownership": [
                    "Homeowner" if owns else "Renter" for owns in self._owner[rows].tolist()
                ],
                "marital_status": [
                    "Married" if m else "Unmarried" for m in town.married[rows].tolist()
                ],
                "household_size": [SIZES[s] for s in size.tolist()],
                "kids_count": [KIDS[k] for k in self._kids[rows].tolist()],
                "row_version": versions,
            }
        )
        return Emission("customers", time, time, [h.encode() for h in who], values)
