"""Classifier on bins whose edges lie where the rare class has its values, too.

scikit-learn's boosting sees 255 bins of a feature, with as many rows each. Of a hundred thousand
payments the four hundred largest amounts are one bin, and no tree can cut within it, though that is
where the frauds are. Here half of the edges are quantiles of the frauds alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats

QUANTILES = 127
"""Quantiles of each class that are edges: at most 254, so at most 255 bins."""


class RareBins:
    """Turns features into numbers of bins, and passes these to an estimator.

    Parameters
    ----------
    estimator
        Classifier of the bin numbers; rows are finite.
    edges
        Edges of the bins of each feature, ascending. They are found by :meth:`fit`.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> amounts = np.concatenate([np.arange(1000.0), [5000.0, 5001.0, 5002.0]])[:, None]
    >>> model = RareBins(DecisionTreeClassifier()).fit(amounts, amounts[:, 0] > 5000)
    >>> bins = model.binned(np.array([[4999.0], [5000.0], [5001.0], [5002.0]]))[:, 0]
    >>> np.diff(bins).astype(bool).tolist()
    [False, True, True]
    """

    def __init__(self, estimator: Any, edges: Sequence[npt.NDArray[Any]] = ()) -> None:
        self.estimator = estimator
        self.edges = list(edges)

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> RareBins:
        """Find the edges, and fit the estimator to rows and labels (1 is the rare class)."""
        rows, rare = np.asarray(X), np.asarray(y) == 1
        places = np.linspace(0.0, 1.0, QUANTILES)
        self.edges = [
            np.unique([np.quantile(part, places) for part in (column, column[rare]) if len(part)])
            for column in rows.T
        ]
        self.estimator.fit(self.binned(rows), y)
        return self

    def binned(self, X: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the number of the bin of each value, shape ``(n_rows, n_features)``.

        An edge belongs to the bin above it, so that the smallest fraud has none of the genuine
        events below it in its bin.
        """
        rows = np.asarray(X)
        found = np.empty(rows.shape, np.float32)
        for place, edges in enumerate(self.edges):
            found[:, place] = np.searchsorted(edges, rows[:, place], side="right")
        return found

    def predict_proba(self, X: npt.NDArray[Any]) -> Floats:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        found: Floats = self.estimator.predict_proba(self.binned(X))
        return found
