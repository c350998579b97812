"""Logistics: what is usual of a sound vehicle at its load and speed, in its weather, on its road.

A linear law per sensor, fitted by least squares to a sound fleet (:func:`fit`); a test fits it anew
to another fleet. What a sensor says beyond it is what wear, or the sensor itself, may have done.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsim.streams.events import Floats

DRIVERS = ("one", "load", "speed", "outside", "cold", "rain", "roughness", "shaking", "grade")
SOUND = ("coolant_temp", "oil_pressure", "vibration", "voltage", "air_pressure")
"""The sensors that a law is known of; the voltage is that of the nominal one."""

LAWS = np.array(
    [
        [79.2, 8.7, -1.8, 0.275, 0.077, 0.0, -1.2, 1.9, -0.04],
        [317.0, 130.0, 24.6, -1.1, -0.72, 0.24, -17.4, -8.1, -2.0],
        [0.75, 0.67, 0.11, 0.0045, 0.0052, 0.0017, -0.077, 2.07, -0.021],
        [1.014, -0.0255, 0.0104, -0.0013, -0.0021, -0.0043, 0.0082, 0.0, 0.0005],
        [877.5, -4.5, 12.7, -0.16, -0.17, -6.1, -22.8, 9.4, -10.3],
    ]
)
"""Per sensor and driver, as fitted to 120 sound vehicles of seed 901."""
SPREAD = (2.7, 14.7, 0.2, 0.0073, 15.5)
"""Standard deviation of what the laws leave, from vehicle to vehicle and reading to reading."""
_ORDINARY = (45.0, 60.0, 15.0, 0.0, 0.25, 2.0)
"""Load, speed, air, rain, roughness and grade, where they are not known."""


def drivers(
    load: Floats, speed: Floats, outside: Floats, rain: Floats, roughness: Floats, grade: Floats
) -> Floats:
    """Put what drives the sensors in columns, shape ``(n, n_drivers)``.

    Load is in percent, speed in km/h, the air's temperature in degrees Celsius, rain in mm/h,
    roughness from 0 to 1, the grade in percent. Cold is how far it is below 15 degrees; shaking
    is roughness by speed.
    """
    load, speed = load / 100, speed / 100
    return np.column_stack(
        [
            np.ones(len(load)),
            load,
            speed,
            outside,
            np.maximum(15.0 - outside, 0.0),
            np.minimum(rain, 4.0),
            roughness,
            roughness * speed,
            grade,
        ]
    )


def residuals(values: Floats, known: Sequence[Floats]) -> Floats:
    """Take off what is usual, shape ``(n, n_sensors)``.

    Parameters
    ----------
    values
        Readings of :data:`SOUND`.
    known
        Load, speed, air, rain, roughness and grade, shape ``(n,)`` each; what is NaN is taken to
        be ordinary.
    """
    filled = [np.where(np.isfinite(k), k, o) for k, o in zip(known, _ORDINARY, strict=True)]
    by = drivers(*filled)
    # Term by term: the last bits of a product of matrices depend on how many rows there are.
    usual = np.zeros((len(by), len(LAWS)))
    for place in range(len(DRIVERS)):
        usual += by[:, place, None] * LAWS[:, place]
    left: Floats = values - usual
    return left
