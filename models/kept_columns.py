"""An estimator that looks at some columns of its rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints


class KeptColumns:
    """Takes whole rows, and learns and answers from some of their columns.

    So what a model ignores may still be in every row that it is sent, and the same row serves
    models that keep other columns.

    Parameters
    ----------
    columns
        Their places in the rows, at least one.
    estimator
        Takes these columns; its probabilities are the answer.
    """

    def __init__(self, columns: Ints, estimator: Any) -> None:
        self.columns = columns
        self.estimator = estimator

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> KeptColumns:
        """Learn from rows and labels."""
        self.estimator.fit(np.asarray(X)[:, self.columns], y)
        return self

    def predict_proba(self, X: npt.NDArray[Any]) -> Floats:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        found: Floats = self.estimator.predict_proba(np.asarray(X)[:, self.columns])
        return found
