"""Model recipes: how a domain's model is trained, its slate and its estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints, Matrix


class Estimator(Protocol):
    """The part of scikit-learn's classifier interface that is used here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit to rows and labels."""
        ...

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        ...


@runtime_checkable
class OfColumns(Protocol):
    """An estimator some of whose columns have a meaning, so that it is told which are left."""

    def of_columns(self, columns: Ints) -> Estimator:
        """Return an unfitted estimator of rows that have only these columns, in this order."""
        ...


class Regressor(Protocol):
    """The part of scikit-learn's regressor interface that is used here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit to rows and their true values."""
        ...

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the predicted values, shape ``(n_rows,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Stability selection: a model uses the features that a sparse model selects repeatedly.

    The sparse model is fitted to each half of the entities (:mod:`streamsim.models.stability`).

    Parameters
    ----------
    share
        Share of the halves that must have selected a feature, or it is dropped; above 0.5.
    pairs
        How often the entities are split in halves.
    penalty
        Inverse strength of the L1 penalty on each half: of 0.02, 0.05, 0.1, 0.2 and 0.4 the
        weakest at which no shuffled copy was selected, on real encounters and in a trial with
        three pairs. The weight of a noise column varies by the inverse root of the rows, so the
        penalty suits few rows and many.
    """

    share: float = 0.6
    pairs: int = 25
    penalty: float = 0.2

    def __post_init__(self) -> None:
        """Refuse parameters that would select noise, or nothing."""
        if not 0.5 < self.share <= 1 or self.pairs < 1 or not self.penalty > 0:
            raise UsageError(f"a selection needs a share above a half, and pairs: {self}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a domain's model is trained.

    Parameters
    ----------
    name
        Name of the model on the inference protocol and in the registry.
    build
        ``seed -> unfitted estimator``.
    metric
        ``average_precision`` or ``roc_auc``: the report's quality.
    max_false_alerts
        The alert's threshold is the lowest score at which at most this share of the genuine
        events of the calibration period would have raised an alert.
    days, ordinary_days
        Lengths of the two worlds below (event days).
    world, ordinary
        Options of the world that it is trained on, and of the world that sets the threshold, in
        which nothing happens that should raise an alert.
    seed
        Seed of these worlds; no test and no run uses it by default.
    selection
        How noise features are dropped; by default all are used. The rows of the stream keep all
        columns: the model ignores the dropped ones.
    calibrated
        Whether its scores are calibrated to probabilities, by a sigmoid that is fitted to
        cross-validated scores. They hold for a world like the training world.
    by_entity
        Cross-validation splits by entity instead of by time. Where the rows of an entity are
        nearly equal, a model that has seen some of them has memorised the others.
    trusted
        Full names of the domain's own types that the model contains: besides scikit-learn's and
        the engine's, a registry loads no others. Their constructors must not run code of a file.
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
    selection: Selection | None = None
    calibrated: bool = False
    by_entity: bool = False
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slate:
    """A model's recommendations beside its score, and how they are judged.

    Parameters
    ----------
    size
        How many items it recommends for each event, the best first.
    verdict
        ``(items (n, size), labels (n,)) -> truth of each score``: 1 if the items were right by
        the label, 0 if not, -1 where it is unknown.
    cold_start
        ``features (n, n_features) -> features`` of a new entity without a past at the same time;
        ``None``: a new entity gets no recommendations.
    """

    size: int
    verdict: Callable[[Ints, Ints], Ints]
    cold_start: Callable[[Matrix], Matrix] | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number that a model estimates beside its score.

    Its truth has a label source of its own, because it may be known later than the score's. An
    event without one is left out of the estimate's error.

    Parameters
    ----------
    name
        Its name in scores, in the inference protocol, and in the facts of alerts.
    help, unit
        Its meaning and unit, for the model card.
    source
        Name of the label source; the key of the domain's labels names the event.
    field
        Field of that source with the true value.
    build
        ``seed -> unfitted regressor``.
    low, high
        Inclusive bounds of the estimate and of its truth.
    delay
        How long after an event its truth is known at the latest (ms).
    """

    name: str
    help: str
    unit: str
    source: str
    field: str
    build: Callable[[int], Regressor]
    low: float
    high: float
    delay: int
