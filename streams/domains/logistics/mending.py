"""Readings of many machines' sensors, mended as they come: what is not so is left out.

Of each machine and sensor the last few readings are remembered, in the sensor's own unit.

- A reading that leaps away from the last one believed, or that cannot be, is not believed until
  three of them in a row have come. Then either they are in another unit
  (:func:`streamsim.streams.domains.logistics.misreading.unit_change`), and are converted from there
  on; or the machine has changed, and they are believed if they can be.
- A value that has stood still for long is frozen.

What is said of a reading depends on it and on those before it of the same machine.
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
from .sensors import rounds

Arrays = dict[str, npt.NDArray[Any]]

DOUBTS = 3
"""So many readings in a row decide what has become of a sensor."""
KEEP, APART = 20, 15
"""So many readings, so far apart, say what was usual before."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a sensor can say.

    Parameters
    ----------
    low, high
        Values that can be, in its own unit.
    leap
        No two readings in a row differ by more, but by a fault or a change of unit.
    still
        It is frozen once it has said the same for so many readings.
    conversions
        Units that it may come to be told in, from its own.
    """

    name: str
    low: float
    high: float
    leap: float
    still: int
    conversions: tuple[Conversion, ...] = ()


@dataclass(frozen=True, slots=True)
class Mended:
    """Readings as far as they are believed, shape ``(n, n_sensors)`` each.

    Attributes
    ----------
    values
        In the sensors' own units, NaN where there is none, or none that is believed.
    unit
        In which it came: 0 in its own, else one more than the place of the conversion.
    frozen
        Whether the sensor stands still.
    """

    values: Floats
    unit: Ints
    frozen: Mask


class Mending:
    """The last readings of many machines, as far as those after them must be judged by them."""

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
        """Take readings in, in order, shape ``(n, n_sensors)``, and mend them."""
        n, width = values.shape
        found = Mended(
            np.full((n, width), np.nan), np.zeros((n, width), np.int64), np.zeros((n, width), bool)
        )
        if not n:
            return found
        own, rows, edges = rounds(slots)
        self._ensure(int(own.max()) + 1)
        work = {name: array[own] for name, array in self._arrays.items()}
        for begin, end in pairwise(edges):
            these = rows[begin:end]
            part = {name: array[: end - begin] for name, array in work.items()}
            mended, frozen = self._step(part, values[these])
            found.values[these], found.frozen[these] = mended, frozen
            found.unit[these] = part["unit"]
        for name, array in work.items():
            self._arrays[name][own] = array
        return found

    def kept(self, slots: Slots) -> Arrays:
        """Return all that has to be written down of these machines, one row each."""
        self._ensure(int(slots.max(initial=-1)) + 1)
        return {name: array[slots] for name, array in self._arrays.items()}

    def restore(self, slots: Slots, arrays: Arrays) -> None:
        """Put back what :meth:`kept` returned.

        Raises
        ------
        StateError
            If it was kept of other sensors.
        """
        wanted = {name: array.shape for name, array in self._empty(len(slots)).items()}
        if {name: array.shape for name, array in arrays.items()} != wanted:
            raise StateError("what was kept of the readings does not fit the sensors")
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

    def _step(self, part: Arrays, said: Floats) -> tuple[Floats, Mask]:
        """Take one reading of each of several machines; change ``part`` in place."""
        there = np.isfinite(said)
        same = _put(part["same"], np.where(said == part["said"], part["same"] + 1, 0), there)
        _put(part["said"], said, there)
        now = self._own(part["unit"], said)
        with np.errstate(invalid="ignore"):
            far = np.abs(now - part["believed"]) > self._leap
            good = there & ~far & (now >= self._low) & (now <= self._high)
        doubted = there & ~good
        _put(part["doubts"], np.zeros(1, np.int8), good)
        if doubted.any():
            after = part["after"]
            shifted = np.concatenate([after[:, 1:], now[:, None]], axis=1)
            np.copyto(after, shifted, where=doubted[:, None])
            part["doubts"] += doubted & (part["doubts"] < DOUBTS)
            for row, column in np.argwhere(doubted & (part["doubts"] == DOUBTS)).tolist():
                if self._decide(part, row, column):
                    good[row, column] = True
            now = np.where(doubted, self._own(part["unit"], said), now)
        _put(part["believed"], now, good)
        frozen = there & (same >= self._still)
        good &= ~frozen
        ticks = part["ticks"]
        keeping = good & (ticks % APART == 0)
        if keeping.any():
            whose, which = np.nonzero(keeping)
            place = ticks[whose, which] // APART % KEEP
            part["before"][whose, place, which] = now[whose, which]
        ticks += good
        return np.where(good, now, np.nan), frozen

    def _own(self, unit: npt.NDArray[np.int8], values: Floats) -> Floats:
        """Convert from the units that they are told in."""
        column = np.arange(len(self.sensors))
        own: Floats = (values - self._offset[unit, column]) / self._factor[unit, column]
        return own

    def _decide(self, part: Arrays, row: int, column: int) -> bool:
        """Say whether what has been doubted for long is believed from now on; settle its unit."""
        sensor, unit = self.sensors[column], int(part["unit"][row, column])
        after = part["after"][row, :, column].astype(np.float64)
        raw = after * self._factor[unit, column] + self._offset[unit, column]
        before = part["before"][row, :, column].astype(np.float64)
        known = np.isfinite(before).sum() >= DOUBTS
        for other in (o for o in range(len(sensor.conversions) + 1) if o != unit):
            own = (raw - self._offset[other, column]) / self._factor[other, column]
            told = Conversion("", *_between(self._factor, self._offset, unit, other, column))
            if self._can_be(sensor, own) and (
                unit_change(before, after, [told]) is not None
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
    """Return how readings look, taken to be in one unit, that have come to be in another."""
    # raw = f' own + o'; taken to be in the old unit it is (raw - o) / f.
    f, o = factor[unit, column], offset[unit, column]
    return float(factor[other, column] / f), float((offset[other, column] - o) / f)


def _put(array: npt.NDArray[Any], values: npt.NDArray[Any], where: Mask) -> npt.NDArray[Any]:
    np.copyto(array, values, where=where, casting="same_kind")
    return array
