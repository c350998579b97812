"""Finance: seeded world of card payments, three kinds of fraud, and chargebacks.

Genuine payments follow each card's habits, with trips and the occasional large purchase, so
that no single feature tells fraud. Planted, each with its onset on ``finance.truth``:

- ``large_amount``: one payment of many times the card's usual amount;
- ``compromised_terminal``: for weeks most payments at a terminal are fraudulent, at ordinary
  amounts; then the terminal is closed;
- ``stolen_card``: for days a thief pays with the card too, more often, for more, and at other
  places.

A world can turn to a fourth pattern at a known time
(:mod:`streamsim.streams.domains.finance.card_testing`). Most frauds are charged back one to seven
days later; some never are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamsim.streams.calendar import EPOCH, weekday
from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, Mask, Objects, as_objects
from streamsim.streams.outgoing import between
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Emission, Slice

from . import card_testing
from .card_testing import CardTesting
from .payments import GENUINE, KINDS, LARGE, STOLEN, TERMINAL, Payments
from .population import CATEGORIES, ONLINE, PRICE, Population, populate
from .schema import LABEL_DELAY, MAX_CENTS

OPTIONS: Mapping[str, float] = {
    "cards": 1000,
    "terminals": 1000,
    "fraud": 1.0,
    **card_testing.OPTIONS,
}
"""Size of the world, how much fraud there is (0: none), and its change."""

_PER_CARD_DAY = {"large": 0.003, "stolen": 0.0002}
_PER_TERMINAL_DAY = 0.00012
_WEEK = np.array([0.95, 0.95, 1.0, 1.0, 1.15, 1.25, 0.8])
_UNREPORTED = 0.02


@dataclass(slots=True)
class _Theft:
    """A stolen card: its number, begin and end of the theft, and how greedy the thief is."""

    card: int
    onset: int
    until: int
    per_day: float
    factor: float


@dataclass(slots=True)
class FinanceWorld:
    """The world of one seed; iterate over :meth:`slices` once."""

    seed: int
    options: Mapping[str, float]
    people: Population = field(init=False)
    _testing: CardTesting = field(init=False)
    _rogue: dict[int, tuple[int, int]] = field(init=False, default_factory=dict)
    _thefts: list[_Theft] = field(init=False, default_factory=list)
    _trips: dict[int, tuple[int, float]] = field(init=False, default_factory=dict)
    _pending: list[tuple[Ints, Objects, Objects]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.people = populate(
            self.seed, int(self.options["cards"]), int(self.options["terminals"])
        )
        self._testing = CardTesting(self.seed, self.people, self.options["fraud"], self.options)

    def slices(self) -> Iterator[Slice]:
        """Yield the events without end, an hour at a time."""
        day = 0
        while True:
            start = EPOCH + day * DAY
            emissions = self._emit(day, self._payments(day))
            for hour in range(24):
                until = start + (hour + 1) * HOUR
                events = (between(e, until - HOUR, until) for e in emissions)
                yield Slice(
                    until, (*events, *self._testing.change.truth(EPOCH, until - HOUR, until))
                )
            day += 1

    def _payments(self, day: int) -> Payments:
        """Draw one day's payments, in order of time."""
        self._plant(day)
        start = EPOCH + day * DAY
        parts = [self._genuine(day, start), self._large(day, start)]
        parts += [self._stolen(day, start, theft) for theft in self._thefts]
        parts += self._testing.payments(day, self._rogue)
        payments = self._corrupt(Payments.concat(parts))
        payments.amount = np.clip(payments.amount, 0.5, MAX_CENTS / 100)
        return payments.take(np.lexsort((payments.card, payments.time)))

    def _plant(self, day: int) -> None:
        """Begin the trips, thefts and compromises of the day; end those that are over."""
        start, people = EPOCH + day * DAY, self.people
        n_cards, n_terminals = len(people.card_id), len(people.terminal_id)
        fraud = self.options["fraud"]
        self._trips = {c: t for c, t in self._trips.items() if t[0] > day}
        draw = stream(self.seed, "trips", day)
        for card in np.flatnonzero(draw.random(n_cards) < 0.004):
            self._trips.setdefault(
                int(card), (day + int(draw.integers(3, 9)), float(draw.uniform(1.0, 1.3)))
            )
        self._thefts = [t for t in self._thefts if t.until > start]
        draw = stream(self.seed, "thefts", day)
        thefts = []
        for _ in range(draw.poisson(n_cards * _PER_CARD_DAY["stolen"] * fraud)):
            onset = start + int(draw.integers(DAY))
            thefts.append(
                _Theft(
                    card=int(draw.integers(n_cards)),
                    onset=onset,
                    until=onset + int(draw.uniform(1, 5) * DAY),
                    per_day=float(draw.uniform(6, 14)),
                    factor=float(draw.uniform(8, 18)),
                )
            )
        kept = self._testing.kept("thefts", day, [theft.onset for theft in thefts])
        self._thefts += [theft for theft, keeps in zip(thefts, kept, strict=True) if keeps]
        self._rogue = {t: span for t, span in self._rogue.items() if span[1] + 14 * DAY > start}
        draw = stream(self.seed, "rogues", day)
        rogues = []
        for _ in range(draw.poisson(n_terminals * _PER_TERMINAL_DAY * fraud)):
            onset = start + int(draw.integers(DAY))
            span = (onset, onset + int(draw.integers(21, 43)) * DAY)
            rogues.append((int(draw.integers(n_terminals)), span))
        kept = self._testing.kept("rogues", day, [onset for _, (onset, _) in rogues])
        for (terminal, span), keeps in zip(rogues, kept, strict=True):
            if keeps:
                self._rogue.setdefault(terminal, span)
        self._testing.begin(day)

    def _genuine(self, day: int, start: int) -> Payments:
        people = self.people
        draw = stream(self.seed, "payments", day)
        count = draw.poisson(people.rate * _WEEK[weekday(start)])
        card = np.repeat(np.arange(len(count)), count)
        n = len(card)
        rank = np.searchsorted(people.visits, draw.random(n))
        terminal = people.habit[card, np.minimum(rank, people.habit.shape[1] - 1)]
        abroad = np.zeros(len(count))
        for traveller, (_, dearer) in self._trips.items():
            abroad[traveller] = dearer
        away = abroad[card] > 0
        terminal[away] = draw.integers(len(people.terminal_id), size=int(away.sum()))
        factor = np.where(away, abroad[card], 1.0)
        treat = draw.random(n) < 1 / 200
        factor[treat] *= draw.uniform(1.5, 2.2, int(treat.sum()))
        return Payments(
            self._times(draw, start, draw.random(n) < people.owl[card]),
            card,
            terminal,
            self._amounts(draw, card, terminal) * factor,
            np.zeros(n, np.int64),
            np.zeros(n, np.int64),
        )

    def _large(self, day: int, start: int) -> Payments:
        people = self.people
        draw = stream(self.seed, "large", day)
        n = int(draw.poisson(len(people.card_id) * _PER_CARD_DAY["large"] * self.options["fraud"]))
        card = draw.integers(len(people.card_id), size=n)
        terminal = draw.integers(len(people.terminal_id), size=n)
        time = start + draw.integers(DAY, size=n)
        amount = np.exp(people.level[card]) * draw.uniform(25, 90, n)
        large = Payments(time, card, terminal, amount, np.full(n, LARGE), time)
        return large.take(self._testing.kept("large amounts", day, time))

    def _stolen(self, day: int, start: int, theft: _Theft) -> Payments:
        people = self.people
        draw = stream(self.seed, "stolen", day, theft.card, theft.onset % DAY)
        n = int(draw.poisson(theft.per_day))
        time = self._times(draw, start, draw.random(n) < 0.5)
        time = time[(time >= theft.onset) & (time < theft.until)]
        n = len(time)
        card = np.full(n, theft.card)
        terminal = draw.integers(len(people.terminal_id), size=n)
        online = np.flatnonzero(people.category == ONLINE)
        if len(online):
            terminal = np.where(draw.random(n) < 0.5, draw.choice(online, n), terminal)
        amount = np.exp(people.level[card] + draw.normal(0, 0.3, n)) * theft.factor
        return Payments(time, card, terminal, amount, np.full(n, STOLEN), np.full(n, theft.onset))

    def _corrupt(self, payments: Payments) -> Payments:
        """Turn payments at compromised terminals to fraud; close the detected terminals."""
        open_ = np.ones(len(payments.time), bool)
        for terminal, (onset, until) in self._rogue.items():
            there = payments.terminal == terminal
            hit = there & (payments.time >= onset)
            hit &= payments.kind == GENUINE
            payments.kind[hit], payments.onset[hit] = TERMINAL, onset
            open_ &= ~(there & (payments.time >= until))
        return payments.take(open_)

    def _times(self, draw: np.random.Generator, start: int, night: Mask) -> Ints:
        """Draw times of a day by the day's or the night's rhythm (ms)."""
        n = len(night)
        u, rhythm = draw.random(n), self.people.rhythm
        hour = np.where(night, np.searchsorted(rhythm[1], u), np.searchsorted(rhythm[0], u))
        return start + np.minimum(hour, 23) * HOUR + draw.integers(HOUR, size=n)

    def _amounts(
        self, draw: np.random.Generator, card: npt.NDArray[np.intp], terminal: npt.NDArray[np.intp]
    ) -> Floats:
        people = self.people
        usual = people.level[card] + people.spread[card] * draw.normal(size=len(card))
        amounts: Floats = np.exp(usual) * PRICE[people.category[terminal]]
        return amounts

    def _emit(self, day: int, payments: Payments) -> tuple[Emission, ...]:
        """Emit the day's payments, its truth and the chargebacks that are due."""
        people, time = self.people, payments.time
        cents = np.round(payments.amount * 100).astype(np.int64)
        event_id = as_objects(f"tx-{day:05d}-{i:06d}" for i in range(len(time)))
        card, terminal = people.card_id[payments.card], people.terminal_id[payments.terminal]
        keys: Objects = as_objects(c.encode() for c in card)
        at = as_objects(format_times(time))
        transactions = encode_objects(
            {
                "event_id": event_id,
                "event_time": at,
                "card_id": card,
                "terminal_id": terminal,
                "amount_cents": cents.tolist(),
                "currency": ["EUR"] * len(time),
                "category": [CATEGORIES[c] for c in people.category[payments.terminal]],
            }
        )
        bad = np.flatnonzero(payments.kind != GENUINE)
        truth = encode_objects(
            {
                "event_id": [f"truth-{i}" for i in event_id[bad]],
                "event_time": at[bad],
                "transaction_id": event_id[bad],
                "kind": [KINDS[k] for k in payments.kind[bad]],
                "onset": format_times(payments.onset[bad]),
                "card_id": card[bad],
                "terminal_id": terminal[bad],
            }
        )
        draw = stream(self.seed, "chargebacks", day)
        due = time[bad] + draw.integers(DAY, LABEL_DELAY, size=len(bad))
        reported = draw.random(len(bad)) >= _UNREPORTED
        chargebacks = encode_objects(
            {
                "event_id": [f"cb-{i}" for i in event_id[bad]],
                "event_time": format_times(due),
                "transaction_id": event_id[bad],
                "card_id": card[bad],
                "terminal_id": terminal[bad],
                "transaction_time": at[bad],
                "amount_cents": cents[bad].tolist(),
            }
        )
        self._pending.append(
            (due[reported], keys[bad][reported], as_objects(chargebacks)[reported])
        )
        return (
            Emission("transactions", time, time, list(keys), transactions),
            Emission("truth", time[bad], time[bad], list(keys[bad]), truth),
            self._fall_due(EPOCH + (day + 1) * DAY),
        )

    def _fall_due(self, until: int) -> Emission:
        """Take the chargebacks that are due before the end of the day, in order."""
        due, keys, values = (np.concatenate(column) for column in zip(*self._pending, strict=True))
        now = due < until
        self._pending = [(due[~now], keys[~now], values[~now])]
        order = np.flatnonzero(now)[np.argsort(due[now], kind="stable")]
        return Emission(
            "chargebacks", due[order], due[order], list(keys[order]), list(values[order])
        )


def world(seed: int, options: Mapping[str, float]) -> FinanceWorld:
    """Return the world of that seed; options that are not given have their defaults."""
    return FinanceWorld(seed, {**OPTIONS, **options})
