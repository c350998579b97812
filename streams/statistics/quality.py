"""Quality metrics of predictions, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import (
    Weighted,
    auc,
    average_precision,
    calibration_error,
)
from streamsim.streams.statistics.ratios import OF_CLASSES, RATIOS, ratio

Metric: TypeAlias = Callable[[Floats, Floats], float]
"""``(predictions, labels) -> value``, NaN where it is undefined."""
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "mae", "rmse"})
"""Metrics that are errors."""


class WeightedMetric(Protocol):
    """A metric of rows that may have weights."""

    def __call__(
        self, predictions: Floats, labels: Floats, weights: Floats | None = None, /
    ) -> float:
        """Return the value, NaN where it is undefined.

        Parameters
        ----------
        predictions, labels
            Shape ``(n,)``.
        weights
            Above or at 0, shape ``(n,)``; ``None`` for rows that all count the same.
        """
        ...


def find_metric(metric: str | Metric) -> tuple[Metric, bool]:
    """Return a metric by its name, or the function that was passed, and whether lower is better.

    ``accuracy``, ``precision`` and ``recall`` compare classes. With a threshold in the name, as in
    ``precision@0.3``, predictions are scores, and those that reach the threshold are of class 1.

    Raises
    ------
    UsageError
        If there is no metric of that name.

    Examples
    --------
    >>> mae, lower_is_better = find_metric("mae")
    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])), lower_is_better
    (1.0, True)
    >>> recall, _ = find_metric("recall@0.3")
    >>> recall(np.array([0.3, 0.2, 0.9]), np.array([1.0, 1.0, 0.0]))
    0.5
    """
    if callable(metric):
        return metric, False
    return weighted_metric(metric), metric in LOWER_IS_BETTER


def weighted_metric(name: str) -> WeightedMetric:
    """Return a metric of rows with weights by its name; see :func:`find_metric`.

    Raises
    ------
    UsageError
        If there is no metric of that name.

    Examples
    --------
    >>> weighted_metric("accuracy")(np.array([1.0, 0]), np.array([1.0, 1]), np.array([3.0, 1]))
    0.75
    """
    base, threshold = split_name(name)
    plain = METRICS[base]
    if threshold is None:
        return plain

    def metric(predictions: Floats, labels: Floats, weights: Floats | None = None, /) -> float:
        return plain(cut(predictions, threshold), labels, weights)

    return metric


def split_name(name: str) -> tuple[str, float | None]:
    """Return a metric's name without its threshold, and the threshold, if it has one.

    Raises
    ------
    UsageError
        If there is no metric of that name, or no threshold belongs to it.

    Examples
    --------
    >>> split_name("brier"), split_name("precision@0.3")
    (('brier', None), ('precision', 0.3))
    """
    base, at, text = name.partition("@")
    if base not in METRICS:
        raise UsageError(f"no metric {name!r}; there are {', '.join(METRICS)}")
    if not at:
        return base, None
    if base not in OF_CLASSES:
        raise UsageError(
            f"{base} has no threshold; {', '.join(sorted(OF_CLASSES))} have: write {base!r}"
        )
    try:
        threshold = float(text)
    except ValueError:
        threshold = math.nan
    if not math.isfinite(threshold):
        raise UsageError(f"a threshold is a number, as in {base}@0.5, not {text!r}")
    return base, threshold


def at_threshold(name: str, threshold: float) -> str:
    """Return the name of a metric of classes at a threshold; other metrics need none.

    >>> at_threshold("precision", 0.37), at_threshold("precision@0.5", 0.37)
    ('precision@0.37', 'precision@0.5')
    >>> at_threshold("roc_auc", 0.37)
    'roc_auc'
    """
    return f"{name}@{threshold!r}" if name in OF_CLASSES else name


def cut(scores: Floats, threshold: float) -> Floats:
    """Return 1 for the scores that reach the threshold, as an alert does, and 0 for others."""
    return (scores >= threshold).astype(np.float64)


def ndcg(ranks: Ints, weights: Floats | None = None) -> float:
    """Return the normalised discounted cumulative gain of slates with one right item each.

    It has no name in :data:`METRICS`: a label says whether the right item is in the slate, and not
    at which rank.

    Parameters
    ----------
    ranks
        Of the right item in its slate, from 1; 0 where the slate lacks it.

    References
    ----------
    Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques, *ACM Trans.
    Inf. Syst.* 20, 422-446: here with one relevant item, so that the ideal gain is 1.

    Examples
    --------
    >>> ndcg(np.array([1, 3, 0, 0]))
    0.375
    """
    gain = np.where(ranks > 0, 1 / np.log2(1 + np.maximum(ranks, 1)), 0.0)
    return ratio((gain, None), weights)


def _ratio(name: str) -> WeightedMetric:
    sums = RATIOS[name]

    def metric(predictions: Floats, labels: Floats, weights: Floats | None = None, /) -> float:
        return ratio(sums(predictions, labels), weights)

    return metric


def _figure(figure: Callable[[Ints, Floats], Weighted], *, both: bool) -> WeightedMetric:
    """Return a weighted figure as a metric, NaN without rows, or without one of both labels."""

    def metric(predictions: Floats, labels: Floats, weights: Floats | None = None, /) -> float:
        own = np.ones(len(labels)) if weights is None else weights
        positive, whole = float(own @ (labels == 1)), float(own.sum())
        if not whole > 0 or (both and not 0 < positive < whole):
            return math.nan
        return float(figure(labels.astype(np.int64), predictions)(own[None])[0])

    return metric


def _root_mean(predictions: Floats, labels: Floats, weights: Floats | None = None, /) -> float:
    return math.sqrt(ratio(((predictions - labels) ** 2, None), weights))


METRICS: dict[str, WeightedMetric] = {
    **{name: _ratio(name) for name in RATIOS},
    "average_precision": _figure(average_precision, both=True),
    "roc_auc": _figure(auc, both=True),
    # The expected calibration error, over bins of equal mass.
    "calibration_error": _figure(calibration_error, both=False),
    "rmse": _root_mean,
}
