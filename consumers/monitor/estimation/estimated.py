"""Confidence-based performance estimation: a metric before its labels are there.

A calibrated score is the chance that the label is 1. So each row counts as two: one of label 1
with the weight of that chance, and one of label 0 with the rest. The metric over these rows is the
estimate. It follows a change of which events come, as long as events of a score keep their chance.
It cannot see that this chance has changed (concept drift): only labels tell, and
:mod:`streamsim.consumers.monitor.estimation.judged_estimates` says by how much it was wrong.

References
----------
Kivimäki, Białek, Kuberski and Nurminen (2025), Performance estimation in binary classification
using calibrated confidence, arXiv:2505.05295: the method of NannyML.
"""

from __future__ import annotations

import math

import numpy as np

from streamsim.consumers.monitor.prequential.bands import LEVEL, UNKNOWN, scaled
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats
from streamsim.streams.statistics.influences import influence
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import split_name, weighted_metric

NOT_ESTIMABLE = frozenset({"mae", "rmse"})
"""Errors of a number: a chance does not tell how far off it is."""


def estimated(
    metric: str,
    scores: Floats,
    chances: Floats,
    weights: Floats | None = None,
    level: float = LEVEL,
) -> Interval:
    """Return the expected metric of a window, with the band that its true value will lie in.

    The band is that of labels drawn with these chances. It takes the chances as true: what is
    wrong with the calibration map comes on top.

    Parameters
    ----------
    metric
        By its name in :data:`streamsim.streams.statistics.quality.METRICS`. ``accuracy``,
        ``precision`` and ``recall`` need a threshold, as in ``precision@0.3``: that of the alert.
    scores
        As the model gave them, shape ``(n,)``.
    chances
        Of label 1, from the calibration map, shape ``(n,)``.
    weights
        Of the rows in a fading window.

    Returns
    -------
    NaN without rows, or where the metric is undefined.

    Raises
    ------
    UsageError
        If the metric cannot be estimated.

    Examples
    --------
    >>> scores = np.repeat([0.2, 0.9], 1_000)
    >>> str(estimated("precision@0.5", scores, scores))
    '0.9000 (0.8798 to 0.9171)'
    >>> str(estimated("recall@0.5", scores, scores))
    '0.8182 (0.7987 to 0.8361)'
    """
    base = check_estimable(metric)
    if not len(scores):
        return UNKNOWN
    own = np.ones(len(scores)) if weights is None else weights
    # In order of score, with both rows of an event side by side: to sort them again is quick.
    order = np.argsort(-scores if base == "average_precision" else scores)
    chances, own = chances[order], own[order]
    twice = np.repeat(scores[order], 2)
    labels = np.tile([1.0, 0.0], len(order))
    shares = np.column_stack([own * chances, own * (1 - chances)]).ravel()
    value = weighted_metric(metric)(twice, labels, shares)
    if math.isnan(value):
        return UNKNOWN
    slopes = influence(metric)(twice, labels, shares)
    change = own * (slopes[::2] - slopes[1::2])  # of the metric, if the label is 1 and not 0
    error = math.sqrt(float((chances * (1 - chances)) @ (change * change)))
    return scaled(base, value, error, level)


def check_estimable(metric: str) -> str:
    """Return a metric's name without its threshold.

    Raises
    ------
    UsageError
        If it cannot be estimated from calibrated scores.
    """
    base, threshold = split_name(metric)
    if base in NOT_ESTIMABLE:
        raise UsageError(f"{base} cannot be estimated without labels: a chance tells no distance")
    if base in ("accuracy", "precision", "recall") and threshold is None:
        raise UsageError(f"{base} is estimated at a threshold: write {base}@0.5")
    return base
