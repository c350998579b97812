"""Quality metrics of predictions, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import Weighted, auc, average_precision

Metric: TypeAlias = Callable[[Floats, Floats], float]
"""``(predictions, labels) -> value``, NaN where it is undefined."""


def find_metric(metric: str | Metric) -> tuple[Metric, bool]:
    """Return a metric by its name, or the function that was passed, and whether lower is better.

    Raises
    ------
    UsageError
        If there is no metric of that name.

    Examples
    --------
    >>> mae, lower_is_better = find_metric("mae")
    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])), lower_is_better
    (1.0, True)
    """
    if callable(metric):
        return metric, False
    if metric not in METRICS:
        raise UsageError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
    return METRICS[metric], metric in ("mae", "rmse")


def _ranked(area: Callable[[Ints, Floats], Weighted]) -> Metric:
    """Return a ranking figure as a metric, NaN unless both labels occur."""

    def metric(predictions: Floats, labels: Floats) -> float:
        if labels.min() == labels.max():
            return math.nan
        return float(area(labels.astype(np.int64), predictions)(np.ones((1, len(labels))))[0])

    return metric


METRICS: dict[str, Metric] = {
    # The share of slates that contain the right item; the score is ignored.
    "hit_rate": lambda predictions, labels: float(labels.mean()),
    "accuracy": lambda predictions, labels: float((predictions == labels).mean()),
    "average_precision": _ranked(average_precision),
    "roc_auc": _ranked(auc),
    "mae": lambda predictions, labels: float(np.abs(predictions - labels).mean()),
    "rmse": lambda predictions, labels: float(np.sqrt(((predictions - labels) ** 2).mean())),
}
