"""Online cleaning of sensor readings: outliers, changed units and frozen sensors.

The last few readings of each machine and sensor are stored, in the sensor's own unit.

- A reading that jumps away from the last accepted one, or that is impossible, is rejected. After
  three of them in a row, either they are in another unit
  (:func:`streamsim.streams.domains.logistics.misreading.unit_change`) and are converted from there
  on, or the machine has changed and they are accepted if they are possible.
- A sensor that has repeated the same value for long is frozen.

The result of a reading depends on it and on earlier readings of the same machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import StateError
from streamsim.streams.events import Floats, Ints, Mask, Slots

from .misreading import Conversion, unit_change
from .reading_rounds import rounds

Arrays = dict[str, npt.NDArray[Any]]

DOUBTS = 3
"""Number of rejected readings in a row that decide about a sensor."""
KEEP, APART = 20, 15
"""Number of stored readings, and their distance in readings: the sensor's recent past."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """Limits of a sensor's readings.

    Parameters
    ----------
    low, high
        Bounds of possible values, in its own unit.
    leap
        Largest difference of two readings in a row without a fault or a change of unit.
    still
        Number of equal readings after which it is frozen.
    conversions
        Conversions from its own unit to the units that it may change to.
    """

    name: str
    low: float
    high: float
    leap: float
    still: int
    conversions: tuple[Conversion, ...] = ()


@dataclass(frozen=True, slots=True)
class Mended:
    """Cleaned readings, shape ``(n, n_sensors)`` each.

    Attributes
    ----------
    values
        Values in the sensors' own units, NaN where they are missing or rejected.
    unit
        Unit of the raw value: 0 for its own, else one more than the index of the conversion.
    frozen
        Whether the sensor is frozen.
    """

    values: Floats
    unit: Ints
    frozen: Mask


class Mending:
    """State of the cleaning: the last readings of many machines."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self.sensors = tuple(sensors)
        most = max((len(s.conversions) for s in self.sensors), default=0)
        self._factor = np.ones((most + 1, len(self.sensors)))
        self._offset = np.zeros_like(self._factor)
        for column, sensor in enumerate(self.sensors):
            for row, conversion in enumerate(sensor.conversions, 1):
                self._factor[row, column] = conversion.factor
                self._offset[row, column] = conversion.offset
        self._low, self._high, self._leap = (
            np.array([getattr(s, name) for s in self.sensors]) for name in ("low", "high", "leap")
        )
        self._still = np.array([s.still for s in self.sensors])
        self._arrays = self._empty(0)

    def update(self, slots: Slots, values: Floats) -> Mended:
        """Add readings in order, shape ``(n, n_sensors)``, and clean them."""
        n, width = values.shape
        found = Mended(
            np.full((n, width), np.nan), np.zeros((n, width), np.int64), np.zeros((n, width), bool)
        )
        if not n:
            return found
        own, rows, edges = rounds(slots)
        self._ensure(int(own.max()) + 1)
        work = {name: array[own] for name, array in self._arrays.items()}
        work |= self._conversion(work["unit"])
        said = values[rows]
        there = np.isfinite(said)
        now, good, frozen = said.copy(), np.empty((n, width), bool), np.empty((n, width), bool)
        unit = np.empty((n, width), np.int8)
        with np.errstate(invalid="ignore"):
            for begin, end in pairwise(edges):
                part = {name: array[: end - begin] for name, array in work.items()}
                these = slice(begin, end)
                now[these], good[these], frozen[these] = self._step(part, said[these], there[these])
                unit[these] = part["unit"]
        found.values[rows], found.frozen[rows] = np.where(good, now, np.nan), frozen
        found.unit[rows] = unit
        for name, array in self._arrays.items():
            array[own] = work[name]
        return found

    def snapshot(self, slots: Slots) -> Arrays:
        """Return the state of these machines for a checkpoint, one row each."""
        self._ensure(int(slots.max(initial=-1)) + 1)
        return {name: array[slots] for name, array in self._arrays.items()}

    def restore(self, slots: Slots, arrays: Arrays) -> None:
        """Restore what :meth:`snapshot` returned.

        Raises
        ------
        StateError
            If it is the state of other sensors.
        """
        wanted = {name: array.shape for name, array in self._empty(len(slots)).items()}
        if {name: array.shape for name, array in arrays.items()} != wanted:
            raise StateError("the checkpoint of the readings does not fit the sensors")
        self._ensure(int(slots.max(initial=-1)) + 1)
        for name, array in arrays.items():
            self._arrays[name][slots] = array

    def _empty(self, n: int) -> Arrays:
        width = len(self.sensors)
        return {
            "unit": np.zeros((n, width), np.int8),
            "believed": np.full((n, width), np.nan),
            "said": np.full((n, width), np.nan),
            "same": np.zeros((n, width), np.int32),
            "doubts": np.zeros((n, width), np.int8),
            "after": np.full((n, DOUBTS, width), np.nan),
            "ticks": np.zeros((n, width), np.int32),
            "before": np.full((n, KEEP, width), np.nan, np.float32),
        }

    def _ensure(self, wanted: int) -> None:
        more = wanted - len(self._arrays["unit"])
        if more > 0:
            fresh = self._empty(max(more, 64))
            self._arrays = {k: np.concatenate([v, fresh[k]]) for k, v in self._arrays.items()}

    def _conversion(self, unit: npt.NDArray[np.int8]) -> Arrays:
        """Return offset and factor from the raw units to the sensors' own."""
        column = np.arange(len(self.sensors))
        return {"offset": self._offset[unit, column], "factor": self._factor[unit, column]}

    def _step(self, part: Arrays, said: Floats, there: Mask) -> tuple[Floats, Mask, Mask]:
        """Add one reading of each of several machines; change ``part`` in place.

        Returns
        -------
        The values in the sensors' own units, whether each is accepted, whether each is frozen.
        """
        same = part["same"]
        np.copyto(same, (same + 1) * (said == part["said"]), where=there)
        np.copyto(part["said"], said, where=there)
        now = (said - part["offset"]) / part["factor"]
        near = np.abs(now - part["believed"])
        # Nothing is far from a machine's first reading, which is compared with NaN.
        good = there & ~(near > self._leap) & (now >= self._low) & (now <= self._high)
        doubted = there & ~good
        np.copyto(part["doubts"], 0, where=good)
        if doubted.any():
            now = self._doubt(part, said, now, doubted, good)
        np.copyto(part["believed"], now, where=good)
        frozen = there & (same >= self._still)
        good &= ~frozen
        ticks = part["ticks"]
        keeping = good & (ticks % APART == 0)
        if keeping.any():
            whose, which = np.nonzero(keeping)
            place = ticks[whose, which] // APART % KEEP
            part["before"][whose, place, which] = now[whose, which]
        ticks += good
        return now, good, frozen

    def _doubt(self, part: Arrays, said: Floats, now: Floats, doubted: Mask, good: Mask) -> Floats:
        """Decide about rejected readings; return the values, in the units that hold from now on."""
        after = part["after"]
        shifted = np.concatenate([after[:, 1:], now[:, None]], axis=1)
        np.copyto(after, shifted, where=doubted[:, None])
        part["doubts"] += doubted & (part["doubts"] < DOUBTS)
        for row, column in np.argwhere(doubted & (part["doubts"] == DOUBTS)).tolist():
            if self._decide(part, row, column):
                good[row, column] = True
        for name, numbers in self._conversion(part["unit"]).items():
            part[name][...] = numbers
        return np.where(doubted, (said - part["offset"]) / part["factor"], now)

    def _decide(self, part: Arrays, row: int, column: int) -> bool:
        """Return whether the rejected readings are accepted from now on; set their unit."""
        sensor, unit = self.sensors[column], int(part["unit"][row, column])
        after = part["after"][row, :, column].astype(np.float64)
        raw = after * self._factor[unit, column] + self._offset[unit, column]
        before = part["before"][row, :, column].astype(np.float64)
        known = np.isfinite(before).sum() >= DOUBTS
        for other in (o for o in range(len(sensor.conversions) + 1) if o != unit):
            own = (raw - self._offset[other, column]) / self._factor[other, column]
            conversion = Conversion("", *_between(self._factor, self._offset, unit, other, column))
            if self._can_be(sensor, own) and (
                unit_change(before, after, [conversion]) is not None
                if known
                else not self._can_be(sensor, after)
            ):
                part["unit"][row, column] = other
                part["doubts"][row, column] = 0
                return True
        believed = self._can_be(sensor, after) and float(np.ptp(after)) <= sensor.leap
        if believed:
            part["doubts"][row, column] = 0
        return believed

    @staticmethod
    def _can_be(sensor: Sensor, values: Floats) -> bool:
        return bool((values >= sensor.low).all() and (values <= sensor.high).all())


def _between(
    factor: Floats, offset: Floats, unit: int, other: int, column: int
) -> tuple[float, float]:
    """Return factor and offset of readings in a new unit that are read in the old one."""
    # raw = f' own + o'; read in the old unit it is (raw - o) / f.
    f, o = factor[unit, column], offset[unit, column]
    return float(factor[other, column] / f), float((offset[other, column] - o) / f)
