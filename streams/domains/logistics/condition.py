"""Logistics: tracked condition of vehicles, updated reading by reading.

Readings are cleaned first (:mod:`streamsim.streams.domains.logistics.mending`). The values that are
expected at their load, weather and road are subtracted
(:mod:`streamsim.streams.domains.logistics.usual`). The residuals are compared with the fleet and
with the vehicle's own past (:mod:`streamsim.streams.domains.logistics.degradation`). When a
component has been renewed, the past of its sensors is cleared.
"""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import NO_TIME, Events, Floats, Ints, Mask
from streamsim.streams.spec.feature_vector import Arrays
from streamsim.streams.spec.features import Slots, Tracker

from .degradation import Degradation, Reference
from .fleet import (
    AIR,
    COOLANT,
    LOAD,
    NOMINAL,
    OIL,
    SENSORS,
    SPEED,
    VIBRATION,
    VOLTAGE,
)
from .mending import Mending, Sensor
from .misreading import CONVERSIONS
from .schema import SURROUNDINGS
from .sensors import SensorState
from .usual import LAWS, SOUND, SPREAD, residuals

_FAHRENHEIT = (CONVERSIONS["C to F"],)
_PRESSURES = (CONVERSIONS["kPa to psi"], CONVERSIONS["kPa to bar"])
MEASURED = (
    Sensor("coolant_temp", -40, 150, leap=12, still=60, conversions=_FAHRENHEIT),
    Sensor("oil_pressure", 20, 1000, leap=120, still=60, conversions=_PRESSURES),
    Sensor("vibration", 0, 30, leap=6, still=60),
    Sensor("voltage", 6, 34, leap=4, still=60),
    Sensor("air_pressure", 100, 1300, leap=200, still=60, conversions=_PRESSURES),
    Sensor("load", 0, 101, leap=101, still=300),
    Sensor("speed", 0, 200, leap=200, still=300),
)

REFERENCE = Reference(
    SENSORS,
    center=(*(0.0 for _ in SOUND), 45.0, 60.0),
    scale=(*SPREAD, 17.0, 20.0),
)
"""Load and speed unchanged; residuals of the sensors in which wear shows."""

DEFINITION = Degradation(REFERENCE, windows=(10, 60), half_lives=(60.0, 300.0, 1800.0), first=600)

WATCHES = {
    "cooling": (COOLANT,),
    "charging": (VOLTAGE,),
    "bearing": (VIBRATION, OIL, COOLANT),
    "brakes": (AIR, VIBRATION),
}
"""The sensors in which a component's wear shows."""

_LOW_VOLTAGE = 20.0
"""Limit of the voltage (V) below which a vehicle of unknown type has a 12 V battery, not 24 V."""


class Condition:
    """The past of many vehicles' sensors; see :class:`streamsim.streams.spec.features.Tracked`."""

    def __init__(self) -> None:
        self._mending = Mending(MEASURED)
        self._sensors = SensorState(DEFINITION)
        self._order = np.empty(0, np.int64)

    def update(self, slots: Slots, events: Events) -> Arrays:
        """Add readings; return their features, units and masks of the frozen sensors."""
        said = np.column_stack([_numbers(events, name) for name in SENSORS])
        mended = self._mending.update(slots, said)
        values = mended.values.copy()
        values[:, VOLTAGE] /= _nominal(events, values[:, VOLTAGE])
        around = [_known(events, f"environment.{name}") for name in SURROUNDINGS.fields]
        values[:, :LOAD] = residuals(values[:, :LOAD], [values[:, LOAD], values[:, SPEED], *around])
        found = self._sensors.update(slots, values, self._renewed(slots, events))
        return {"found": found, "unit": mended.unit, "frozen": mended.frozen}

    def snapshot(self, slots: Slots) -> Arrays:
        """See :class:`streamsim.streams.spec.features.Tracked`."""
        self._ensure(slots)
        return {
            "order": self._order[slots],
            **{f"mending.{k}": v for k, v in self._mending.snapshot(slots).items()},
            **{f"sensors.{k}": v for k, v in self._sensors.snapshot(slots).items()},
        }

    def restore(self, slots: Slots, arrays: Arrays) -> None:
        """See :class:`streamsim.streams.spec.features.Tracked`."""
        self._ensure(slots)
        self._order[slots] = arrays["order"]
        for prefix, part in (("mending.", self._mending), ("sensors.", self._sensors)):
            own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            part.restore(slots, own)

    def _ensure(self, slots: Slots) -> None:
        more = int(slots.max(initial=-1)) + 1 - len(self._order)
        if more > 0:
            self._order = np.append(self._order, np.full(max(more, 64), NO_TIME))

    def _renewed(self, slots: Slots, events: Events) -> Mask:
        """Return which sensors begin anew at each reading: at the first after a new work order."""
        self._ensure(slots)
        time: Ints = events.integers("work_orders.time")
        order = np.argsort(slots, kind="stable")
        own, times = slots[order], time[order]
        before = np.concatenate(([NO_TIME], times[:-1]))
        first = np.concatenate(([True], own[1:] != own[:-1])) if len(own) else np.empty(0, bool)
        before[first] = self._order[own[first]]
        self._order[own] = times  # of several, the last one stays
        new = np.zeros(len(slots), bool)
        new[order] = times != before
        anew = np.zeros((len(slots), len(SENSORS)), bool)
        kinds, components = (events.strings(f"work_orders.{f}") for f in ("kind", "component"))
        for row in np.flatnonzero(new).tolist():
            if kinds[row] != "breakdown":
                anew[row, list(WATCHES.get(components[row], ()))] = True
        return anew


def _numbers(events: Events, name: str) -> Floats:
    return events.columns[name].astype(np.float64)


def _known(events: Events, name: str) -> Floats:
    """Return joined numbers, NaN where they are unknown."""
    return np.array([np.nan if v is None else v for v in events.strings(name)], np.float64)


def _nominal(events: Events, voltage: Floats) -> Floats:
    """Return the nominal voltage of each vehicle while its engine runs (V)."""
    guess = np.where(voltage < _LOW_VOLTAGE, NOMINAL["van"], NOMINAL["truck"])
    known = np.array([NOMINAL.get(kind, np.nan) for kind in events.strings("vehicle_type")])
    return np.where(np.isfinite(known), known, guess)


CONDITION = Tracker(
    "condition",
    Condition,
    layout=f"{MEASURED} {DEFINITION} {WATCHES} {LAWS.tolist()}",
    joined=("work_orders", "environment"),
)
