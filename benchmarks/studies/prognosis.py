"""Prognoses of machines: the remaining life, and the probability of failure within a horizon.

Both models are gradient boosting on the same features. The remaining life is capped, because a
machine without wear does not show how long it will last. The probabilities are calibrated on
machines that the calibrated model has not seen.

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
        The longest predicted life, in the units of the remaining life in training.
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
        """Fit both models on machines with a known failure.

        Parameters
        ----------
        features, remaining
            Features, shape ``(n, n_features)``, and the remaining life at each row, ``(n,)``.
        machine
            Machine of each row. A calibration's split never divides the rows of a machine.

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
        """Return the remaining life, between 0 and the cap."""
        left: Floats = np.clip(self.life.predict(features), 0.0, self.cap)
        return left

    def fails(self, features: Matrix) -> Floats:
        """Return the probability of failure within the horizon."""
        chance: Floats = self.failure.predict_proba(features)[:, 1]
        return chance


def fit_life(features: Matrix, remaining: Floats, seed: int) -> Any:
    """Fit the remaining life, which the caller has capped."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=120, random_state=seed, **_TREES)
    return model.fit(features, remaining)


def fit_failure(features: Matrix, fails: Mask, machine: Ints, seed: int) -> Any:
    """Fit the probability of failure within the horizon, calibrated by a sigmoid.

    The sigmoid is fitted to out-of-fold predictions (folds over machines) and applied to one model
    of all rows, so a call costs as much as that model. Unlike isotonic regression, a sigmoid keeps
    the ranking.
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
