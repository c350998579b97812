"""Detection of changed units: readings suddenly in Fahrenheit for Celsius, psi for kPa."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats

NOISE = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A conversion of units: ``factor * x + offset``."""

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
"""Conversions by name, each with its reverse: ``C to F``, ``F to C``. A sensor changes only between
units of its own quantity; its declaration lists them."""


def unit_change(
    before: Floats, after: Floats, conversions: Sequence[Conversion], *, bound: float = 6.0
) -> Conversion | None:
    """Find the conversion of units that explains a jump between readings.

    There is no change if the median of ``after`` is within the bound of the readings before.
    Otherwise it is the conversion that brings all readings of ``after`` within the bound, of
    several the nearest. A machine's own jump that is not near a conversion is no change. A
    conversion that moves a reading by less than its noise cannot be detected, such as that of a
    speed in town.

    Parameters
    ----------
    before, after
        Readings before and since the jump; with fewer than three finite ones of each the result
        is ``None``.
    bound
        Bound in standard deviations, which are estimated from the median absolute deviation of
        ``before``. They are at least half a percent of its size, because a coarse sensor would
        have no noise.

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
