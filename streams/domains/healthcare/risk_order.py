"""Classifier on words in the order of their risk, instead of the order of a list.

A word's code is its place in a list (:data:`streamsim.streams.domains.healthcare.features.WORDS`),
so that a tree needs many cuts to tell risky words from others. In the order of their risk it needs
one. The risk is that of the training rows, drawn towards the mean where a word is rare.

References
----------
Fisher (1958), On grouping for maximum homogeneity, *JASA* 53: the best cut of a category is one of
those in the order of its means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints

WORTH = 50.0
"""A word's risk starts from the mean risk, worth this many rows."""


class RiskOrder:
    """Replaces codes of words by the risk of the word, and passes the rows to an estimator.

    Parameters
    ----------
    estimator
        Classifier of the rows.
    columns
        Columns that hold codes of words: whole numbers from -1 on.
    risks
        For each of these columns, the risk of each code, from that of -1 on. :meth:`fit` finds
        them. A code beyond the last has the mean risk.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> rows = np.repeat([[0.0], [1.0], [2.0]], 100, axis=0)
    >>> ill = np.repeat([1, 0, 1], 100)
    >>> model = RiskOrder(DecisionTreeClassifier(max_depth=1), [0]).fit(rows, ill)
    >>> model.predict_proba(np.array([[0.0], [1.0], [2.0]]))[:, 1].tolist()
    [1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        estimator: Any,
        columns: Sequence[int],
        risks: Sequence[npt.NDArray[Any]] = (),
    ) -> None:
        self.estimator = estimator
        self.columns = list(columns)
        self.risks = list(risks)

    def of_columns(self, columns: Ints) -> RiskOrder:
        """Return an unfitted one for rows that have only these columns, in this order."""
        places = {column: place for place, column in enumerate(columns.tolist())}
        return RiskOrder(self.estimator, [places[c] for c in self.columns if c in places])

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> RiskOrder:
        """Find the risk of each word, and fit the estimator."""
        rows, labels = np.asarray(X), np.asarray(y, np.float64)
        mean = labels.mean()
        self.risks = []
        for column in self.columns:
            codes = _places(rows[:, column])
            count, ill = np.bincount(codes), np.bincount(codes, labels)
            risk = (ill + WORTH * mean) / (count + WORTH)
            self.risks.append(np.append(risk, mean).astype(np.float32))
        self.estimator.fit(self.ordered(rows), y)
        return self

    def ordered(self, X: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the rows with risks in place of codes."""
        rows = np.array(X, np.float32)
        for column, risk in zip(self.columns, self.risks, strict=True):
            rows[:, column] = risk[np.minimum(_places(rows[:, column]), len(risk) - 1)]
        return rows

    def predict_proba(self, X: npt.NDArray[Any]) -> Floats:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        found: Floats = self.estimator.predict_proba(self.ordered(X))
        return found


def _places(codes: npt.NDArray[Any]) -> Ints:
    found: Ints = np.maximum(codes, -1).astype(np.int64) + 1
    return found
