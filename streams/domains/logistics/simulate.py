"""Logistics: seeded world of vehicles that wear, break down and are serviced.

Each sends readings at 1 Hz while it drives, with loads, roads and weather of its own. Time is
compressed: the time between two failures of a vehicle is hours, not months as in a real fleet.
Planted, each with its onset and its end on ``logistics.truth``:

- ``cooling``, ``charging``, ``bearing``, ``brakes``: a component that wears until it fails, or
  until a service renews it; ``ended`` says which;
- ``sensor_frozen``, ``sensor_dropped_out``, ``sensor_drifting``: a sensor that is wrong for a
  while.

Some telemetry is late, duplicate, broken, or has impossible values.

A world can change its climate and its sensors at a known time
(:mod:`streamsim.streams.domains.logistics.hot_climate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, as_objects
from streamsim.streams.outgoing import Outgoing, between
from streamsim.streams.seeds import stream
from streamsim.streams.spec import MINUTE, SECOND
from streamsim.streams.spec.world import Emission, Slice

from . import hot_climate
from .fleet import SENSORS, TYPES, Fleet, draw_fleet
from .hot_climate import HotClimate
from .plan import HOUR, Hour, Order, Plan
from .schema import COMPONENTS, HEARTBEAT, SERVICE
from .sensing import FAULTS, Fault, Sensing, swap

OPTIONS: Mapping[str, float] = {
    "vehicles": 24,
    "failures": 1.0,
    "faults": 1.0,
    "defects": 1.0,
    **hot_climate.OPTIONS,
}
"""Size of the fleet, rate of component wear (0: none), rate of sensor faults, rate of defects in
the telemetry feed (0: none), and the world's change."""

EPOCH = 1_736_143_200_000
"""2025-01-06T06:00:00Z, a Monday: the beginning of every world (ms)."""

_TWICE, _LATE, _TOO_LATE, _BROKEN, _ABSURD = 0.002, 0.01, 0.0003, 0.0005, 0.001
_EXTRA = "door_cycles"
"""A sensor of buses that is in no schema."""


@dataclass(slots=True)
class LogisticsWorld:
    """The world of one seed; iterate over :meth:`slices` once."""

    seed: int
    options: Mapping[str, float]
    fleet: Fleet = field(init=False)
    plan: Plan = field(init=False)
    sensing: Sensing = field(init=False)
    climate: HotClimate = field(init=False)

    def __post_init__(self) -> None:
        self.fleet = draw_fleet(self.seed, int(self.options["vehicles"]))
        self.climate = HotClimate(self.seed, self.options)
        self.plan = Plan(self.seed, self.fleet, self.options["failures"], self.climate)
        self.sensing = Sensing(self.seed, self.fleet, self.options["faults"], self.climate)

    def slices(self) -> Iterator[Slice]:
        """Yield the events without end, a quarter of a minute at a time."""
        number, waiting = 0, Outgoing(*(np.empty(0, t) for t in (int, int, object, object)))
        while True:
            hour = self.plan.hour(number)
            faults = self.sensing.hour(number)
            orders = [o for o in self.plan.orders if o.minute // HOUR == number]
            for m in range(HOUR):
                minute = number * HOUR + m
                start = EPOCH + minute * MINUTE
                now = [o for o in orders if o.minute == minute]
                swap(self.sensing, np.array([o.vehicle for o in now if o.swapped], np.intp))
                waiting = Outgoing.concat([waiting, self._readings(hour, minute)])
                others = (
                    self._environment(hour, minute),
                    self._orders(now, minute),
                    self._truth(minute, [f for f in faults if f.start == minute]),
                )
                for until in range(start + HEARTBEAT, start + MINUTE + 1, HEARTBEAT):
                    sent, waiting = waiting.split(until)
                    telemetry = sent.emission("telemetry")
                    pieces = (between(e, until - HEARTBEAT, until) for e in others)
                    changed = self.climate.change.truth(EPOCH, until - HEARTBEAT, until)
                    yield Slice(until, (telemetry, *pieces, *changed))
            self.plan.orders = [o for o in self.plan.orders if o.minute // HOUR > number]
            self.plan.spans = [s for s in self.plan.spans if s.onset // HOUR > number]
            number += 1

    def _readings(self, hour: Hour, minute: int) -> Outgoing:
        """Measure a minute, and return its readings as they are sent."""
        fleet, until = self.fleet, hour.until[minute % HOUR]
        values, position = self.sensing.minute(hour, minute)
        second, vehicle = np.nonzero(np.arange(60)[:, None] < until)
        values, position = values[second, vehicle], position[second, vehicle]
        n, bad = len(second), self.options["defects"]
        draw = stream(self.seed, "defects", minute)
        absurd = draw.random(n) < _ABSURD * bad
        values[absurd, draw.integers(0, 5, n)[absurd]] = 6553.5
        time = EPOCH + minute * MINUTE + second * SECOND + fleet.phase[vehicle]
        body = as_objects(self._bodies(vehicle, time, values, position))
        key = as_objects(v.encode() for v in fleet.vehicle_id[vehicle])
        chance, by = draw.random(n), draw.random(n)
        delay = np.where(chance < _LATE * bad, by * 4 * SECOND, 0.0)
        delay = np.where(chance < _TOO_LATE * bad, (6 + 50 * by) * SECOND, delay)
        for row in np.flatnonzero(draw.random(n) < _BROKEN * bad).tolist():
            body[row], key[row] = body[row][: len(body[row]) // 2], None
        readings = Outgoing(time, time + delay.astype(np.int64), key, body)
        twice = readings.take(np.flatnonzero(draw.random(n) < _TWICE * bad))
        twice.clock = twice.clock + draw.integers(1, 4 * SECOND, len(twice.time))
        return Outgoing.concat([readings, twice])

    def _bodies(self, vehicle: Ints, time: Ints, values: Floats, position: Floats) -> list[bytes]:
        """Write readings as JSON, without the sensors that the vehicle's type lacks."""
        fleet = self.fleet
        found = as_objects([b""] * len(vehicle))
        kinds = fleet.kind[vehicle]
        stamps, names = as_objects(format_times(time)), fleet.vehicle_id[vehicle]
        for number, kind in enumerate(TYPES):
            rows = np.flatnonzero(kinds == number)
            if not len(rows):
                continue
            has = np.flatnonzero(fleet.has[number])  # the types alternate
            columns = {
                "event_id": [
                    f"{v}-{(t - EPOCH) // SECOND}"
                    for v, t in zip(names[rows], time[rows].tolist(), strict=True)
                ],
                "event_time": stamps[rows],
                "vehicle_id": names[rows],
                "vehicle_type": [kind] * len(rows),
                **{SENSORS[s]: values[rows, s].tolist() for s in has.tolist()},
                "latitude": position[rows, 0].tolist(),
                "longitude": position[rows, 1].tolist(),
            }
            if kind == "bus":
                columns[_EXTRA] = (time[rows] // MINUTE % 10_000).tolist()
            found[rows] = as_objects(encode_objects(columns))
        return list(found)

    def _environment(self, hour: Hour, minute: int) -> Emission:
        """Emit weather and road of the vehicles that drive."""
        m = minute % HOUR
        vehicle = np.flatnonzero(hour.until[m])
        names = self.fleet.vehicle_id[vehicle]
        time = np.full(len(vehicle), EPOCH + minute * MINUTE)
        values = encode_objects(
            {
                "event_id": [f"env-{v}-{minute}" for v in names],
                "event_time": format_times(time),
                "vehicle_id": names,
                "outside_temp": np.round(hour.outside[m, vehicle], 1).tolist(),
                "rain": hour.rain[m, vehicle].tolist(),
                "roughness": np.round(hour.roughness[m, vehicle], 3).tolist(),
                "grade": np.round(hour.grade[m, vehicle], 1).tolist(),
            }
        )
        return Emission("environment", time, time, [v.encode() for v in names], values)

    def _orders(self, orders: list[Order], minute: int) -> Emission:
        """Emit the work orders; the first are every vehicle's last service before the world."""
        time = [EPOCH + o.minute * MINUTE + o.second * SECOND for o in orders]
        rows = [
            (t, o.vehicle, o.kind, COMPONENTS[o.component] if o.component >= 0 else None, t)
            for t, o in zip(time, orders, strict=True)
        ]
        if minute == 0:
            ago = stream(self.seed, "services").integers(0, 360, len(self.fleet)).tolist()
            rows += [(EPOCH, v, SERVICE, None, EPOCH - a * MINUTE) for v, a in enumerate(ago)]
        rows.sort(key=lambda row: row[:2])
        at, vehicle, kind, component, done = zip(*rows, strict=True) if rows else ((),) * 5
        when = np.array(at, np.int64)
        names = self.fleet.vehicle_id[np.array(vehicle, np.intp)]
        values = encode_objects(
            {
                "event_id": [f"order-{v}-{t}" for v, t in zip(names, at, strict=True)],
                "event_time": format_times(when),
                "vehicle_id": names,
                "kind": kind,
                "component": component,
                "done_at": format_times(np.array(done, np.int64)),
            }
        )
        return Emission("work_orders", when, when, [v.encode() for v in names], values)

    def _truth(self, minute: int, faults: list[Fault]) -> Emission:
        """Emit the truth that begins in a minute."""
        name, start = self.fleet.vehicle_id, EPOCH + minute * MINUTE
        rows = [
            (COMPONENTS[s.component], name[s.vehicle], None,
             EPOCH + s.until * MINUTE + s.second * SECOND, "failure" if s.failed else "service")
            for s in self.plan.spans if s.onset == minute
        ] + [
            (f"sensor_{FAULTS[f.kind]}", None, f"{name[f.vehicle]}/{SENSORS[f.sensor]}",
             EPOCH + f.until * MINUTE, None)
            for f in faults
        ]  # fmt: skip
        kind, vehicle, sensor, until, ended = zip(*rows, strict=True) if rows else ((),) * 5
        time = np.full(len(rows), start)
        values = encode_objects(
            {
                "event_id": [
                    f"truth-{start}-{k}-{v or s}"
                    for k, v, s in zip(kind, vehicle, sensor, strict=True)
                ],
                "event_time": format_times(time),
                "kind": kind,
                "vehicle_id": vehicle,
                "sensor": sensor,
                "onset": format_times(time),
                "until": format_times(np.array(until, np.int64)),
                "ended": ended,
            }
        )
        keys = [(v or s).encode() for v, s in zip(vehicle, sensor, strict=True)]
        return Emission("truth", time, time, keys, values)


def world(seed: int, options: Mapping[str, float]) -> LogisticsWorld:
    """Return the world of that seed; options that are not given have their defaults."""
    return LogisticsWorld(seed, {**OPTIONS, **options})
