"""Confidence bands of a metric over a window, in closed form: nothing is resampled.

- Proportions have Wilson's interval. With weights, the number of rows is Kish's effective one.
- Other metrics have a normal interval, whose variance is the sum of the squared influences of all
  rows (:mod:`streamsim.streams.statistics.influences`). Areas take it on the scale of log odds, so
  that it stays within 0 and 1.
- A calibration error is never negative, and chance alone lifts it above 0: the band reaches down
  by as much as chance would lift that of a calibrated model.

All rows are used, and rows count as independent. Rows of one entity are alike: where few entities
have many rows each, the band is too narrow, and
:func:`streamsim.streams.statistics.intervals.interval` with groups is the judge.

References
----------
Wilson (1927), Probable inference, the law of succession, and statistical inference, *J. Am. Stat.
Assoc.* 22, 209-212.
Kish (1965), *Survey Sampling*, section 11.7: the effective number of rows with weights.
Boyd, Eng and Page (2013), Area under the precision-recall curve: point estimates and confidence
intervals, *ECML PKDD*: intervals on the scale of log odds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from streamsim.streams.events import Floats
from streamsim.streams.statistics.influences import influence
from streamsim.streams.statistics.intervals import BINS, Interval
from streamsim.streams.statistics.quality import cut, split_name, weighted_metric
from streamsim.streams.statistics.ratios import PROPORTIONS, RATIOS

LEVEL = 0.95
AREAS = frozenset({"roc_auc", "average_precision"})
UNKNOWN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric and how much it varies by chance, from which a band of any level follows.

    Attributes
    ----------
    base
        The metric's name, without a threshold.
    value
        NaN where the metric is undefined.
    error
        Its standard error; 0 if ``count`` says it.
    count
        For Wilson's interval: the rows that it is a share of; 0 for the normal one.
    lift
        By how much chance lifts the value.
    """

    base: str
    value: float
    error: float = 0.0
    count: float = 0.0
    lift: float = 0.0

    def at(self, level: float) -> Interval:
        """Return the band of a level, NaN where the metric is undefined."""
        if math.isnan(self.value):
            return UNKNOWN
        if self.count:
            return wilson(self.value, self.count, level)
        return scaled(self.base, self.value, self.error, level, self.lift)


def band(
    metric: str,
    predictions: Floats,
    labels: Floats,
    weights: Floats | None = None,
    level: float = LEVEL,
) -> Interval:
    """Return a metric with its confidence band; NaN where it is undefined.

    Parameters
    ----------
    metric
        By its name in :data:`streamsim.streams.statistics.quality.METRICS`, with a threshold or
        without.
    predictions, labels
        Shape ``(n,)``.
    weights
        Above or at 0, shape ``(n,)``; ``None`` if all rows count the same.
    level
        Share of such bands that hold the true value, above 0 and below 1.

    Raises
    ------
    UsageError
        If there is no metric of that name.

    Examples
    --------
    >>> labels = np.array([1.0, 1.0, 1.0, 0.0])
    >>> str(band("hit_rate", labels, labels))
    '0.7500 (0.3006 to 0.9544)'
    """
    return spread(metric, predictions, labels, weights).at(level)


def spread(
    metric: str, predictions: Floats, labels: Floats, weights: Floats | None = None
) -> Spread:
    """Return a metric and how much it varies by chance; see :func:`band`."""
    base, threshold = split_name(metric)
    value = weighted_metric(metric)(predictions, labels, weights) if len(labels) else math.nan
    if math.isnan(value):
        return Spread(base, math.nan)
    own = np.ones(len(labels)) if weights is None else weights
    if base in PROPORTIONS:
        cuts = predictions if threshold is None else cut(predictions, threshold)
        below = RATIOS[base](cuts, labels)[1]
        return Spread(base, value, count=effective_count(own if below is None else own * below))
    if base in AREAS and not 0 < value < 1:
        rarer = min(effective_count(own[labels == 1]), effective_count(own[labels != 1]))
        return Spread(base, value, count=rarer)
    error = float(np.linalg.norm(own * influence(metric)(predictions, labels, own)))
    lift = _lift(predictions, own) if base == "calibration_error" else 0.0
    return Spread(base, value, error, lift=lift)


def scaled(base: str, value: float, error: float, level: float, lift: float = 0.0) -> Interval:
    """Return the interval of a value with a standard error, on the scale of its metric.

    Parameters
    ----------
    base
        The metric's name, without a threshold.
    lift
        By how much chance lifts the value.

    Examples
    --------
    >>> str(scaled("roc_auc", 0.99, 0.01, 0.95)), str(scaled("mae", 0.1, 0.1, 0.95))
    ('0.9900 (0.9318 to 0.9986)', '0.1000 (0.0000 to 0.2960)')
    """
    reach = quantile(level) * error
    if base in AREAS | PROPORTIONS and 0 < value < 1:
        odds, reach = math.log(value / (1 - value)), reach / (value * (1 - value))
        return Interval(value, _chance(odds - reach), _chance(odds + reach))
    low, high = max(value - lift - reach, 0.0), value + reach
    return Interval(value, low, min(high, 1.0) if base in AREAS | PROPORTIONS else high)


def wilson(share: float, count: float, level: float = LEVEL) -> Interval:
    """Return a proportion with Wilson's interval.

    Parameters
    ----------
    count
        Of the rows, above 0; with weights their effective number.

    Examples
    --------
    >>> str(wilson(0.0, 30)), str(wilson(0.5, 1_000))
    ('0.0000 (0.0000 to 0.1135)', '0.5000 (0.4691 to 0.5309)')
    """
    z = quantile(level)
    whole = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / whole
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / whole
    return Interval(share, max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0))


def effective_count(weights: Floats) -> float:
    """Return the number of rows of one weight that would tell as much; 0 without rows.

    >>> effective_count(np.ones(5)), effective_count(np.array([1.0, 1.0, 0.0]))
    (5.0, 2.0)
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


@cache
def quantile(level: float) -> float:
    """Return how many standard errors a band of that level reaches to either side.

    >>> round(quantile(0.95), 2)
    1.96
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def _chance(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def _lift(predictions: Floats, weights: Floats) -> float:
    """Return the mean calibration error of a model whose scores are true chances."""
    order = np.argsort(predictions, kind="stable")
    own, chance = weights[order], predictions[order].clip(0, 1)
    mass = np.cumsum(own)
    place = ((mass - own / 2) / mass[-1] * BINS).astype(np.intp).clip(0, BINS - 1)
    variance = np.bincount(place, own * own * chance * (1 - chance), minlength=BINS)
    return float(math.sqrt(2 / math.pi) * np.sqrt(variance).sum() / mass[-1])
