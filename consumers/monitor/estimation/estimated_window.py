"""Estimated metric: that of a window of score counts, and which domains have none."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.monitor.estimation.calibration_map import CalibrationMap
from streamsim.consumers.monitor.estimation.estimated import check_estimable, estimated
from streamsim.consumers.monitor.estimation.score_counts import middles
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.intervals import Interval

MOST_SCORES = 100_000
"""Of more scores, as many are taken, evenly over their order: more change the estimate little."""


def estimated_of(metric: str, counts: Ints, calibration: CalibrationMap) -> Interval:
    """Return the expected metric of a window, with its band; NaN where it is undefined.

    Parameters
    ----------
    counts
        Scores per bin; see :mod:`streamsim.consumers.monitor.estimation.score_counts`.

    Raises
    ------
    UsageError
        If the metric cannot be estimated.
    """
    scores = np.repeat(middles(), thinned(counts, MOST_SCORES))
    return estimated(metric, scores, calibration.of(scores))


def thinned(counts: Ints, most: int) -> Ints:
    """Return the counts of at most so many of the rows, evenly over their order.

    >>> thinned(np.array([6, 0, 1, 3]), 5).tolist(), thinned(np.array([2, 1]), 5).tolist()
    ([3, 0, 0, 2], [2, 1])
    """
    whole = int(counts.sum())
    if whole <= most:
        return counts
    kept: Ints = np.diff(np.cumsum(counts) * most // whole, prepend=0)
    return kept


def why_no_estimate(spec: DomainSpec) -> str | None:
    """Return why a domain's metric is not estimated before its labels; ``None`` if it is."""
    if spec.model.renewal is not None:
        return "its model is renewed by the clock"
    if spec.model.slate is not None:
        return "a slate's score is no chance of its label"
    try:
        check_estimable(spec.alerting.accuracy.metric)
    except UsageError as error:
        return str(error)
    return None
