"""Logistics: simulated plan of every vehicle, minute by minute: driving, wear and stops.

A component begins to wear at a random onset. From there its wear grows with load, rain and road,
until it fails, or until a service detects and renews it. A failed vehicle stands until it has been
repaired. The plan is made hours ahead, so that the truth of a planted wear has its end when it
begins. It does not depend on the pipeline's predictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream

from .fleet import Fleet, blank
from .hot_climate import UNCHANGED, HotClimate
from .schema import BREAKDOWN, COMPONENTS, REPAIR, SERVICE

HOUR = 60
"""Length of an hour (minutes)."""
AHEAD = 10
"""How far the plan is ahead (hours): no wear takes longer."""
START = 6
"""Hour of the day at which the world begins."""

ONSET = 1 / (3.2 * HOUR)
"""Chance per minute of driving that a component of a sound vehicle begins to wear."""
LEAST, MOST = 45.0, 150.0
"""Minutes of driving at ordinary stress from onset to failure."""
_NOTICED, _FOUND = 0.35, 0.75
"""Wear from which a service can detect a component, and the chance that it does."""
_DRIVE, _BREAK = (50, 120), (8, 25)
_SERVICE, _REPAIR = (8, 15), (15, 30)
_BETWEEN = (5 * HOUR, 9 * HOUR)
"""Bounds of the minutes of a stint, a break, a service, a repair, and between two services."""
_SWAPPED = 0.25
"""Share of services after which the coolant temperature is sent in another unit."""


@dataclass(frozen=True, slots=True)
class Order:
    """A work order: its minute and second, vehicle, kind, and component or -1."""

    minute: int
    second: int
    vehicle: int
    kind: str
    component: int
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A component's wear, from its onset to its end (minutes), and whether the end is a failure."""

    vehicle: int
    component: int
    onset: int
    until: int
    second: int
    failed: bool


@dataclass(slots=True)
class Hour:
    """The plan of an hour for all vehicles, arrays of shape ``(60, n_vehicles, ...)``.

    Attributes
    ----------
    until
        Second of the minute up to which each drives: 0 while it stands, else mostly 60.
    load
        Mean load (0 to 1).
    rain, roughness, grade, outside
        In mm/h, from 0 to 1, in percent, in degrees Celsius.
    wear
        Wear of each component, from 0 to 1, at which it fails.
    """

    until: Ints
    load: Floats
    rain: Floats
    roughness: Floats
    grade: Floats
    outside: Floats
    wear: Floats


class Plan:
    """The plan of a world; call :meth:`hour` for each hour in turn.

    Attributes
    ----------
    orders, spans
        Work orders and wear spans planned so far; the world drops them once they are sent.
    """

    def __init__(
        self, seed: int, fleet: Fleet, failures: float, climate: HotClimate = UNCHANGED
    ) -> None:
        self.seed, self.fleet, self.failures, self.climate = seed, fleet, failures, climate
        self.orders: list[Order] = []
        self.spans: list[Span] = []
        self._hours: dict[int, Hour] = {}
        self._next = 0
        n = len(fleet)
        draw = stream(self.seed, "mid-life")
        self._stint = draw.integers(1, _DRIVE[1], n)
        self._stop, self._fixed = blank(n), blank(n)
        self._service = draw.integers(10, _BETWEEN[1], n)
        self._worn = np.full(n, -1, np.int64)
        self._wear, self._pace = np.zeros(n), np.zeros(n)
        self._since, self._broken = blank(n), np.full(n, -1, np.int64)
        # The vehicles have been on the road before the world begins.
        begun = draw.random(n) < 0.4 * min(self.failures, 1.0)
        which, far, length = draw.random(n), draw.random(n), draw.uniform(LEAST, MOST, n)
        for v in np.flatnonzero(begun).tolist():
            self._begin(v, 0, float(which[v]), float(length[v]))
            self._wear[v] = 0.8 * far[v]
        self._slow = np.zeros((5, n))
        self._shower = 0.0

    def hour(self, number: int) -> Hour:
        """Return an hour and drop those before it."""
        while self._next <= number + AHEAD:
            self._hours[self._next] = self._planned(self._next)
            self._next += 1
        self._hours = {h: plan for h, plan in self._hours.items() if h >= number}
        return self._hours[number]

    def _begin(self, v: int, minute: int, which: float, length: float) -> None:
        share = np.cumsum(self.fleet.prone[v])
        self._worn[v] = min(int(np.searchsorted(share, which)), len(COMPONENTS) - 1)
        self._wear[v], self._pace[v], self._since[v] = 0.0, 1.0 / length, minute

    def _planned(self, number: int) -> Hour:
        """Plan an hour, minute by minute."""
        n, seed = len(self.fleet), self.seed
        plan = self._drivers(number)
        stints = stream(seed, "stints", number).random((2, HOUR, n))
        onsets = stream(seed, "onsets", number).random((3, HOUR, n))
        visits = stream(seed, "workshop", number).random((6, HOUR, n))
        stress = 0.25 + 1.5 * plan.load + 0.5 * plan.roughness + 0.1 * np.minimum(plan.rain, 4.0)
        for m in range(HOUR):
            minute = number * HOUR + m
            self._arrive(minute)
            drives = self._stop <= minute
            drives &= ~self._rest(minute, drives, stints[:, m])
            drives &= ~self._serve(minute, drives, visits[:, m])
            plan.until[m] = np.where(drives, 60, 0)
            fresh = drives & (self._worn < 0) & (onsets[0, m] < ONSET * self.failures)
            for v in np.flatnonzero(fresh).tolist():
                length = LEAST + (MOST - LEAST) * onsets[2, m, v]
                self._begin(v, minute, float(onsets[1, m, v]), float(length))
            wearing = drives & (self._worn >= 0)
            self._wear += np.where(wearing, self._pace * stress[m], 0.0)
            worn = np.flatnonzero(self._worn >= 0)
            plan.wear[m, worn, self._worn[worn]] = np.minimum(self._wear[worn], 1.0)
            for v in np.flatnonzero(wearing & (self._wear >= 1.0)).tolist():
                self._fail(minute, v, visits[:, m, v], plan.until[m])
        return plan

    def _rest(self, minute: int, drives: Mask, draws: Floats) -> Mask:
        """Stop the vehicles whose stint is over; return which do."""
        self._stint -= drives
        stops = drives & (self._stint <= 0)
        self._stop[stops] = minute + _within(_BREAK, draws[0])[stops]
        self._stint[stops] = _within(_DRIVE, draws[1])[stops]
        return stops

    def _serve(self, minute: int, drives: Mask, draws: Floats) -> Mask:
        """Send the vehicles whose service is due to the workshop; return which do."""
        due = drives & (self._service <= minute)
        self._service[due] = minute + _within(_BETWEEN, draws[0])[due]
        self._stop[due] = minute + _within(_SERVICE, draws[1])[due]
        for v in np.flatnonzero(due).tolist():
            component = int(self._worn[v])
            renewed = component >= 0 and self._wear[v] > _NOTICED and draws[2, v] < _FOUND
            if renewed:
                self._end(v, minute, 0, failed=False)
            done, swapped = int(self._stop[v]) - 1, bool(draws[3, v] < _SWAPPED)
            self.orders.append(Order(done, 0, v, SERVICE, component if renewed else -1, swapped))
        return due

    def _fail(self, minute: int, v: int, draws: Floats, until: Ints) -> None:
        """Break a vehicle down in this minute."""
        second = int(draws[4] * 60)
        until[v] = second
        self._broken[v] = self._worn[v]
        self._end(v, minute, second, failed=True)
        self.orders.append(Order(minute, second, v, BREAKDOWN, int(self._broken[v])))
        self._stop[v] = self._fixed[v] = (
            minute + _REPAIR[0] + int(draws[5] * (_REPAIR[1] - _REPAIR[0]))
        )

    def _arrive(self, minute: int) -> None:
        """Return the vehicles to the road whose repair ends with the next minute."""
        for v in np.flatnonzero(self._fixed == minute + 1).tolist():
            self.orders.append(Order(minute, 0, v, REPAIR, int(self._broken[v])))

    def _end(self, v: int, minute: int, second: int, *, failed: bool) -> None:
        self.spans.append(Span(v, int(self._worn[v]), int(self._since[v]), minute, second, failed))
        self._worn[v], self._wear[v] = -1, 0.0

    def _drivers(self, number: int) -> Hour:
        """Draw load, weather and road of an hour."""
        n, fleet = len(self.fleet), self.fleet
        draw = stream(self.seed, "drivers", number)
        steps = draw.normal(0, 1, (HOUR, 5, n))
        showers = draw.random((HOUR, 2))
        slow, rain = np.empty((HOUR, 5, n)), np.empty(HOUR)
        for m in range(HOUR):
            self._slow = slow[m] = 0.95 * self._slow + 0.312 * steps[m]
            if showers[m, 0] < 1 / 90:
                self._shower = 12.0 * showers[m, 1]
            self._shower *= 0.97
            rain[m] = self._shower
        of_day = (START + number + np.arange(HOUR)[:, None] / HOUR) % 24
        busy = 0.08 * np.exp(-((of_day - 8) ** 2) / 4) + 0.08 * np.exp(-((of_day - 17) ** 2) / 4)
        outside = 11 - 7 * np.cos((of_day - 3) * np.pi / 12) + 3 * slow[:, 3].mean(axis=1)[:, None]
        outside = outside + self.climate.warmth(number * HOUR + np.arange(HOUR))[:, None]
        falls: Floats = rain[:, None] + 0.3 * slow[:, 4] * (rain[:, None] > 0.3)
        return Hour(
            until=np.zeros((HOUR, n), np.int64),
            load=np.clip(fleet.burden + busy + 0.16 * slow[:, 0], 0.05, 1.0),
            rain=np.clip(falls, 0.0, 40.0).round(2),
            roughness=np.clip(fleet.country + 0.2 * slow[:, 1], 0.0, 1.0),
            grade=np.clip(2.0 + 1.6 * slow[:, 2], 0.0, 9.0),
            outside=outside + 0.8 * slow[:, 3],
            wear=np.zeros((HOUR, n, len(COMPONENTS))),
        )


def _within(bounds: tuple[int, int], share: Floats) -> Ints:
    """Return whole minutes between two bounds."""
    return (bounds[0] + share * (bounds[1] - bounds[0])).astype(np.int64)
