"""Retail: simulated visits of households: habits, holidays, slack weeks, and lapses.

A lapse is planted: from its onset a household visits ever less, and in the end not at all. At first
it looks like a holiday or slack weeks, which are as frequent and end by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.calendar import EPOCH, weekday
from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY

from .households import Town
from .new_rhythm import Rhythm

NONE, COMPETITOR, MOVING, DRIFTING = range(4)
KINDS = ("none", "competitor", "moving", "drifting")
_DECLINE = ((0, 1), (30, 55), (10, 18), (40, 70))
"""Days from onset to the last visit, by kind."""
_APART = 14.0
"""Delay of the visits of a household at the end of its lapse (days)."""
_AWAY, _SLACK = 1 / 240, 1 / 500
"""Chances per day that a holiday, or slack weeks, begin for a household."""
_NEVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Lapse:
    """A lapse: the household's number, the kind, and its first and last day."""

    household: int
    kind: int
    onset: float
    until: float


@dataclass(slots=True)
class Diary:
    """State of every household, day by day.

    Attributes
    ----------
    due
        Day of each household's next visit, with its fraction.
    kind, onset, until
        Its current lapse, if any (days).
    away_until, slack_until
        End of a holiday or of slack weeks (day).
    """

    seed: int
    town: Town
    lapse: float
    rhythm: Rhythm
    due: Floats = field(init=False)
    kind: Ints = field(init=False)
    onset: Floats = field(init=False)
    until: Floats = field(init=False)
    away_until: Floats = field(init=False)
    slack_until: Floats = field(init=False)
    left: Ints = field(init=False)

    def __post_init__(self) -> None:
        n, draw = len(self.town), stream(self.seed, "first visits")
        self.due = np.where(
            self.town.begins < 0, draw.random(n) * self.town.gap, self.town.begins + draw.random(n)
        )
        self.kind = np.zeros(n, np.int64)
        self.onset, self.until = np.full(n, np.inf), np.full(n, np.inf)
        self.away_until, self.slack_until = np.zeros(n), np.zeros(n)
        self.left = np.where(self.town.tourist, draw.integers(1, 5, n), _NEVER)

    def begin(self, day: int) -> list[Lapse]:
        """Begin holidays, slack weeks and lapses of a day; return the lapses."""
        town, n = self.town, len(self.town)
        draw = stream(self.seed, "holidays", day)
        here = self.away_until <= day
        away = here & (draw.random(n) < _AWAY)
        self.away_until[away] = day + draw.integers(6, 20, n)[away]
        self.due[away] = np.maximum(self.due, self.away_until + draw.random(n))[away]
        draw = stream(self.seed, "slack weeks", day)
        slack = (self.slack_until <= day) & (draw.random(n) < _SLACK)
        self.slack_until[slack] = day + draw.integers(10, 22, n)[slack]

        draw = stream(self.seed, "lapses", day)
        chance, kind = (
            draw.random(n),
            draw.choice([COMPETITOR, MOVING, DRIFTING], n, p=[0.4, 0.25, 0.35]),
        )
        share, back = draw.random(n), draw.random(n)
        again = (self.until <= day) & np.isfinite(self.until) & (back < 0.004)
        self.kind[again], self.onset[again], self.until[again] = NONE, np.inf, np.inf
        self.due[again] = day + share[again]
        settled = (town.begins < day - 20) & ~town.tourist & (self.kind == NONE)
        lapses = []
        for who in np.flatnonzero(settled & (chance < town.leaving * self.lapse)).tolist():
            low, high = _DECLINE[kind[who]]
            self.kind[who], self.onset[who] = kind[who], day
            self.until[who] = day + low + (high - low) * share[who]
            lapses.append(Lapse(who, int(kind[who]), day, float(self.until[who])))
        return lapses

    def decline(self, day: int) -> Floats:
        """Return the progress of each household's lapse, from 0 to 1."""
        with np.errstate(invalid="ignore"):
            gone = (day + 1 - self.onset) / (self.until - self.onset)
        # Most of the decline is early: a household that tries another shop soon prefers it.
        return np.where(self.kind == NONE, 0.0, np.sqrt(np.clip(gone, 0.0, 1.0)))

    def visitors(self, day: int) -> Ints:
        """Return the households that visit on a day, and draw the next visit of each."""
        town = self.town
        coming = (self.due < day + 1) & (self.left > 0) & (self.until > day)
        draw = stream(self.seed, "visits", day)
        gap = draw.standard_gamma(town.regular) / town.regular * town.gap
        going = self.decline(day) * (self.kind != MOVING)
        gap = np.where(self.slack_until > day, gap * 1.6, gap)
        # A household visits once a day at most, and weekends are busier.
        weekend = weekday(EPOCH + day * DAY) >= 5
        who = np.flatnonzero(coming)
        gap = self.rhythm.gap(day, who, gap * (0.9 if weekend else 1.05))
        gap = np.maximum(gap * (1 + going) + going * _APART, 1.0)
        self.due[who] = day + gap[who]
        self.left[who] -= 1
        return who
