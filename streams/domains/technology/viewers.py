"""Technology: simulated users: stable tastes and habits, and how they change.

Changes of a user are planted: ``drifting_away`` (watches less, finishes less, and leaves),
``taste_shift`` (likes other titles within a week) and ``shared_account`` (a second person watches
too). At first, holidays and slack weeks look like ``drifting_away``.

At a known time a whole cohort can turn to a few genres, as in the spring of 2020, or for a fashion.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask, Objects, as_objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec.world_changes import CHANGE, WorldChange

from .catalogue import GENRES, TRAITS, genres

NONE, DRIFTING, SHIFT, SHARED = range(4)
KINDS = ("none", "drifting_away", "taste_shift", "shared_account")
_CHANCE = (0.0, 0.004, 0.0012, 0.0012)
"""Chance of a change per user and day, by kind."""
_LASTS = ((0, 1), (14, 30), (21, 22), (14, 40))
"""Bounds of a change's length, by kind (days)."""
_GONE = (12, 30)
"""Bounds of the days that a user who has drifted away stays away."""
_HOLIDAY, _SLACK = 1 / 160, 1 / 160
MOST = 6.0
"""Largest rate of plays per day."""
FASHION = ("horror", "history", "sport", "animation")
"""Genres to which a cohort turns: those that had the fewest titles and viewers."""
_STAYS = WorldChange.of("", "", CHANGE)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a user: its kind, and first and last day."""

    user: int
    kind: int
    onset: int
    until: int


@dataclass(slots=True)
class Viewers:
    """State of all users, day by day.

    Parameters
    ----------
    fashion, cohort
        When a cohort turns to other genres, and the share of users that are in it.

    Attributes
    ----------
    rate
        Plays per day.
    taste, other
        Tastes of each user, and of the second person of a shared account: unit vectors.
    focus
        Weight of each user's taste in choices.
    suggestible
        Share of choices that are made from the home page, at full feedback.
    kind, onset, until
        Current change of each user, if any (days).
    """

    seed: int
    users: int
    changes: float
    fashion: WorldChange = _STAYS
    cohort: float = 0.0
    user_id: Objects = field(init=False)
    rate: Floats = field(init=False)
    taste: Floats = field(init=False)
    other: Floats = field(init=False)
    focus: Floats = field(init=False)
    suggestible: Floats = field(init=False)
    evening: Floats = field(init=False)
    favourite: Ints = field(init=False)
    kind: Ints = field(init=False)
    onset: Ints = field(init=False)
    until: Ints = field(init=False)
    away_until: Ints = field(init=False)
    slack_until: Ints = field(init=False)
    _base: Floats = field(init=False)
    _next: Floats = field(init=False)

    def __post_init__(self) -> None:
        n, draw = self.users, stream(self.seed, "users")
        self.user_id = as_objects(f"u{i:05d}" for i in range(1, n + 1))
        self.rate = np.minimum(np.exp(draw.normal(-0.35, 0.7, n)), MOST)
        self.focus = np.exp(draw.normal(0.0, 0.5, n))
        self.suggestible = draw.beta(3, 3, n)
        self.evening = draw.normal(20.0, 1.6, n)
        self.taste, self.favourite = _tastes(stream(self.seed, "tastes"), n)
        self.other, _ = _tastes(stream(self.seed, "other tastes"), n)
        self._base, self._next = self.taste.copy(), self.taste.copy()
        self.kind = np.zeros(n, np.int64)
        self.onset, self.until, self.away_until, self.slack_until = (
            np.zeros(n, np.int64) for _ in range(4)
        )

    def begin(self, day: int) -> list[Change]:
        """Begin and end holidays, slack weeks and changes; return the changes that begin."""
        n = self.users
        draw = stream(self.seed, "holidays", day)
        away = (self.away_until <= day) & (draw.random(n) < _HOLIDAY)
        self.away_until[away] = day + draw.integers(4, 14, n)[away]
        slack = (self.slack_until <= day) & (draw.random(n) < _SLACK)
        self.slack_until[slack] = day + draw.integers(7, 21, n)[slack]
        self._end(day)
        draw = stream(self.seed, "changes", day)
        chance, share = draw.random(n), draw.random(n)
        edges = np.cumsum(np.array(_CHANCE) * self.changes)
        kind = np.searchsorted(edges, chance, side="right")
        fresh, _ = _tastes(draw, n)
        found = []
        for user in np.flatnonzero((kind < len(KINDS)) & (self.kind == NONE)).tolist():
            low, high = _LASTS[kind[user]]
            self.kind[user], self.onset[user] = kind[user], day
            self.until[user] = day + low + int((high - low) * share[user])
            self._next[user] = fresh[user]
            found.append(Change(user, int(kind[user]), day, int(self.until[user])))
        self._turn(day)
        self._move(day)
        return found

    def decline(self, day: int) -> Floats:
        """Return the progress of each user's drifting away, from 0 to 1."""
        gone = (day + 1 - self.onset) / np.maximum(self.until - self.onset, 1)
        return np.where(self.kind == DRIFTING, np.sqrt(np.clip(gone, 0.0, 1.0)), 0.0)

    def pace(self, day: int) -> Floats:
        """Return the expected plays of each user on a day."""
        pace = self.rate * (1 - 0.85 * self.decline(day))
        pace = np.where(self.slack_until > day, 0.5 * pace, pace)
        pace = np.where(self.kind == SHARED, 1.6 * pace, pace)
        gone = (self.kind == DRIFTING) & (self.until <= day)
        return np.where((self.away_until > day) | gone, 0.0, pace)

    def tastes(self, users: Ints, second: Mask) -> Floats:
        """Return the tastes of users, or of the account's second person where ``second`` is set."""
        second = second & (self.kind[users] == SHARED)
        return np.where(second[:, None], self.other[users], self.taste[users])

    def _end(self, day: int) -> None:
        """End the changes that are over; a user who has drifted away returns unchanged."""
        stay = np.where(self.kind == DRIFTING, _GONE[0] + self.onset % (_GONE[1] - _GONE[0]), 0)
        over = (self.kind != NONE) & (self.until + stay <= day)
        moved = over & (self.kind == SHIFT)
        self._base[moved] = self._next[moved]
        self.taste[over] = self._base[over]
        self.kind[over] = NONE

    def _turn(self, day: int) -> None:
        """Turn those of the cohort whose day it is to the genres of the fashion."""
        now, before = (self.cohort * self.fashion.share(float(d)) for d in (day, day - 1))
        if now <= before:
            return
        draw = stream(self.seed, "fashion")
        chance = draw.random(self.users)
        turns = (before <= chance) & (chance < now)
        genre = [GENRES.index(name) for name in FASHION]
        weight = draw.dirichlet(np.ones(len(genre)), self.users)
        taste = _unit(_unit(weight @ genres()[genre]) + draw.normal(0, 0.12, (self.users, TRAITS)))
        for tastes in (self.taste, self._base, self._next, self.other):
            tastes[turns] = taste[turns]

    def _move(self, day: int) -> None:
        """Move tastes from the old to the new within five days."""
        moving = self.kind == SHIFT
        far = np.clip((day + 1 - self.onset) / 5, 0.0, 1.0)[:, None]
        taste = _unit((1 - far) * self._base + far * self._next)
        self.taste = np.where(moving[:, None], taste, self.taste)


def _tastes(draw: np.random.Generator, n: int) -> tuple[Floats, Ints]:
    """Draw tastes: a favourite genre, one or two more, and an individual part."""
    chosen = draw.integers(len(GENRES), size=(n, 3))
    weight = draw.dirichlet((2.5, 1.2, 0.6), n)
    order = np.argsort(-weight, axis=1)
    middle = (genres()[chosen] * weight[:, :, None]).sum(axis=1)
    taste = _unit(middle) + draw.normal(0, 0.12, (n, TRAITS))
    favourite = np.take_along_axis(chosen, order, axis=1)[:, 0]
    return _unit(taste), favourite


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
