"""Metrics that are a ratio of two sums over rows, and what each row adds to the sums.

References
----------
Brier (1950), Verification of forecasts expressed in terms of probability, *Monthly Weather Review*
78, 1-3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from streamsim.streams.events import Floats

Sums: TypeAlias = tuple[Floats, Floats | None]
"""What each row adds above and below the line, shape ``(n,)``; ``None`` stands for ones."""
LEAST_CHANCE = 5e-7
"""A log loss takes a score of 0 for this, and one of 1 for its complement.

Scores have six decimals, so 0 stands for anything below half a millionth."""


def _accuracy(predictions: Floats, labels: Floats) -> Sums:
    return (predictions == labels).astype(np.float64), None


def _precision(predictions: Floats, labels: Floats) -> Sums:
    said = predictions == 1
    return (said & (labels == 1)).astype(np.float64), said.astype(np.float64)


def _recall(predictions: Floats, labels: Floats) -> Sums:
    true = labels == 1
    return ((predictions == 1) & true).astype(np.float64), true.astype(np.float64)


def _log_loss(predictions: Floats, labels: Floats) -> Sums:
    said = np.where(labels == 1, predictions, 1 - predictions)
    return -np.log(np.clip(said, LEAST_CHANCE, 1 - LEAST_CHANCE)), None


RATIOS: dict[str, Callable[[Floats, Floats], Sums]] = {
    # The share of slates that contain the right item; the score is ignored.
    "hit_rate": lambda predictions, labels: (labels.astype(np.float64), None),
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "log_loss": _log_loss,
    "brier": lambda predictions, labels: ((predictions - labels) ** 2, None),
    "mae": lambda predictions, labels: (np.abs(predictions - labels), None),
}
"""``(predictions, labels) -> sums``, by the metric's name."""
PROPORTIONS = frozenset({"hit_rate", "accuracy", "precision", "recall"})
"""Those whose rows each count as 0 or 1."""
OF_CLASSES = frozenset({"accuracy", "precision", "recall"})
"""Those that compare classes, so that scores must be cut at a threshold before."""


def ratio(sums: Sums, weights: Floats | None = None) -> float:
    """Return the ratio of the sums; NaN where nothing is below the line.

    >>> ratio((np.array([1.0, 0, 1]), None)), ratio((np.array([1.0, 0, 1]), np.array([1.0, 1, 1])))
    (0.6666666666666666, 0.6666666666666666)
    >>> ratio((np.array([1.0, 0.0]), None), np.array([3.0, 1.0]))
    0.75
    """
    above, below = sums
    if weights is None:
        whole = len(above) if below is None else float(below.sum())
        return float(above.sum() / whole) if whole > 0 else np.nan
    whole = float(weights.sum() if below is None else weights @ below)
    return float(weights @ above / whole) if whole > 0 else np.nan
