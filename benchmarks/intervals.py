"""How sure a figure is: intervals by resampling whole groups, and how well chances are calibrated.

Rows of one machine, card or patient are alike: to resample rows would make every interval far too
narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.events import Floats
from streams.seeds import stream

Weighted = Callable[[Floats], float]
"""A figure of rows with these weights, shape ``(n,)``."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval of 95 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 2 if abs(self.value) >= 2 else 4
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def by_group(
    metric: Weighted, group: npt.NDArray[np.generic], *, draws: int = 400, seed: int = 0
) -> Interval:
    """Return a figure with its percentile interval over resampled groups.

    References
    ----------
    Field and Welsh (2007), Bootstrapping clustered data, *J. R. Stat. Soc. B* 69: the cluster
    bootstrap.

    Examples
    --------
    >>> group = np.repeat(np.arange(50), 4)
    >>> found = by_group(lambda w: float(np.average(group >= 25, weights=w)), group)
    >>> found.value, 0.3 < found.low < 0.45, 0.55 < found.high < 0.7
    (0.5, True, True)
    """
    names, place = np.unique(group, return_inverse=True)
    draw = stream(seed, "bootstrap")
    even = np.full(len(names), 1 / len(names))
    found = [
        metric(draw.multinomial(len(names), even)[place].astype(np.float64)) for _ in range(draws)
    ]
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(metric(np.ones(len(group))), float(low), float(high))


def calibration_error(chance: Floats, happened: Floats, weight: Floats, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width.

    In words: the mean over all rows of how far, in the row's bin, the mean chance is from the
    share that happened. Chance alone makes it positive, and resampling adds to that: the interval
    of :func:`by_group` is a bound from above.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, *ICML*.

    Examples
    --------
    >>> chance, happened = np.array([0.1, 0.1, 0.8, 0.8]), np.array([0, 0, 1, 1])
    >>> round(calibration_error(chance, happened, np.ones(4)), 3)
    0.15
    """
    place = np.minimum((chance * bins).astype(np.intp), bins - 1)
    off = np.bincount(place, weight * (chance - happened), bins)
    return float(np.abs(off).sum() / weight.sum())
