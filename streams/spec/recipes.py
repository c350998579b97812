"""How a domain's model is made, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Ints, Matrix


class Estimator(Protocol):
    """The part of scikit-learn's classifier interface that is used here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from rows and labels."""
        ...

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape ``(n_rows, 2)``."""
        ...


class Regressor(Protocol):
    """The part of scikit-learn's regressor interface that is used here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from rows and what was true of them."""
        ...

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return what is to be expected, shape ``(n_rows,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which features a model may use: those that a sparse model picks again and again.

    It is shown each half of the entities by itself (:mod:`streamsim.models.stability`).

    Parameters
    ----------
    share
        Of the halves that must have picked a feature, or it is dropped; more than a half.
    pairs
        How often the entities are halved.
    penalty
        Inverse strength of the L1 penalty on each half. Of 0.02, 0.05, 0.1, 0.2 and 0.4 the
        weakest at which no shuffled copy was kept, on real encounters and in a trial with three
        pairs. A column of noise varies by the inverse root of the rows, so that it holds for few
        rows and for many.
    """

    share: float = 0.6
    pairs: int = 25
    penalty: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what would keep noise, or pick nothing."""
        if not 0.5 < self.share <= 1 or self.pairs < 1 or not self.penalty > 0:
            raise UsageError(f"a selection needs a share above a half, and pairs: {self}")


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
    selection
        How features that are noise are dropped; by default all are used. The rows of the stream
        stay whole: a model that was trained so takes them, and looks at some columns only.
    calibrated
        Its scores are made probabilities, by a sigmoid that is fitted to what it said of
        cross-validated rows: they are true of a world like the one that it learns from.
    by_entity
        Cross-validation keeps entities apart, in place of stretches of time: where an entity's
        rows are nearly one, a model that has seen some of them knows the others by heart.
    trusted
        Full names of types of the domain's own that the model holds: a registry loads no others
        but scikit-learn's and the engine's. Their constructors must run no code of a file's.
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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number that a model says beside its score.

    Its truth comes by a label source of its own, for it may be known later than that of the score.
    An event whose truth is not told is left out: nobody can say.

    Parameters
    ----------
    name
        Of the number: in scores, over the inference protocol, and in the facts of alerts.
    help, unit
        What it is, for the model's card, and in what.
    source
        Name of the label source; by the key of the domain's labels it says of which event.
    field
        Field of that source with what was true.
    build
        ``seed -> unfitted regressor``.
    low, high
        It is never outside of these, nor is its truth.
    delay
        So long after an event its truth is known at the latest (ms).
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
