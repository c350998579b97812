"""Paired comparison of two versions that scored the same events."""

from __future__ import annotations

import math

import numpy as np

from streamsim.consumers.monitor.prequential.bands import quantile
from streamsim.streams.events import Floats
from streamsim.streams.statistics.influences import influence
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import find_metric

LEVEL = 0.95


def gain(
    metric: str, own: Floats, champion: Floats, labels: Floats, level: float = LEVEL
) -> Interval:
    """Return how much better one version is than the other, with its confidence interval.

    The difference of the metrics, with the sign turned for an error, so that above 0 is better. Its
    spread comes from the rows' influences on both metrics (infinitesimal jackknife), which go
    together where both versions err on the same events.

    Parameters
    ----------
    own, champion
        Scores of the same events, shape ``(n,)``.

    Returns
    -------
    NaN where the metric is undefined.

    Examples
    --------
    >>> labels = np.array([0, 1] * 50, float)
    >>> better = gain("brier", labels * 0.8 + 0.1, np.full(100, 0.5), labels)
    >>> round(better.value, 2), better.low > 0
    (0.24, True)
    """
    measure, lower_is_better = find_metric(metric)
    sign = -1.0 if lower_is_better else 1.0
    if not len(labels):
        return Interval(math.nan, math.nan, math.nan)
    value = sign * (float(measure(own, labels)) - float(measure(champion, labels)))
    if math.isnan(value):
        return Interval(math.nan, math.nan, math.nan)
    ones = np.ones(len(labels))
    of = influence(metric)
    apart = of(own, labels, ones) - of(champion, labels, ones)
    error = quantile(level) * math.sqrt(float((apart**2).sum()))
    return Interval(value, value - error, value + error)
