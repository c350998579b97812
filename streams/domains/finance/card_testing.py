"""Finance: card testing, the fraud pattern to which a world can turn at a known time.

A ring holds many card numbers. It charges each a few small amounts by night, far below what the
holder usually pays, at shops that are not compromised. The amounts are meant to be overlooked, and
they tell which cards work. For it the ring gives up what issuers have learnt to stop: payments out
of all proportion, stolen cards in open use, compromised terminals. Card networks call it card
testing, or enumeration. In a case of 2010 the US Federal Trade Commission counted more than a
million cards with one charge each, of 10 dollars or less.

Fraudsters change their ways, and a detector has to follow them: Dal Pozzolo, Boracchi, Caelen,
Alippi and Bontempi (2018), Credit Card Fraud Detection: A Realistic Modeling and a Novel Learning
Strategy, *IEEE Transactions on Neural Networks and Learning Systems* 29.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.calendar import EPOCH
from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world_changes import CHANGE, WorldChange

from .payments import TESTING, Payments
from .population import Population

OPTIONS: Mapping[str, float] = {**CHANGE, "change_size": 0.8}
"""When the pattern comes (:data:`streamsim.streams.spec.world_changes.CHANGE`), and the share of
the old frauds whose place it takes in the end (0 to 1)."""

_PER_CARD_DAY = 0.0025
"""Chance per card and day that a ring begins to charge it, with all old frauds replaced: about as
many payments as these."""
_NIGHTS = (2, 4)
"""Bounds of the nights in a row."""
_A_NIGHT = 2.5
"""Mean payments a night."""
_AMOUNT = (0.06, 0.3)
"""Bounds of an amount, over the card's usual one."""
_FIRST, _LAST = 0, 6
"""Hours of the night between which the payments are."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A card in the hands of a ring: from its first night to the day after the last."""

    card: int
    first: int
    until: int
    onset: int


@dataclass(slots=True)
class CardTesting:
    """The cards that rings charge, day by day; call :meth:`begin` for each day in turn.

    Parameters
    ----------
    fraud
        How much fraud there is in the world.
    options
        Those of :data:`OPTIONS`.
    """

    seed: int
    people: Population
    fraud: float
    options: Mapping[str, float]
    change: WorldChange = field(init=False)
    _runs: list[_Run] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.change = WorldChange.of(
            "card_testing",
            "rings charge many cards small amounts by night, instead of the old frauds",
            self.options,
        )

    def size(self, time: int) -> float:
        """Return the share of the old frauds that it has replaced at a time (ms)."""
        return self.options["change_size"] * self.change.share((time - EPOCH) / DAY)

    def kept(self, name: str, day: int, onset: Ints | Sequence[int]) -> Mask:
        """Return which of a day's old frauds still begin, by their onsets (ms)."""
        days: Floats = (np.asarray(onset, np.float64) - EPOCH) / DAY
        size = self.options["change_size"] * self.change.shares(days)
        kept: Mask = stream(self.seed, f"given up: {name}", day).random(len(onset)) >= size
        return kept

    def begin(self, day: int) -> None:
        """Begin the runs of a day, and end those that are over."""
        self._runs = [run for run in self._runs if run.until > day]
        start, n = EPOCH + day * DAY, len(self.people.card_id)
        draw = stream(self.seed, "rings", day)
        rate = n * _PER_CARD_DAY * self.fraud * self.size(start + DAY)
        for _ in range(draw.poisson(rate)):
            onset = start + int(draw.integers(_FIRST * HOUR, _LAST * HOUR))
            nights = int(draw.integers(_NIGHTS[0], _NIGHTS[1] + 1))
            card = int(draw.integers(n))
            if self.change.share((onset - EPOCH) / DAY) > 0:
                self._runs.append(_Run(card, day, day + nights, onset))

    def payments(self, day: int, compromised: Collection[int]) -> list[Payments]:
        """Draw the payments of a day, at terminals other than those that are compromised."""
        clean = np.setdiff1d(np.arange(len(self.people.terminal_id)), np.array([*compromised], int))
        return [self._night(day, run, clean) for run in self._runs if len(clean)]

    def _night(self, day: int, run: _Run, clean: Ints) -> Payments:
        start = EPOCH + day * DAY
        draw = stream(self.seed, "card testing", day, run.card, run.onset % DAY)
        n = 1 + int(draw.poisson(_A_NIGHT - 1))
        earliest = run.onset if day == run.first else start + _FIRST * HOUR
        time = draw.integers(earliest, start + _LAST * HOUR, n)
        card = np.full(n, run.card)
        share: Floats = draw.uniform(*_AMOUNT, n)
        return Payments(
            time=time,
            card=card,
            terminal=draw.choice(clean, n),
            amount=np.exp(self.people.level[card]) * share,
            kind=np.full(n, TESTING),
            onset=np.full(n, run.onset),
        )
