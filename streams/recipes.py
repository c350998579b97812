"""How a domain's model is made, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streams.events import Ints

Matrix = npt.NDArray[np.float32]


class Estimator(Protocol):
    """The part of scikit-learn's classifier interface that is used here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from rows and labels."""
        ...

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a domain's model is made.

    Parameters
    ----------
    name
        Name of the model on the inference protocol and in the registry.
    build
        ``seed -> unfitted estimator``.
    metric
        ``average_precision`` or ``roc_auc``: what the report calls quality.
    max_false_alerts
        The threshold of the alert is the lowest score at which at most this share of the
        genuine events of the calibration period would have raised one.
    days, ordinary_days
        How much of each of the two worlds it is made from (event days).
    world, ordinary
        Options of the world that it learns from, and of another one, in which nothing happens
        that should raise an alert, that sets its threshold.
    seed
        Of these worlds; no test and no run uses it by default.
    """

    name: str
    build: Callable[[int], Estimator]
    metric: str
    max_false_alerts: float
    days: float
    ordinary_days: float
    world: Mapping[str, float]
    ordinary: Mapping[str, float]
    seed: int


@dataclass(frozen=True, slots=True)
class Slate:
    """What a model puts forward beside its score, and how that is judged.

    Parameters
    ----------
    size
        How many items it puts forward for each event, the best first.
    verdict
        ``(items (n, size), labels (n,)) -> what was true of each score``: 1 if the label says that
        the items were right, 0 if not, -1 where nobody can say.
    stranger
        ``features (n, n_features) -> the same`` of somebody of whom nothing is known, at the same
        time; ``None``: nothing is put forward for those.
    """

    size: int
    verdict: Callable[[Ints, Ints], Ints]
    stranger: Callable[[Matrix], Matrix] | None = None
