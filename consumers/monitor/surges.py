"""Surge detection: a feed's count is far above its seasonal mean, and not by chance.

The usual count of a time of the day or week is an exponentially decaying mean over previous
periods. Ordinary counts scatter more than a Poisson process: the overdispersion is estimated from
buckets without surges. In the mean, a surge counts only up to the detection limit, so a lasting
higher level becomes usual in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from streamsim.streams.spec.feed_watch import Surge

CALM = 3
"""A surge is over after this many buckets below the limit."""
_FADES = 0.995
"""Decay per bucket of the weight in the estimated scatter."""


@dataclass(slots=True)
class Usual:
    """The usual counts of one feed, updated bucket by bucket.

    Attributes
    ----------
    surging
        Whether there is a surge.
    expected
        The usual count of the last bucket.
    """

    surge: Surge
    bucket: int
    surging: bool = False
    expected: float = 0.0
    _first: int = 0
    _last: int | None = None
    _above: int = 0
    _slots: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Per time slot of the period, the last period that was counted, and the decaying sum."""
    _scatter: float = 0.0
    _weight: float = 0.0

    def take(self, at: int, units: int) -> bool:
        """Add a bucket; say whether a surge begins or ends with it.

        Parameters
        ----------
        at
            When the bucket began (ms), later than all before; skipped buckets had no units.
        units
            Units in the bucket.
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

    def snapshot(self) -> list[Any]:
        """Return the whole state as JSON types."""
        slots = [[slot, *own] for slot, own in self._slots.items()]
        return [
            self.surging, self.expected, self._first, self._last, self._above, self._scatter,
            self._weight, slots,
        ]  # fmt: skip

    def restore(self, state: list[Any]) -> None:
        """Restore the state that :meth:`snapshot` returned."""
        (self.surging, self.expected, self._first, self._last, self._above, self._scatter,
         self._weight, slots) = state  # fmt: skip
        self._slots = {slot: (number, total) for slot, number, total in slots}

    def _most(self, weight: float) -> float:
        """Return the detection limit: the largest count that is not a surge."""
        surge, scatter = self.surge, max(1.0, self._scatter / max(self._weight, 1.0))
        if not weight:  # no earlier period of this slot has been counted yet
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
