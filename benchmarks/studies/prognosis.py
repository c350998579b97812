"""Prognoses of machines: the life that is left, and the chance of failure within a horizon.

Two models of the same features: gradient boosting for the remaining life, which is capped, for a
machine without wear says nothing of how long it will last; and for failure within the horizon,
with probabilities that are calibrated on machines that the calibrated model has not seen.

References
----------
Heimes (2008), Recurrent neural networks for remaining useful life estimation, *PHM 2008*: the cap.
Platt (1999), Probabilistic outputs for support vector machines: the calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints, Mask, Matrix

FOLDS = 3
_TREES: dict[str, Any] = {
    "learning_rate": 0.08,
    "max_leaf_nodes": 10,
    "min_samples_leaf": 60,
    "l2_regularization": 5.0,
    "early_stopping": False,
}
"""Small trees: about 7 microseconds a row for the life, 4 for the failure, at 1,024 rows."""


@dataclass(frozen=True, slots=True)
class Prognosis:
    """Fitted models.

    Attributes
    ----------
    life, failure
        Regressor and classifier of scikit-learn's.
    cap
        The longest life that is predicted, in units of the remaining life that they were fitted to.
    """

    life: Any
    failure: Any
    cap: float

    @classmethod
    def fit(
        cls,
        features: Matrix,
        remaining: Floats,
        machine: Ints,
        *,
        cap: float,
        horizon: float,
        seed: int = 0,
    ) -> Self:
        """Learn from machines that were followed to their failure.

        Parameters
        ----------
        features, remaining
            Shape ``(n, n_features)``, and the life that was left at each row, ``(n,)``.
        machine
            Of each row: rows of one are never on both sides of a calibration's split.

        Raises
        ------
        ModelError
            If there are too few machines, or none or all of the rows are within the horizon.
        """
        return cls(
            fit_life(features, np.minimum(remaining, cap), seed),
            fit_failure(features, remaining <= horizon, machine, seed),
            cap,
        )

    def remaining(self, features: Matrix) -> Floats:
        """Return the life that is left, between 0 and the cap."""
        left: Floats = np.clip(self.life.predict(features), 0.0, self.cap)
        return left

    def fails(self, features: Matrix) -> Floats:
        """Return the probability of failure within the horizon."""
        chance: Floats = self.failure.predict_proba(features)[:, 1]
        return chance


def fit_life(features: Matrix, remaining: Floats, seed: int) -> Any:
    """Fit the remaining life, capped by the caller."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=120, random_state=seed, **_TREES)
    return model.fit(features, remaining)


def fit_failure(features: Matrix, fails: Mask, machine: Ints, seed: int) -> Any:
    """Fit the probability of failure within the horizon, calibrated by a sigmoid.

    The sigmoid is fitted to predictions of folds over machines, and stands before one model of
    all rows: a call costs what that model does. A sigmoid rather than isotonic steps: it keeps
    the order, and with it what ranks by it.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import GroupKFold

    if len(np.unique(machine)) < FOLDS or fails.all() or not fails.any():
        raise ModelError(f"a prognosis needs {FOLDS} machines, some rows that fail, and some not")
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    model = CalibratedClassifierCV(
        HistGradientBoostingClassifier(max_iter=60, random_state=seed, **_TREES),
        method="sigmoid",
        cv=list(folds.split(features, groups=machine)),
        ensemble=False,
    )
    return model.fit(features, fails.astype(np.int64))
