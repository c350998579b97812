"""Composed model: a calibrated classifier, with regressors for the domain's estimates.

The classifier comes from the domain's recipe. A sigmoid turns its scores into probabilities. The
regressors estimate the numbers that the domain declares as
:class:`streamsim.streams.spec.Estimate`.

References
----------
Platt (1999), Probabilistic outputs for support vector machines: a sigmoid, here of the log-odds. It
keeps the order of the scores, and never returns 0 or 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamsim.streams.events import Floats, Ints

_SURE = 1e-9
"""Probabilities are clipped to this distance from 0 and 1."""


class Composed:
    """Scores rows by a classifier, and estimates numbers by regressors.

    Parameters
    ----------
    classifier
        Fitted; see :class:`streamsim.streams.spec.Estimator`.
    regressors
        Fitted, one per number.
    bounds
        Lowest and highest value of each number.
    sigmoid
        Slope and offset of the log-odds; by default the classifier's scores stay as they are.
    """

    def __init__(
        self,
        classifier: Any,
        regressors: list[Any],
        bounds: list[tuple[float, float]],
        sigmoid: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        self.classifier, self.regressors = classifier, regressors
        self.bounds, self.sigmoid = bounds, sigmoid

    def fit(self, X: Any, y: Any) -> Composed:
        """Fit the classifier only."""
        self.classifier.fit(X, y)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, shape ``(n, 2)``."""
        chance = calibrated(self.classifier.predict_proba(X)[:, 1], *self.sigmoid)
        return np.column_stack([1.0 - chance, chance])

    def estimate(self, X: Any) -> Floats:
        """Return the numbers, shape ``(n, n_numbers)``."""
        found = np.empty((len(X), len(self.regressors)))
        for place, (model, (low, high)) in enumerate(
            zip(self.regressors, self.bounds, strict=True)
        ):
            found[:, place] = np.clip(model.predict(X), low, high)
        return found


def log_odds(chance: Floats) -> Floats:
    """Return the log-odds of probabilities, finite also for 0 and 1."""
    inside = np.clip(chance, _SURE, 1.0 - _SURE)
    odds: Floats = np.log(inside / (1.0 - inside))
    return odds


def calibrated(chance: Floats, slope: float, offset: float) -> Floats:
    """Return probabilities calibrated by a sigmoid of their log-odds.

    >>> calibrated(np.array([0.25, 0.75]), 1.0, 0.0)
    array([0.25, 0.75])
    >>> calibrated(np.array([0.0, 1.0]), 0.5, 0.0).round(6).tolist()
    [3.2e-05, 0.999968]
    """
    found: Floats = 1.0 / (1.0 + np.exp(-(slope * log_odds(chance) + offset)))
    return found


def fit_sigmoid(chance: Floats, truth: Ints) -> tuple[float, float]:
    """Fit the slope and offset of the sigmoid by maximum likelihood.

    The probabilities must be of rows that their model has not seen.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, tol=1e-8).fit(log_odds(chance)[:, None], truth)
    return float(model.coef_[0, 0]), float(model.intercept_[0])
