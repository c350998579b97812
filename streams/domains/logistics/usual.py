"""Logistics: expected sensor values of a vehicle without wear at its load, weather and road.

Each sensor has a linear law, fitted by least squares to a fleet without wear; a test fits it again
to another fleet. A residual comes from wear, or from the sensor itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsim.streams.events import Floats

DRIVERS = ("one", "load", "speed", "outside", "cold", "rain", "roughness", "shaking", "grade")
SOUND = ("coolant_temp", "oil_pressure", "vibration", "voltage", "air_pressure")
"""The sensors that have a law; the voltage is a share of the nominal one."""

LAWS = np.array(
    [
        [79.2, 8.7, -1.8, 0.275, 0.077, 0.0, -1.2, 1.9, -0.04],
        [317.0, 130.0, 24.6, -1.1, -0.72, 0.24, -17.4, -8.1, -2.0],
        [0.75, 0.67, 0.11, 0.0045, 0.0052, 0.0017, -0.077, 2.07, -0.021],
        [1.014, -0.0255, 0.0104, -0.0013, -0.0021, -0.0043, 0.0082, 0.0, 0.0005],
        [877.5, -4.5, 12.7, -0.16, -0.17, -6.1, -22.8, 9.4, -10.3],
    ]
)
"""Coefficients per sensor and driver, fitted to 120 vehicles without wear of seed 901."""
SPREAD = (2.7, 14.7, 0.2, 0.0073, 15.5)
"""Standard deviation of the laws' residuals, over vehicles and readings."""
_ORDINARY = (45.0, 60.0, 15.0, 0.0, 0.25, 2.0)
"""Default load, speed, air temperature, rain, roughness and grade, where they are unknown."""


def drivers(
    load: Floats, speed: Floats, outside: Floats, rain: Floats, roughness: Floats, grade: Floats
) -> Floats:
    """Return the explanatory variables of the laws, shape ``(n, n_drivers)``.

    Load is in percent, speed in km/h, the air temperature in degrees Celsius, rain in mm/h,
    roughness from 0 to 1, the grade in percent. Cold is the number of degrees below 15; shaking is
    roughness times speed.
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
    """Return the residuals of the laws, shape ``(n, n_sensors)``.

    Parameters
    ----------
    values
        Readings of :data:`SOUND`.
    known
        Load, speed, air temperature, rain, roughness and grade, shape ``(n,)`` each; NaN stands for
        the default.
    """
    filled = [np.where(np.isfinite(k), k, o) for k, o in zip(known, _ORDINARY, strict=True)]
    by = drivers(*filled)
    # Term by term: the last bits of a matrix product depend on the number of rows.
    usual = np.zeros((len(by), len(LAWS)))
    for place in range(len(DRIVERS)):
        usual += by[:, place, None] * LAWS[:, place]
    left: Floats = values - usual
    return left
