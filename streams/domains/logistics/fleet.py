"""Logistics: simulated fleet: types, sensors and use of the vehicles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask, Objects, as_objects
from streamsim.streams.seeds import stream

from .schema import COMPONENTS

SENSORS = (
    "coolant_temp",
    "oil_pressure",
    "vibration",
    "voltage",
    "air_pressure",
    "load",
    "speed",
)
"""The sensors, in the order of the columns of readings."""
COOLANT, OIL, VIBRATION, VOLTAGE, AIR, LOAD, SPEED = range(len(SENSORS))

TYPES = ("van", "truck", "bus")
LACKS: dict[str, tuple[int, ...]] = {"van": (OIL, AIR), "truck": (), "bus": (VIBRATION,)}
NOMINAL = {"van": 14.0, "truck": 28.0, "bus": 28.0}
"""Voltage while the engine runs (V)."""

_BIAS = np.array([1.5, 12.0, 0.12, 0.006, 12.0, 0.0, 0.0])
"""Standard deviation of a vehicle's offset from its type (the voltage: a share of the nominal)."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Stable traits of one world's vehicles, arrays of shape ``(n_vehicles, ...)``.

    Attributes
    ----------
    has
        Which sensors each has.
    bias
        Offset of each sensor from the type's.
    burden
        Mean load of its work (0 to 1).
    country
        Share of its distance that is on rough roads.
    prone
        Probability of each component to be the next that wears.
    phase
        Millisecond of the second at which it sends its readings.
    """

    vehicle_id: Objects
    kind: Ints
    has: Mask
    bias: Floats
    burden: Floats
    country: Floats
    prone: Floats
    phase: Ints
    position: Floats

    def __len__(self) -> int:
        return len(self.vehicle_id)

    @property
    def nominal(self) -> Floats:
        """Voltage of each while its engine runs (V)."""
        return np.array([NOMINAL[kind] for kind in TYPES])[self.kind]


def draw_fleet(seed: int, n: int) -> Fleet:
    """Draw a fleet; the types alternate."""
    draw = stream(seed, "fleet")
    kind = np.arange(n) % len(TYPES)
    has = np.ones((n, len(SENSORS)), bool)
    for number, name in enumerate(TYPES):
        for sensor in LACKS[name]:
            has[kind == number, sensor] = False
    prone = draw.dirichlet(np.full(len(COMPONENTS), 3.0), n)
    prone[kind == TYPES.index("van"), COMPONENTS.index("brakes")] = 0.0
    prone[kind == TYPES.index("bus"), COMPONENTS.index("bearing")] *= 0.5
    return Fleet(
        vehicle_id=as_objects(f"v{i:04d}" for i in range(n)),
        kind=kind,
        has=has,
        bias=draw.normal(0, 1, (n, len(SENSORS))) * _BIAS,
        burden=draw.uniform(0.25, 0.6, n),
        country=draw.beta(1.2, 3.0, n),
        prone=prone / prone.sum(axis=1, keepdims=True),
        phase=draw.integers(0, 1000, n),
        position=np.column_stack([draw.uniform(47, 52, n), draw.uniform(7, 14, n)]),
    )


def blank(n: int) -> Ints:
    """Return minutes long before the world's beginning, one per vehicle."""
    return np.full(n, -1, np.int64)
