"""Estimator on a subset of the columns of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints


class KeptColumns:
    """Takes whole rows, and passes some of their columns to an estimator.

    So every row can hold all features, and the same row serves models with other columns.

    Parameters
    ----------
    columns
        Indices of the columns, at least one.
    estimator
        The estimator on these columns.
    """

    def __init__(self, columns: Ints, estimator: Any) -> None:
        self.columns = columns
        self.estimator = estimator

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> KeptColumns:
        """Fit the estimator to rows and labels."""
        self.estimator.fit(np.asarray(X)[:, self.columns], y)
        return self

    def predict_proba(self, X: npt.NDArray[Any]) -> Floats:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        found: Floats = self.estimator.predict_proba(np.asarray(X)[:, self.columns])
        return found
