"""Degradation features: how the sensors of machines change with wear, reading by reading.

Every entity has the same columns of sensors; a sensor that it lacks is NaN throughout. A reading's
features depend on this reading and on the entity's past, not on its future, its total life or
other entities. So stream and batch compute the same bits, however the readings are batched.

Values are counted in quanta of the fleet's spread (:class:`Reference`), as integers, so that the
sums of sliding windows are exact and have no rounding errors of past readings. All other values
are computed element by element, in the order of an entity's own readings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats

QUANTUM = 2.0**-16
"""Quantum, in the fleet's standard deviations: far below a sensor's resolution."""
LIMIT = 4096.0
"""Largest deviation, in the fleet's standard deviations; larger ones are clipped."""
LONGEST = 1024
"""Longest window (readings); its sums fit in 63 bits."""
MISSING = np.iinfo(np.int32).min


@dataclass(frozen=True, slots=True)
class Reference:
    """Reference of a fleet without wear: deviations are measured from its centre.

    Parameters
    ----------
    sensors
        Names of the sensors, in the order of the columns of values.
    center, scale
        Mean and standard deviation of each, in the sensor's own unit.
    """

    sensors: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        same = len(self.sensors) == len(self.center) == len(self.scale)
        finite = np.isfinite([*self.center, *self.scale]).all()
        if not same or not finite or min(self.scale, default=1.0) <= 0:
            raise UsageError("a reference needs a finite center and a positive scale per sensor")

    @classmethod
    def fit(cls, sensors: Sequence[str], values: Floats) -> Self:
        """Fit mean and standard deviation to readings of machines without wear.

        ``values`` has shape ``(n_readings, n_sensors)``. A constant sensor has the scale 1, a
        sensor without readings the center 0.

        >>> Reference.fit(["t", "p"], np.array([[1.0, 5.0], [3.0, np.nan]]))
        Reference(sensors=('t', 'p'), center=(2.0, 5.0), scale=(1.0, 1.0))
        """
        there = np.isfinite(values)
        count = np.maximum(there.sum(axis=0), 1)
        center = np.where(there, values, 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(there, (values - center) ** 2, 0.0).sum(axis=0) / count)
        scale = np.where(spread > 1e-12 * np.maximum(np.abs(center), 1.0), spread, 1.0)
        return cls(tuple(sensors), tuple(center.tolist()), tuple(scale.tolist()))

    def columns(self, readings: Mapping[str, Any], n: int) -> Floats:
        """Return readings by name as a matrix, shape ``(n, n_sensors)``.

        A missing sensor is NaN; an unknown one is ignored.
        """
        nothing = np.full(n, np.nan)
        columns = [np.asarray(readings.get(s, nothing), np.float64) for s in self.sensors]
        return np.column_stack(columns) if columns else np.empty((n, 0))

    def quanta(self, values: Floats) -> npt.NDArray[np.int32]:
        """Count deviations in quanta; ``MISSING`` where a value is not finite."""
        there = np.isfinite(values)
        deviation = (np.where(there, values, self.center) - self.center) / self.scale
        counted = np.rint(np.clip(deviation, -LIMIT, LIMIT) / QUANTUM).astype(np.int32)
        counted[~there] = MISSING
        return counted


@dataclass(frozen=True, slots=True)
class Degradation:
    """Definition of the features. All but ``readings`` are in the reference's scale.

    For each sensor, in the order of ``kinds``:

    - ``value``: the reading's deviation from the fleet's reference;
    - ``mean_w``, ``slope_w``: over the entity's last ``w`` readings, including this one; the slope
      is that of least squares, per reading;
    - ``slow_h``: normalised exponential average of all readings, half-life ``h`` readings;
    - ``own_w``: ``mean_w`` less the mean of the sensor's first ``first`` readings (of those so
      far, while there are fewer);
    - ``rise``, ``fall``: cumulative sum of the excess over that mean and ``slack``, while it is
      above zero (Page);
    - ``missing``, ``absent``: 1 if this reading lacks the sensor, if all of the longest window do.

    Without a reading, value and mean are the slowest average, which is 0, the fleet's reference,
    until the first reading. A slope of fewer than two readings is 0.

    Parameters
    ----------
    windows
        Lengths in readings of the entity, including those that lack a sensor.
    half_lives
        Half-lives of the slow averages, in readings that have the sensor, in ascending order.

    References
    ----------
    Page (1954), Continuous Inspection Schemes, *Biometrika* 41, 100-115.
    """

    reference: Reference
    windows: tuple[int, ...] = (10, 60)
    half_lives: tuple[float, ...] = (10.0, 30.0, 100.0)
    first: int = 20
    slack: float = 0.5

    def __post_init__(self) -> None:
        if not self.windows or min(self.windows) < 1 or max(self.windows) > LONGEST:
            raise UsageError(f"windows have 1 to {LONGEST} readings")
        if not self.half_lives or min(self.half_lives) <= 0 or self.first < 1:
            raise UsageError("half-lives are positive, and a beginning has at least one reading")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of features of every sensor."""
        return (
            "value",
            *(f"mean_{w}" for w in self.windows),
            *(f"slope_{w}" for w in self.windows),
            *(f"slow_{h:g}" for h in self.half_lives),
            *(f"own_{w}" for w in self.windows),
            "rise",
            "fall",
            "missing",
            "absent",
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, ``<kind>_<sensor>``, in order."""
        sensors = self.reference.sensors
        return ("readings", *(f"{kind}_{s}" for kind in self.kinds for s in sensors))
