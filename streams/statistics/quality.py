"""How right predictions are, in one number, by the name of the metric."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import Weighted, auc, average_precision

Metric: TypeAlias = Callable[[Floats, Floats], float]
"""``(predictions, labels) -> value``, NaN where there is none."""


def named(metric: str | Metric) -> tuple[Metric, bool]:
    """Return the function of a name, or the function itself, and whether less is better.

    Raises
    ------
    UsageError
        If there is none of that name.

    Examples
    --------
    >>> mae, lower_is_better = named("mae")
    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])), lower_is_better
    (1.0, True)
    """
    if callable(metric):
        return metric, False
    if metric not in METRICS:
        raise UsageError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
    return METRICS[metric], metric in ("mae", "rmse")


def _ranked(area: Callable[[Ints, Floats], Weighted]) -> Metric:
    """Take a figure of ranks, which needs both kinds of labels."""

    def metric(predictions: Floats, labels: Floats) -> float:
        if labels.min() == labels.max():
            return math.nan
        return float(area(labels.astype(np.int64), predictions)(np.ones((1, len(labels))))[0])

    return metric


METRICS: dict[str, Metric] = {
    # The share of slates with the right item in them, however sure the model was.
    "hit_rate": lambda predictions, labels: float(labels.mean()),
    "accuracy": lambda predictions, labels: float((predictions == labels).mean()),
    "average_precision": _ranked(average_precision),
    "roc_auc": _ranked(auc),
    "mae": lambda predictions, labels: float(np.abs(predictions - labels).mean()),
    "rmse": lambda predictions, labels: float(np.sqrt(((predictions - labels) ** 2).mean())),
}
