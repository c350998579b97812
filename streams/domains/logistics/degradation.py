"""How sensors of many machines change with wear: features of each reading from those before it.

Every entity has the same row of sensors; what one lacks is NaN throughout. A reading's features
know that reading and the entity's past, never its future or its total life, and no other entity:
stream and batch, however either is cut, find the same bits.

Values are counted in quanta of the fleet's spread (:class:`Reference`), as integers, so that the
sums of sliding windows are exact: nothing depends on what has passed through a window before.
All else is worked element by element, in the order of an entity's own readings.
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
"""In the fleet's standard deviations: far below what a sensor can tell apart."""
LIMIT = 4096.0
"""A deviation of more standard deviations counts as this many."""
LONGEST = 1024
"""Readings of the longest window; sums of it fit in 63 bits."""
MISSING = np.iinfo(np.int32).min


@dataclass(frozen=True, slots=True)
class Reference:
    """What is usual in the fleet when nothing is worn: where deviations are counted from.

    Parameters
    ----------
    sensors
        Their names, in the order of the columns of values.
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
        """Take mean and standard deviation of readings of machines that are not worn.

        ``values`` has shape ``(n_readings, n_sensors)``. A sensor that never changes has its
        own unit for a scale, one that nobody has the center 0.

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
        """Put readings by name in order, shape ``(n, n_sensors)``.

        A sensor that is not there is NaN, one that is not known is left out.
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
    """The features, by definition. All but ``readings`` are in the reference's scale.

    For each sensor, in the order of ``kinds``:

    - ``value``: the reading's deviation from the fleet's reference;
    - ``mean_w``, ``slope_w``: over the entity's last ``w`` readings with this one; the slope is
      that of least squares, per reading;
    - ``slow_h``: average of all readings, weights halved every ``h`` readings, and normalised;
    - ``own_w``: ``mean_w`` less the mean of the sensor's first ``first`` readings (of those that
      there are, while there are fewer);
    - ``rise``, ``fall``: excess over that beginning and ``slack``, added up while it is above
      zero (Page's cumulative sum);
    - ``missing``, ``absent``: 1 if this reading lacks the sensor, if all of the longest window do.

    Where there is nothing to take, value and mean are the slowest average, which is 0, the
    fleet's reference, until the first reading; a slope of fewer than two readings is 0.

    Parameters
    ----------
    windows
        In readings of the entity, with those that lack a sensor.
    half_lives
        Of the slow averages, in readings that have the sensor, in ascending order.

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
        """What there is of every sensor."""
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
