"""Surges: far more than is usual at a time of the day or week, and surely not by chance.

What is usual is a mean over the periods before, slot by slot, that fades. What comes by itself
scatters around it more than a Poisson process would, and by how much is learnt as well, surges left
out. In the mean they count as no more than what would just have been none: one that stays becomes
usual in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamsim.streams.spec.feed_watch import Surge

CALM = 3
"""A surge is over after so many buckets without."""
_FADES = 0.995
"""What a bucket's scatter counts after each further one."""


@dataclass(slots=True)
class Usual:
    """What is usual of one feed; tell it of the buckets in turn.

    Attributes
    ----------
    surging
        Whether there is a surge.
    expected
        What was usual in the last bucket.
    """

    surge: Surge
    bucket: int
    surging: bool = False
    expected: float = 0.0
    _first: int = 0
    _last: int | None = None
    _above: int = 0
    _slots: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Of each time of the period, the last period that was counted, and the fading sum."""
    _scatter: float = 0.0
    _weight: float = 0.0

    def take(self, at: int, units: int) -> bool:
        """Take in a bucket; say whether a surge begins or ends with it.

        Parameters
        ----------
        at
            When it began (ms), later than all before; in those between, nothing has come.
        units
            What has come in it.
        """
        surge = self.surge
        if self._last is None or at - self._last > surge.learn:
            self._first, self._scatter, self._weight = at, 0.0, 0.0
            self._slots.clear()
        self._last = at
        slot, number = at % surge.period, at // surge.period
        fade = 0.5 ** (surge.period / surge.half_life)
        seen = number - -(-(self._first - slot) // surge.period)
        weight = fade * (1 - fade**seen) / (1 - fade)
        when, total = self._slots.get(slot, (number, 0.0))
        total *= fade ** (number - when)
        self.expected = total / weight if seen else 0.0
        most = self._most(weight) if at - self._first >= surge.learn else math.inf
        self._slots[slot] = number, total + min(float(units), most)
        if seen > 1 and self.expected >= 1 and units <= most:
            apart = (units - self.expected) ** 2 / self.expected / (1 + 1 / weight)
            self._scatter = _FADES * self._scatter + apart
            self._weight = _FADES * self._weight + 1
        return self._turns(at, units > most)

    def _most(self, weight: float) -> float:
        """Return how much may come that is no surge yet."""
        surge, scatter = self.surge, max(1.0, self._scatter / max(self._weight, 1.0))
        if not weight:  # it has not been learnt for long enough, whatever the clock says
            return math.inf
        spread = math.sqrt(scatter * self.expected * (1 + 1 / weight))
        chance = self.expected + surge.sure * spread
        return max(chance, surge.times * self.expected, float(surge.least))

    def _turns(self, at: int, above: bool) -> bool:
        if above:
            self._above, was, self.surging = at, self.surging, True
            return not was
        if self.surging and at - self._above >= CALM * self.bucket:
            self.surging = False
            return True
        return False
