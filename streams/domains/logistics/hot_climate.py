"""Logistics: a hotter climate and sensors of another make, which a world can get at a known time.

The air is hotter. Above 25 degrees the radiator has less to give, so that the coolant of a sound
vehicle is hotter too, and the regulator lowers the voltage, as a warm lead-acid battery must be
charged with less. At the same time the vehicles get other sensors of coolant and vibration, which
read more, and less precisely.

So sound vehicles look worn to a model that has learnt in another climate. Fleets meet both: they
are sent to another country, a summer is hot, a supplier has changed. The best-known data of the
field, NASA's turbofans, are made in one and in six operating conditions, as wear shows only against
the condition (Saxena, Goebel, Simon and Eklund, 2008, Damage propagation modeling for aircraft
engine run-to-failure simulation, *PHM 2008*).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, MINUTE
from streamsim.streams.spec.world_changes import CHANGE, WorldChange

from .fleet import COOLANT, VIBRATION, VOLTAGE

OPTIONS: Mapping[str, float] = {**CHANGE, "change_heat": 1.0, "change_sensors": 1.0}
"""When the world changes (:data:`streamsim.streams.spec.world_changes.CHANGE`), and how strong the
heat and the difference of the sensors are (0: none)."""

_HOTTER = 20.0
"""How much hotter the air is (degrees)."""
_LIMIT = 25.0
"""Temperature of the air above which heat shows in the vehicles (degrees)."""
_COOLANT, _VOLTAGE = 0.5, -0.0012
"""Effect of each degree above it: on the coolant, and on the voltage (a share of the nominal)."""
_OFFSET = {COOLANT: 5.0, VIBRATION: 0.2}
_GAIN = {COOLANT: 1.0, VIBRATION: 1.3}
_NOISE = {COOLANT: 0.5, VIBRATION: 0.15}
"""Offset, gain and additional noise of the new sensors, in the unit of each."""


@dataclass(frozen=True, slots=True)
class HotClimate:
    """The climate and the sensors of a world, by minutes since its beginning.

    Parameters
    ----------
    options
        Those of :data:`OPTIONS`.
    """

    seed: int
    options: Mapping[str, float]

    @property
    def change(self) -> WorldChange:
        """When they come."""
        return WorldChange.of(
            "hot_climate",
            "the air is hotter, and coolant and vibration are read by sensors of another make",
            self.options,
        )

    def warmth(self, minutes: Ints) -> Floats:
        """Return how much hotter the air is in some minutes (degrees)."""
        days = minutes.astype(np.float64) * MINUTE / DAY
        return _HOTTER * self.options["change_heat"] * self.change.shares(days)

    def strain(self, minute: int, outside: Floats) -> Floats:
        """Return how much hotter the coolant is because of the heat (degrees)."""
        return _COOLANT * self._excess(minute, outside)

    def sensed(self, values: Floats, minute: int, outside: Floats) -> Floats:
        """Return a minute's measured values, shape ``(60, n_vehicles, n_sensors)``, as changed."""
        size = self.options["change_sensors"] * self.change.share(minute * MINUTE / DAY)
        values[:, :, VOLTAGE] += _VOLTAGE * self._excess(minute, outside)
        if size:
            draw = stream(self.seed, "new sensors", minute)
            for sensor, noise in _NOISE.items():
                own = values[:, :, sensor]
                rough = noise * draw.normal(0, 1, own.shape)
                own += size * ((_GAIN[sensor] - 1) * own + _OFFSET[sensor] + rough)
        return values

    def _excess(self, minute: int, outside: Floats) -> Floats:
        share = self.options["change_heat"] * self.change.share(minute * MINUTE / DAY)
        return share * np.maximum(outside - _LIMIT, 0.0)


UNCHANGED = HotClimate(0, OPTIONS)
"""The climate and the sensors of a world that does not change."""
