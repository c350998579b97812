"""Retail: a new rhythm of buying, which the households of a world can take up at a known time.

Households are paid once in four weeks from then on, each on a day of its own. They come a few times
in the days after it, for larger baskets, and not again until they are paid. Before, each came at
gaps of its own all the time, and one who had just come was sure to come again. Now those who have
come several times of late are the ones who stay away.

It is the rhythm of households that live from one payment to the next. Wilde and Ranney (2000), The
Monthly Food Stamp Cycle, *American Journal of Agricultural Economics* 82, and Hastings and
Washington (2010), The First of the Month Effect, *American Economic Journal: Economic Policy* 2,
found it with food stamps, and in the second paper in the tills of supermarkets. From 2013 on
Universal Credit in the United Kingdom has replaced payments by the week by one a month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream
from streamsim.streams.spec.world_changes import CHANGE, WorldChange

from .households import Town

OPTIONS: Mapping[str, float] = {**CHANGE, "change_size": 0.5}
"""When the rhythm changes (:data:`streamsim.streams.spec.world_changes.CHANGE`), and the share of
the households that take up the new one in the end (0 to 1)."""

CYCLE = 28
"""Days between two payments."""
_FEWER = 0.6
"""Visits of a household, over those of before."""
_LEAST, _MOST = 2, 4
"""Bounds of its visits between two payments."""
_APART = (1.0, 4.0)
"""Bounds of the days between two visits after a payment."""
_AFTER = 2.0
"""Most days from a payment to the first visit."""


@dataclass(slots=True)
class Rhythm:
    """The rhythm of every household; days are counted from the world's beginning.

    Parameters
    ----------
    options
        Those of :data:`OPTIONS`.
    """

    seed: int
    town: Town
    options: Mapping[str, float]
    change: WorldChange = field(init=False)
    _turn: Floats = field(init=False)
    _payday: Ints = field(init=False)
    _trips: Ints = field(init=False)
    _cycle: Ints = field(init=False)
    _made: Ints = field(init=False)

    def __post_init__(self) -> None:
        n, draw = len(self.town), stream(self.seed, "new rhythm")
        self.change = WorldChange.of(
            "new_rhythm",
            "households are paid once in four weeks: they come a few times, and then stay away",
            self.options,
            whole_days=True,
        )
        self._turn, self._payday = draw.random(n), draw.integers(CYCLE, size=n)
        trips = np.rint(_FEWER * CYCLE / self.town.gap)
        self._trips = np.clip(trips, _LEAST, _MOST).astype(np.int64)
        self._cycle, self._made = np.full(n, -1), np.zeros(n, np.int64)

    def changed(self, day: int) -> Mask:
        """Return which households have the new rhythm."""
        changed: Mask = self._turn < self.options["change_size"] * self.change.share(float(day))
        return changed

    def lines(self, day: int) -> Floats:
        """Return the mean lines of each household's baskets: as much as before on fewer visits."""
        larger = CYCLE / self.town.gap / self._trips
        return self.town.lines * np.where(self.changed(day), np.maximum(larger, 1.0), 1.0)

    def gap(self, day: int, who: Ints, usual: Floats) -> Floats:
        """Return the days until the next visit of all households.

        Parameters
        ----------
        who
            The households that visit on this day; the others' days are not to be used.
        usual
            The days by the old rhythm.
        """
        changed = self.changed(day)
        if not changed.any():
            return usual
        draw = stream(self.seed, "visits after a payment", day)
        soon, late = draw.uniform(*_APART, len(usual)), draw.uniform(0, _AFTER, len(usual))
        cycle, since = np.divmod(day - self._payday, CYCLE)
        self._made[cycle != self._cycle] = 0
        self._cycle = cycle
        self._made[who] += 1
        again = self._made < self._trips
        return np.where(changed, np.where(again, soon, CYCLE - since + late), usual)
