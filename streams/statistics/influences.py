"""Influence of each row on a metric: how much the metric grows with the row's weight.

The sum of the squares of ``weight * influence`` is the variance of the metric, without a single
resampled set (the infinitesimal jackknife). For the area under the ROC curve this is the variance
of DeLong, DeLong and Clarke-Pearson, but for a factor of ``n / (n - 1)``.

References
----------
Efron (1982), *The Jackknife, the Bootstrap and Other Resampling Plans*, chapter 6.
DeLong, DeLong and Clarke-Pearson (1988), Comparing the areas under two or more correlated receiver
operating characteristic curves, *Biometrics* 44, 837-845.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from streamsim.streams.events import Floats, Slots
from streamsim.streams.statistics.intervals import BINS
from streamsim.streams.statistics.quality import cut, split_name
from streamsim.streams.statistics.ratios import RATIOS, ratio

Influence: TypeAlias = Callable[[Floats, Floats, Floats], Floats]
"""``(predictions, labels, weights) -> the metric's derivatives by the weights``, shape ``(n,)``."""


def influence(metric: str) -> Influence:
    """Return the influence of rows on a metric, by the metric's name.

    It is to be asked only where the metric is defined. Weights are above or at 0, and a row of
    weight 0 has an influence, too.

    Raises
    ------
    UsageError
        If there is no metric of that name.

    Examples
    --------
    >>> of = influence("accuracy")
    >>> of(np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.ones(2))  # one is right, one is wrong
    array([ 0.25, -0.25])
    """
    base, threshold = split_name(metric)
    own = INFLUENCES[base]
    if threshold is None:
        return own
    return lambda predictions, labels, weights: own(cut(predictions, threshold), labels, weights)


def _of_ratio(name: str, predictions: Floats, labels: Floats, weights: Floats) -> Floats:
    sums = above, below = RATIOS[name](predictions, labels)
    value = ratio(sums, weights)
    found: Floats = (above - value * (1.0 if below is None else below)) / (
        weights.sum() if below is None else weights @ below
    )
    return found


def _of_root_mean(predictions: Floats, labels: Floats, weights: Floats) -> Floats:
    squares = (predictions - labels) ** 2
    mean = float(weights @ squares / weights.sum())
    if mean == 0:
        return np.zeros(len(squares))
    found: Floats = (squares - mean) / (2 * np.sqrt(mean) * weights.sum())
    return found


def _of_auc(predictions: Floats, labels: Floats, weights: Floats) -> Floats:
    order, starts, tie = _ranked(predictions)
    positive = labels[order] == 1
    own = weights[order]
    yes = np.add.reduceat(own * positive, starts)
    no = np.add.reduceat(own * ~positive, starts)
    # A row of either label, and the share of the other label that it is ranked right against.
    below = (np.cumsum(no) - no / 2) / no.sum()
    above = (yes.sum() - np.cumsum(yes) + yes / 2) / yes.sum()
    area = float(yes @ below / yes.sum())
    ranked = np.where(positive, (below[tie] - area) / yes.sum(), (above[tie] - area) / no.sum())
    return _placed(ranked, order)


def _of_average_precision(predictions: Floats, labels: Floats, weights: Floats) -> Floats:
    order, starts, tie = _ranked(-predictions)
    positive = labels[order] == 1
    own = weights[order]
    yes = np.add.reduceat(own * positive, starts)
    reached = np.cumsum(np.add.reduceat(own, starts))
    there = reached > 0
    precision = np.divide(np.cumsum(yes), reached, out=np.zeros_like(yes), where=there)
    whole = float(yes.sum())
    area = float(yes @ precision) / whole
    # A row changes the precision at its own threshold and at every later one.
    share = np.divide(yes, reached, out=np.zeros_like(yes), where=there)
    later, lost = _from_here(share), _from_here(share * precision)
    ranked = np.where(positive, (precision - area + later - lost)[tie], -lost[tie])
    return _placed(ranked / whole, order)


def _of_calibration_error(predictions: Floats, labels: Floats, weights: Floats) -> Floats:
    """Return the influence with the bins held: that of rows that change their bin is left out."""
    order = np.argsort(predictions, kind="stable")
    own, gap = weights[order], (predictions - labels)[order]
    mass = np.cumsum(own)
    place = ((mass - own / 2) / mass[-1] * BINS).astype(np.intp).clip(0, BINS - 1)
    sums = np.bincount(place, own * gap, minlength=BINS)
    error = float(np.abs(sums).sum() / mass[-1])
    return _placed((np.sign(sums)[place] * gap - error) / mass[-1], order)


INFLUENCES: dict[str, Influence] = {
    **{name: partial(_of_ratio, name) for name in RATIOS},
    "average_precision": _of_average_precision,
    "roc_auc": _of_auc,
    "calibration_error": _of_calibration_error,
    "rmse": _of_root_mean,
}


def _ranked(scores: Floats) -> tuple[Slots, Slots, Slots]:
    """Return the order of scores, where each tie begins in it, and each ranked row's tie."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    begins = np.concatenate(([True], ranked[1:] != ranked[:-1]))
    return order, np.flatnonzero(begins), np.cumsum(begins) - 1


def _from_here(values: Floats) -> Floats:
    return np.cumsum(values[::-1])[::-1]


def _placed(ranked: Floats, order: Slots) -> Floats:
    found = np.empty(len(ranked))
    found[order] = ranked
    return found
