"""Sensors that do not say what is: frozen, dropped out, or suddenly in another unit.

Functions of the readings of one sensor of one machine, in order. Each judges a reading by that
reading and those before it, so that a stream can ask as well as a batch; what they need of the
past is the last few readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints, Mask

NOISE = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A way to write the same thing: ``factor * x + offset``."""

    name: str
    factor: float
    offset: float = 0.0

    def apply(self, values: Floats) -> Floats:
        """Convert."""
        return self.factor * values + self.offset

    def undo(self, values: Floats) -> Floats:
        """Convert back."""
        return (values - self.offset) / self.factor


_THERE = (
    Conversion("C to F", 1.8, 32.0),
    Conversion("C to K", 1.0, 273.15),
    Conversion("kPa to psi", 0.1450377377),
    Conversion("kPa to bar", 0.01),
    Conversion("bar to psi", 14.50377377),
    Conversion("km/h to mph", 1 / 1.609344),
    Conversion("V to mV", 1000.0),
    Conversion("m/s2 to g", 1 / 9.80665),
)
CONVERSIONS = {
    c.name: c
    for there in _THERE
    for c in (
        there,
        Conversion(
            " to ".join(reversed(there.name.split(" to "))),
            1 / there.factor,
            -there.offset / there.factor,
        ),
    )
}
"""By name, each with its reverse: ``C to F``, ``F to C``. A sensor can be expected to change only
between units of what it measures: which, its declaration says."""


def missing_for(values: Floats) -> Ints:
    """Count how many readings in a row, with this one, have been missing.

    >>> missing_for(np.array([np.nan, 1.0, np.nan, np.nan])).tolist()
    [1, 0, 1, 2]
    """
    return _run(~np.isfinite(values))


def unchanged_for(values: Floats, tolerance: float = 0.0) -> Ints:
    """Count for how many readings a value has stood still, missing ones left out.

    Parameters
    ----------
    tolerance
        A change of at most this much between two readings is none.

    Returns
    -------
    Shape ``(n,)``: 0 for the first reading, one that has changed, and one that is missing.

    >>> unchanged_for(np.array([7.0, 7.0, np.nan, 7.0, 8.0])).tolist()
    [0, 1, 0, 2, 0]
    """
    there = np.flatnonzero(np.isfinite(values))
    still = np.zeros(len(values), np.int64)
    seen = values[there]
    same = np.zeros(len(there), bool)
    same[1:] = np.abs(np.diff(seen)) <= tolerance
    still[there] = _run(same)
    return still


def frozen(values: Floats, n: int, tolerance: float = 0.0) -> Mask:
    """Say at which readings the sensor has been frozen: no change over ``n`` readings before.

    What moves in steps stands still for a while by nature: choose ``n`` by the sensor's
    resolution, and by whether the machine is at work.

    >>> frozen(np.array([1.0, 2.0, 2.0, 2.0, 3.0]), 2).tolist()
    [False, False, False, True, False]
    """
    if n < 1:
        raise UsageError("a sensor that is never unchanged cannot be told to be frozen")
    return unchanged_for(values, tolerance) >= n


def dropped_out(values: Floats, n: int) -> Mask:
    """Say at which readings the sensor, after it had been there, has been missing for ``n``.

    A sensor that a machine does not have has not dropped out.

    >>> dropped_out(np.array([np.nan, np.nan, 1.0, np.nan, np.nan]), 2).tolist()
    [False, False, False, False, True]
    """
    if n < 1:
        raise UsageError("a sensor that is there cannot be told to have dropped out")
    before: Mask = np.logical_or.accumulate(np.isfinite(values)) if len(values) else values > 0
    return before & (missing_for(values) >= n)


def unit_change(
    before: Floats, after: Floats, conversions: Sequence[Conversion], *, bound: float = 6.0
) -> Conversion | None:
    """Find the conversion that turns readings like those before into those after.

    In words: no change if the median after is within ``bound`` of the noise of the readings
    before; else the conversion of which all readings after are within that bound, converted, and
    of several the nearest. A machine's own jump that is not near a conversion is none; nor can a
    conversion be told that moves a reading by less than its noise, as that of a speed in town.

    Parameters
    ----------
    before, after
        Readings before and since the jump; at least three that are finite of each, or nothing
        is said.
    bound
        In standard deviations, told from the median absolute deviation of ``before`` and at
        least half a percent of its size, or a sensor of few steps would have no noise.

    >>> around = np.array([88.0, 89.5, 90.5, 89.0])
    >>> fahrenheit = CONVERSIONS["C to F"]
    >>> unit_change(around, fahrenheit.apply(around), [fahrenheit]).name
    'C to F'
    >>> unit_change(around, around + 9, [fahrenheit]) is None  # it runs hot, in Celsius
    True
    """
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(len(before), len(after)) < 3:
        return None
    level = float(np.median(before))
    noise = NOISE * float(np.median(np.abs(before - level)))
    noise = max(noise, 0.005 * abs(level))
    if noise == 0.0 or abs(float(np.median(after)) - level) <= bound * noise:
        return None
    nearest, chosen = bound, None
    for conversion in conversions:
        distance = np.abs(conversion.undo(after) - level) / noise
        typical = float(np.median(distance))
        if distance.max() <= bound and typical < nearest:
            nearest, chosen = typical, conversion
    return chosen


def unit_changes(
    values: Floats,
    conversions: Sequence[Conversion],
    *,
    before: int = 20,
    after: int = 3,
    bound: float = 6.0,
) -> list[tuple[int, Conversion]]:
    """Find where a sensor's readings change their unit.

    A change is told once ``after`` readings agree; the last ``before`` readings before it are
    what they are compared with. Those since a change are compared with each other alone.

    Returns
    -------
    Index of the first reading in another unit, and the conversion, in order.

    >>> bar = np.linspace(2.4, 2.6, 30)
    >>> found = unit_changes(np.append(bar, bar * 14.5), list(CONVERSIONS.values()))
    >>> [(at, conversion.name) for at, conversion in found]
    [(30, 'bar to psi')]
    """
    there = np.flatnonzero(np.isfinite(values))
    seen, since, changes = values[there], 0, []
    for at in range(after, len(seen) - after + 1):
        if at - since < after:
            continue
        past = seen[max(since, at - before) : at]
        found = unit_change(past, seen[at : at + after], conversions, bound=bound)
        if found is not None:
            changes.append((int(there[at]), found))
            since = at
    return changes


def _run(holds: Mask) -> Ints:
    """Count how many in a row, with each, hold."""
    number = np.arange(1, len(holds) + 1)
    return number - np.maximum.accumulate(np.where(holds, 0, number)) if len(holds) else number
