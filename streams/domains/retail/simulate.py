"""Retail: seeded world of households, their purchases, and the feeds of the tills.

Households visit by habits of their own, go on holiday, have slack weeks, move house and grow.
Planted, each with its onset on ``retail.truth``:

- ``competitor``: for weeks a household visits less, buys less, and buys only on promotion;
- ``moving``: it visits as usual for a week or two, and then never again;
- ``drifting``: it visits a little less every week;
- ``feed_silent``: the tills of a vendor send nothing for hours, and everything afterwards;
- ``feed_disagrees``: for hours another vendor reports a store's receipts too, at full prices.

The feeds send some lines twice, late, without a household, or broken.

Households can take up a new rhythm at a known time
(:mod:`streamsim.streams.domains.retail.new_rhythm`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from streamsim.streams.calendar import EPOCH
from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Ints, as_objects
from streamsim.streams.outgoing import Outgoing, between
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Emission, Slice

from . import new_rhythm
from .customers import CustomerFile
from .diary import COMPETITOR, KINDS, Diary, Lapse
from .households import DEPARTMENTS, PRODUCTS, VENDORS, Town, draw_town
from .new_rhythm import Rhythm
from .programme import Programme
from .troubles import SILENT, Trouble, as_reported_by, troubles

OPTIONS: Mapping[str, float] = {
    "households": 600,
    "lapses": 1.0,
    "defects": 1.0,
    **new_rhythm.OPTIONS,
}
"""Size of the world, rate of lapses (0: none), rate of feed defects (0: none), and its change."""

ZONE = ZoneInfo("America/New_York")
_TWICE, _LATE, _TOO_LATE, _BROKEN, _NO_CARD = 0.004, 0.015, 0.0003, 0.001, 0.02


@dataclass(slots=True)
class RetailWorld:
    """The world of one seed; iterate over :meth:`slices` once."""

    seed: int
    options: Mapping[str, float]
    town: Town = field(init=False)
    _rhythm: Rhythm = field(init=False)
    _diary: Diary = field(init=False)
    _customers: CustomerFile = field(init=False)
    _programme: Programme = field(init=False)
    _waiting: list[Outgoing] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.town = draw_town(self.seed, int(self.options["households"]))
        self._rhythm = Rhythm(self.seed, self.town, self.options)
        self._diary = Diary(self.seed, self.town, self.options["lapses"], self._rhythm)
        self._programme = Programme(self.seed, self.town, EPOCH)
        self._customers = CustomerFile(self.seed, self.town, EPOCH)

    def slices(self) -> Iterator[Slice]:
        """Yield the events without end, an hour at a time; outcomes are added by ``collect``."""
        day = 0
        while True:
            start = EPOCH + day * DAY
            lapses = self._diary.begin(day)
            begun = troubles(self.seed, day, start, self.options["defects"])
            who = self._diary.visitors(day)
            time = _local(start) + _of_day(stream(self.seed, "hours", day), self.town, len(who))
            self._waiting.append(self._purchases(day, who, time, begun))
            decline = self._diary.decline(day)
            facts = self._within_day(self._programme.facts(day, who, time, decline), start)
            others = (
                facts,
                self._customers.changes(day),
                self._truth(start, lapses, begun),
            )
            for hour in range(24):
                until = start + (hour + 1) * HOUR
                lines, rest = Outgoing.concat(self._waiting).split(until)
                self._waiting = [rest]
                tills = lines.emission("tills")
                events = (between(e, until - HOUR, until) for e in others)
                changed = self._rhythm.change.truth(EPOCH, until - HOUR, until)
                yield Slice(until, (tills, *events, *changed))
            day += 1

    def _within_day(self, facts: Emission, start: int) -> Emission:
        """Move the facts of a late evening to the end of the day."""
        clock = np.minimum(facts.clock, start + DAY - 1)
        return Emission(facts.source, facts.event_time, clock, facts.keys, facts.values)

    def _purchases(self, day: int, who: Ints, time: Ints, begun: list[Trouble]) -> Outgoing:
        """Draw the day's receipts, line by line, and how they are sent."""
        town, kind, decline = self.town, self._diary.kind, self._diary.decline(day)
        draw = stream(self.seed, "baskets", day)
        shrunk = 1.0 - decline * np.array([0.0, 0.7, 0.6, 0.5])[kind]
        count = 1 + draw.poisson(np.maximum(self._rhythm.lines(day) * shrunk - 1, 0.2)[who])
        store = town.stores[who, draw.choice(3, len(who), p=[0.75, 0.2, 0.05])]
        carded = draw.random(len(who)) >= _NO_CARD * self.options["defects"]

        visit = np.repeat(np.arange(len(who)), count)
        n, buyer = len(visit), np.repeat(who, count)
        first = np.cumsum(count) - count
        line_no = np.arange(n) - first[visit] + 1
        product = np.minimum((draw.pareto(0.9, n) * 40).astype(np.int64), PRODUCTS - 1)
        quantity = 1 + (draw.random(n) < 0.2) * draw.integers(1, 4, n)
        gross = town.price[product] * np.exp(town.level[buyer] + draw.normal(0, 0.1, n)) * quantity
        deals = town.deals + 0.6 * decline * (kind == COMPETITOR)
        share = np.where(draw.random(n) < deals[buyer], draw.uniform(0.1, 0.4, n), 0.0)
        paid = np.round(gross * (1 - share) * 100).astype(np.int64)
        saved = np.round(gross * share * 100).astype(np.int64)

        vendor = town.store_vendor[store][visit]
        basket = [f"{day:04d}{v:05d}" for v in range(len(who))]
        hidden = ~carded[visit]
        key = as_objects(h.encode() for h in town.household_id[buyer])
        households = town.household_id[buyer]
        key[hidden], households[hidden] = None, None
        values = encode_objects(
            {
                "event_id": [
                    f"{VENDORS[v]}-{basket[i]}-{no}"
                    for v, i, no in zip(
                        vendor.tolist(), visit.tolist(), line_no.tolist(), strict=True
                    )
                ],
                "event_time": format_times(time[visit]),
                "household_id": households,
                "vendor": [VENDORS[v] for v in vendor.tolist()],
                "store_id": town.store_id[store[visit]],
                "basket_id": [basket[i] for i in visit.tolist()],
                "line_no": line_no.tolist(),
                "product_id": [str(800_000 + p) for p in product.tolist()],
                "department": [DEPARTMENTS[d] for d in town.department[product].tolist()],
                "quantity": quantity.tolist(),
                "amount_cents": paid.tolist(),
                "discount_cents": saved.tolist(),
                "currency": ["USD"] * n,
            }
        )
        lines = Outgoing(time[visit], time[visit].copy(), key, as_objects(values))
        copies = []
        for trouble in begun:
            own = (lines.time >= trouble.onset) & (lines.time < trouble.until)
            if trouble.kind == SILENT:
                held = own & (vendor == trouble.vendor)
                lines.clock[held] = trouble.until + line_no[held]
            else:
                again = lines.take(np.flatnonzero(own & (store[visit] == trouble.store)))
                again.value = as_objects(as_reported_by(again.value, VENDORS[trouble.vendor]))
                copies.append(again)
        return Outgoing.concat([self._sent(day, lines), *copies])

    def _sent(self, day: int, lines: Outgoing) -> Outgoing:
        """Make some lines late, duplicate or broken."""
        n, bad = len(lines.time), self.options["defects"]
        draw = stream(self.seed, "defects", day)
        late, chance = draw.random(n) ** 2 * 3 * DAY, draw.random(n)
        delay = np.where(chance < _LATE * bad, late, 0.0)
        delay = np.where(chance < _TOO_LATE * bad, 3 * DAY + HOUR + late, delay)
        lines.clock = lines.clock + delay.astype(np.int64)
        broken = np.flatnonzero(draw.random(n) < _BROKEN * bad)
        for row in broken.tolist():
            lines.value[row] = lines.value[row][: len(lines.value[row]) // 2]
            lines.key[row] = None
        twice = lines.take(np.flatnonzero(draw.random(n) < _TWICE * bad))
        twice.clock = twice.clock + draw.integers(1, HOUR, len(twice.time))
        return Outgoing.concat([lines, twice])

    def _truth(self, start: int, lapses: list[Lapse], begun: list[Trouble]) -> Emission:
        """Write the truth of a day: the lapses and the feed troubles that begin."""
        town = self.town
        rows = [
            (start, _local(EPOCH + (int(x.until) + 1) * DAY), KINDS[x.kind],
             town.household_id[x.household], None)
            for x in lapses
        ] + [
            (trouble.onset, trouble.until, trouble.kind, None, VENDORS[trouble.vendor])
            for trouble in begun
        ]  # fmt: skip
        rows.sort(key=lambda row: row[0])
        onset, until, kind, household, feed = zip(*rows, strict=True) if rows else ((),) * 5
        time = np.array(onset, np.int64)
        values = encode_objects(
            {
                "event_id": [f"truth-{k}-{h or f}-{t}" for t, k, h, f in
                             zip(onset, kind, household, feed, strict=True)],
                "event_time": format_times(time),
                "kind": kind,
                "household_id": household,
                "feed": feed,
                "onset": format_times(time),
                "until": format_times(np.array(until, np.int64)),
            }
        )  # fmt: skip
        keys = [(h or f).encode() for h, f in zip(household, feed, strict=True)]
        return Emission("truth", time, time, keys, values)


def _local(start: int) -> int:
    """Return when the day begins in the stores' time zone (ms)."""
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=start)
    return int(day.replace(tzinfo=ZONE).timestamp() * 1000)


def _of_day(draw: np.random.Generator, town: Town, n: int) -> Ints:
    """Draw times of the day (ms)."""
    hour = np.minimum(np.searchsorted(town.rhythm, draw.random(n)), 23)
    return (hour * HOUR + draw.integers(HOUR, size=n)) // 1000 * 1000


def world(seed: int, options: Mapping[str, float]) -> RetailWorld:
    """Return the world of that seed; options that are not given have their defaults."""
    return RetailWorld(seed, {**OPTIONS, **options})
