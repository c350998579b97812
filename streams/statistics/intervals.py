"""Cluster bootstrap: confidence intervals from resampled groups, each with all of its rows.

Rows of one entity are alike: resampling single rows would make every interval far too narrow.

References
----------
Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 13: percentile intervals.
Field and Welsh (2007), Bootstrapping clustered data, *J. R. Statist. Soc. B* 69, 369-390.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints

BINS = 15
"""Number of bins of the calibration error, of equal mass."""
DRAWS = 1_000
_CHUNK = 50
Weighted = Callable[[Floats], Floats]
"""``weights (n_draws, n) -> figures (n_draws,)``."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and the interval of 95 % of its draws."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 2 if abs(self.value) >= 2 else 4
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def as_dict(self) -> dict[str, float]:
        """Return it as JSON types."""
        return {"value": self.value, "low": self.low, "high": self.high}


def auc(labels: Ints, scores: Floats) -> Weighted:
    """Return the area under the ROC curve as a function of weights; ties count half.

    >>> area = auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.9]))
    >>> area(np.array([[1.0, 1, 1, 1], [1, 1, 0, 1]]))
    array([0.875, 1.   ])
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    positive = labels[order] == 1

    def area(weights: Floats) -> Floats:
        sorted_ = weights[:, order]
        yes = np.add.reduceat(sorted_ * positive, starts, axis=1)
        no = np.add.reduceat(sorted_ * ~positive, starts, axis=1)
        below = np.cumsum(no, axis=1) - no / 2
        result: Floats = (yes * below).sum(axis=1) / (yes.sum(axis=1) * no.sum(axis=1))
        return result

    return area


def calibration_error(labels: Ints, scores: Floats, bins: int = BINS) -> Weighted:
    """Return the expected calibration error, over bins of equal mass, as a function of weights.

    It is the mean over bins, weighted by their mass, of the distance between the mean score and
    the share of positives (Naeini, Cooper and Hauskrecht 2015, with bins of equal mass). Rows of
    the same score share their positives, so that their order does not matter.

    >>> error = calibration_error(np.array([0, 1, 1, 1]), np.array([0.0, 1.0, 0.5, 0.5]), bins=2)
    >>> float(error(np.ones((1, 4)))[0])  # a mean of 0.25 for a half, and of 0.75 for all
    0.25
    """
    order = np.argsort(scores, kind="stable")
    label, score = labels[order].astype(np.float64), scores[order]
    begins = np.concatenate(([True], score[1:] != score[:-1]))
    starts, tie = np.flatnonzero(begins), np.cumsum(begins) - 1

    def error(weights: Floats) -> Floats:
        result = np.empty(len(weights))
        for i, own in enumerate(weights[:, order]):
            true = label
            if len(starts) < len(score):
                whole = np.add.reduceat(own, starts)
                positive = np.add.reduceat(own * label, starts)
                share = np.divide(positive, whole, out=np.zeros_like(whole), where=whole > 0)
                true = share[tie]
            mass = np.cumsum(own)
            place = ((mass - own / 2) / mass[-1] * bins).astype(np.intp)
            gap = np.bincount(place, own * (score - true), minlength=bins)
            result[i] = np.abs(gap).sum() / mass[-1]
        return result

    return error


def average_precision(labels: Ints, scores: Floats) -> Weighted:
    """Return the average precision as a function of weights; ties share a threshold.

    >>> ap = average_precision(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1]))
    >>> ap(np.array([[1.0, 1, 1, 1], [1, 0, 1, 1]])).round(4)
    array([0.8333, 1.    ])
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.concatenate((ranked[1:] != ranked[:-1], [True])))
    positive = labels[order] == 1

    def area(weights: Floats) -> Floats:
        sorted_ = weights[:, order]
        found = np.cumsum(sorted_ * positive, axis=1)[:, ends]
        reached = np.cumsum(sorted_, axis=1)[:, ends]
        precision = np.divide(found, reached, out=np.zeros_like(found), where=reached > 0)
        result: Floats = (np.diff(found, prepend=0, axis=1) * precision).sum(axis=1) / found[:, -1]
        return result

    return area


def root_mean(squares: Floats) -> Weighted:
    """Return the root of the mean of squared errors as a function of weights.

    >>> root_mean(np.array([9.0, 16.0]))(np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([3., 4.])
    """
    return lambda many: np.sqrt(many @ squares / many.sum(axis=1))


def per_draw(figure: Callable[[Floats], float]) -> Weighted:
    """Return a function of many draws from a figure of one draw's weights, shape ``(n,)``."""
    return lambda many: np.array([figure(own) for own in many], np.float64)


def weights(group: npt.NDArray[np.generic], seed: int = 0, draws: int = DRAWS) -> Iterator[Floats]:
    """Yield weights of rows, some draws at a time: how often each row's group is drawn."""
    random = np.random.default_rng(seed)
    names, place = np.unique(group, return_inverse=True)
    n = len(names)
    for begin in range(0, draws, _CHUNK):
        count = min(_CHUNK, draws - begin)
        drawn = random.multinomial(n, np.full(n, 1 / n), size=count)
        yield drawn[:, place].astype(np.float64)


def interval(
    figure: Weighted, group: npt.NDArray[np.generic], seed: int = 0, draws: int = DRAWS
) -> Interval:
    """Return a figure with its interval.

    >>> group = np.repeat(np.arange(50), 4)
    >>> found = interval(per_draw(lambda w: float(np.average(group >= 25, weights=w))), group)
    >>> found.value, 0.3 < found.low < 0.45, 0.55 < found.high < 0.7
    (0.5, True, True)
    """
    value = float(figure(np.ones((1, len(group))))[0])
    found: Any = np.concatenate([figure(own) for own in weights(group, seed, draws)])
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def mean_of(figures: list[Weighted]) -> Weighted:
    """Return the mean of several figures, of the repeats of a split, say."""
    return lambda own: np.mean([figure(own) for figure in figures], axis=0)


def difference(first: Weighted, second: Weighted) -> Weighted:
    """Return the first figure less the second, on the same draws."""
    return lambda own: first(own) - second(own)
