"""Logistics: simulated sensor readings of a fleet, second by second, with sensor faults.

A worn component shows in several sensors. Each of these also depends on load, weather, road and
the vehicle. Sensors drift, freeze and drop out for a while, and recover.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream

from .fleet import (
    AIR,
    COOLANT,
    LOAD,
    OIL,
    SENSORS,
    SPEED,
    VIBRATION,
    VOLTAGE,
    Fleet,
)
from .hot_climate import UNCHANGED, HotClimate
from .misreading import CONVERSIONS
from .plan import HOUR, Hour
from .schema import COMPONENTS

COOLING, CHARGING, BEARING, BRAKES = range(len(COMPONENTS))
FAHRENHEIT = CONVERSIONS["C to F"]

FAULTS = ("frozen", "dropped_out", "drifting")
FROZEN, DROPPED, DRIFTING = range(len(FAULTS))
_CHANCE = np.array([0.04, 0.06, 0.05])
"""Chance of each fault, per sensor and hour."""
_LASTS = ((4, 15), (3, 15), (40, 120))
"""Bounds of the length of each fault (minutes)."""
_DRIFT = np.array([5.0, 30.0, 0.3, 0.012, 30.0, 0.0, 0.0])
"""Largest drift of a sensor in either direction (the voltage: a share of the nominal)."""
_NOISE = np.array([0.4, 7.0, 0.16, 0.004, 9.0, 0.0, 1.0])
_DIGITS = (1, 1, 3, 3, 1, 1, 1)
_LAG, _COOL = 100.0, 3600.0
"""Time constants of the coolant with the engine running, and stopped (s)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A sensor fault: vehicle, sensor, kind, and first and last minute."""

    vehicle: int
    sensor: int
    kind: int
    start: int
    until: int


@dataclass(slots=True)
class Sensing:
    """Simulated sensors; call :meth:`hour` first, then :meth:`minute` for each of its minutes."""

    seed: int
    fleet: Fleet
    faults: float
    climate: HotClimate = UNCHANGED
    fahrenheit: Mask = field(init=False)
    _coolant: Floats = field(init=False)
    _jitter: Floats = field(init=False)
    _held: Floats = field(init=False)
    _begins: Ints = field(init=False)
    _ends: Ints = field(init=False)
    _size: Floats = field(init=False)
    _heading: Floats = field(init=False)
    position: Floats = field(init=False)

    def __post_init__(self) -> None:
        n, width = len(self.fleet), len(SENSORS)
        draw = stream(self.seed, "engines")
        self.fahrenheit = np.zeros(n, bool)
        self._coolant = draw.uniform(82, 92, n)
        self._jitter = np.zeros(n)
        self._held = np.full((n, width), np.nan)
        self._begins = np.full((len(FAULTS), n, width), -1)
        self._ends = np.full((len(FAULTS), n, width), -1)
        self._size = np.zeros((n, width))
        self._heading = draw.uniform(0, 2 * np.pi, n)
        self.position = self.fleet.position.copy()

    def hour(self, number: int) -> list[Fault]:
        """Begin the faults of an hour; return them."""
        n, width = len(self.fleet), len(SENSORS)
        draw = stream(self.seed, "sensor faults", number)
        shape = (len(FAULTS), n, width)
        chance, start, length = (
            draw.random(shape),
            draw.integers(0, HOUR, shape),
            draw.random(shape),
        )
        way = draw.uniform(-1, 1, (n, width))
        low, high = np.array(_LASTS).T[:, :, None, None]
        start = number * HOUR + start
        lasts = (low + length * (high - low)).astype(np.int64)
        begins = chance < self.faults * _CHANCE[:, None, None]
        begins &= (self._ends <= start) & self.fleet.has
        begins[DRIFTING, :, LOAD:] = False  # these are computed, not measured
        self._begins[begins] = start[begins]
        self._ends[begins] = (start + lasts)[begins]
        self._size[begins[DRIFTING]] = (way * _DRIFT)[begins[DRIFTING]]
        return [
            Fault(v, s, kind, int(start[kind, v, s]), int(start[kind, v, s] + lasts[kind, v, s]))
            for kind, v, s in np.argwhere(begins).tolist()
        ]

    def minute(self, plan: Hour, number: int) -> tuple[Floats, Floats]:
        """Measure a minute of all vehicles, including standing ones.

        Returns
        -------
        Readings, shape ``(60, n_vehicles, n_sensors)``, NaN where there is none, and positions,
        ``(60, n_vehicles, 2)``.
        """
        n, m = len(self.fleet), number % HOUR
        draw = stream(self.seed, "seconds", number)
        steps, noise = draw.normal(0, 1, (60, n)), draw.normal(0, 1, (60, n, len(SENSORS)))
        turn = draw.normal(0, 0.5, n)
        drives, wear = plan.until[m] > 0, plan.wear[m] ** 2
        outside, rain, rough = plan.outside[m], plan.rain[m], plan.roughness[m]
        load, coolant = np.empty((60, n)), np.empty((60, n))
        leak = 15.0 * wear[:, COOLING]
        base = 81 + 0.25 * (outside - 15) + 3.0 * wear[:, BEARING]
        base = base + self.climate.strain(number, outside)
        for s in range(60):
            self._jitter = 0.95 * self._jitter + 0.04 * steps[s]
            load[s] = np.clip(plan.load[m] + self._jitter, 0.02, 1.0)
            goal = np.where(drives, base + (12 + leak) * load[s] + 0.4 * leak, outside)
            lag = np.where(drives, _LAG, _COOL)
            self._coolant = self._coolant + (goal - self._coolant) / lag
            coolant[s] = self._coolant
        speed = np.clip((95 - 55 * rough - 4 * plan.grade[m]) * (0.55 + 0.6 * load), 0, 110)
        pace, hard = speed / 70, 0.15 * plan.grade[m] + 0.35 * np.minimum(rain, 4) / 4 + 0.3 * rough
        cold = np.clip(15 - outside, 0, 30) / 15
        values = np.empty((60, n, len(SENSORS)))
        values[:, :, COOLANT] = coolant
        values[:, :, OIL] = (
            260 + 130 * load + 40 * pace - 2.5 * (coolant - 90) - 70 * wear[:, BEARING]
        )
        values[:, :, VIBRATION] = (
            0.5 + (0.5 + 1.6 * rough) * pace + 0.4 * load
            + wear[:, BEARING] * (0.35 + 0.9 * pace) + 0.25 * wear[:, BRAKES]
        )  # fmt: skip
        values[:, :, VOLTAGE] = (
            1 - 0.012 * cold - 0.012 * (rain > 0.3) - 0.02 * load
            - 0.05 * wear[:, CHARGING] * (0.6 + 0.5 * load + 0.3 * cold)
        )  # fmt: skip
        values[:, :, AIR] = 880 - 70 * hard - 110 * wear[:, BRAKES] * (0.35 + 0.8 * hard)
        values[:, :, LOAD] = 100 * load
        values[:, :, SPEED] = speed
        values += self.fleet.bias + noise * _NOISE
        values = self.climate.sensed(values, number, outside)
        return self._as_sent(values, number), self._way(speed, turn, drives)

    def _as_sent(self, values: Floats, number: int) -> Floats:
        """Convert measured values to sent values: changed units, and faulty sensors."""
        going = (self._begins <= number) & (number < self._ends)
        drifts = going[DRIFTING]
        if drifts.any():
            part = (number - self._begins[DRIFTING]) / (
                np.maximum(self._ends[DRIFTING] - self._begins[DRIFTING], 1)
            )
            values += np.where(drifts, self._size * np.minimum(2 * part, 1.0), 0.0)
        values[:, :, VOLTAGE] *= self.fleet.nominal
        np.clip(values[:, :, LOAD:], 0.0, None, out=values[:, :, LOAD:])
        sent = np.where(
            self.fahrenheit, FAHRENHEIT.apply(values[:, :, COOLANT]), values[:, :, COOLANT]
        )
        values[:, :, COOLANT] = sent
        for sensor, digits in enumerate(_DIGITS):
            np.round(values[:, :, sensor], digits, out=values[:, :, sensor])
        frozen = going[FROZEN]
        held = np.where(np.isnan(self._held), values[0], self._held)
        self._held = np.where(frozen, held, values[-1])
        values = np.where(frozen, held, values)
        values[:, going[DROPPED] | ~self.fleet.has] = np.nan
        return values

    def _way(self, speed: Floats, turn: Floats, drives: Mask) -> Floats:
        """Move the vehicles; a degree is about 111 km."""
        self._heading = self._heading + turn
        metres = np.cumsum(np.where(drives, speed, 0.0) / 3.6, axis=0)
        north, east = metres * np.cos(self._heading), metres * np.sin(self._heading)
        found = self.position + np.stack([north, 1.5 * east], axis=2) / 111_000
        self.position = found[-1]
        return np.round(found, 5)


def swap(sensing: Sensing, vehicles: npt.NDArray[np.intp]) -> None:
    """Make vehicles send the coolant temperature in the other unit from now on."""
    sensing.fahrenheit[vehicles] ^= True
