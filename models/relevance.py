"""Feature relevance for the model card: stability selection and permutation importance.

Features are dropped by stability selection (:mod:`streamsim.models.stability`) on the training rows
only: each fold of the cross-validation selects for itself. The importance of a feature is the loss
of the model's metric when the feature is shuffled among held-out rows, with intervals by bootstrap
over entities.

References
----------
Breiman (2001), Random forests, *Machine Learning* 45, section 10; Fisher, Rudin and Dominici
(2019), All models are wrong, but many are useful, *JMLR* 20(177): permutation importance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from streamsim.models.kept_columns import KeptColumns
from streamsim.models.loaded import answer
from streamsim.models.stability import Picks, as_table, constant, select
from streamsim.streams.answers import scores_of
from streamsim.streams.events import Floats, Ints, Matrix, Objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.spec.recipes import OfColumns
from streamsim.streams.statistics.intervals import Interval, Weighted, difference, interval, mean_of

REPEATS = 3
"""How often each feature is shuffled: a single shuffle would be too random."""
DRAWS = 200
ALIKE = 0.8
"""Rank correlation from which on two features carry much the same information."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted estimator, and its feature selection if its recipe has one."""

    estimator: Estimator
    picks: Picks | None = None

    @property
    def dropped(self) -> tuple[str, ...]:
        """The features that it ignores; none if no feature was picked."""
        if self.picks is None or not self.picks.kept:
            return ()
        kept = set(self.picks.kept)
        return tuple(name for name in self.picks.picked if name not in kept)


def fit(spec: DomainSpec, features: Matrix, labels: Ints, entities: Objects, seed: int) -> Fitted:
    """Fit the recipe's estimator, on the selected features if the recipe has a selection."""
    recipe, names = spec.model.recipe, spec.features.vector.names
    estimator = recipe.build(seed)
    if recipe.selection is None:
        estimator.fit(features, labels)
        return Fitted(estimator)
    group = np.unique(entities.astype(str), return_inverse=True)[1]
    picks = select(as_table(features, names), labels, group, seed, recipe.selection)
    found = Fitted(estimator, picks)
    dropped = set(found.dropped)
    columns = np.array([i for i, name in enumerate(names) if name not in dropped], np.int64)
    if isinstance(estimator, OfColumns):
        estimator = estimator.of_columns(columns)
    kept = KeptColumns(columns, estimator).fit(features, labels)
    return Fitted(kept, picks)


@dataclass(slots=True)
class Shuffled:
    """Scores of rows with one feature shuffled at a time.

    Attributes
    ----------
    kept, names
        The features to shuffle, and all features in order.
    n
        Number of rows.
    scores
        Per feature, of shape ``(REPEATS, n)``; only held-out rows are filled in.
    """

    kept: Sequence[str]
    names: Sequence[str]
    n: int
    seed: int
    scores: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Allocate the scores."""
        self.scores = {name: np.zeros((REPEATS, self.n)) for name in self.kept}

    def ask(self, estimator: Estimator, features: Matrix, rows: Ints) -> None:
        """Score held-out rows, with one feature shuffled among them at a time."""
        seen = features[rows]
        for name in self.kept:
            column = self.names.index(name)
            draw = stream(self.seed, f"shuffled {name}", int(rows[0]))
            for scores in self.scores[name]:
                mixed = seen.copy()
                mixed[:, column] = seen[draw.permutation(len(rows)), column]
                scores[rows] = scores_of(answer(estimator, mixed))


@dataclass(frozen=True, slots=True)
class Importance:
    """A feature's importance: the loss of the metric without it, and how often it was picked."""

    feature: str
    lost: Interval
    picked: float


def permutation_importances(
    figure: Callable[[Ints, Floats], Weighted],
    truth: Ints,
    scores: Floats,
    shuffled: Shuffled,
    entities: Objects,
    picks: Picks,
) -> list[Importance]:
    """Return the importances of the kept features, the largest first."""
    group = np.unique(entities.astype(str), return_inverse=True)[1]
    whole = figure(truth, scores)
    found = []
    for name in picks.kept:
        without = mean_of([figure(truth, own) for own in shuffled.scores[name]])
        lost = interval(difference(whole, without), group, draws=DRAWS)
        found.append(Importance(name, lost, picks.picked[name]))
    return sorted(found, key=lambda importance: -importance.lost.value)


def sections(
    spec: DomainSpec, importance: Sequence[Importance], picks: Picks, features: Matrix
) -> str:
    """Write the card's sections on the features that are used and dropped."""
    recipe, noun = spec.model.recipe, spec.alerting.rule.noun
    selection, metric = recipe.selection, recipe.metric
    assert selection is not None  # there are picks
    halves = 2 * selection.pairs
    used = "\n".join(f"| {one.feature} | {one.lost} | {one.picked:.2f} |" for one in importance)
    nothing = (
        ""
        if importance
        else "\nNothing was picked often enough: too little data to tell anything from noise. All "
        "features are used.\n"
    )
    gone = "\n".join(
        f"| {name} | {picks.picked[name]:.2f} | {why} |"
        for name, why in reasons(picks, features, spec.features.vector.names).items()
    )
    return f"""## Relevance
A sparse model is shown {halves} halves of the {noun}s. Kept is what it picks on at least
{picks.share:.0%} of them; of {len(picks.decoys)} shuffled copies of features, which are noise,
{picks.decoys_kept} would have been. Lost is what {metric} loses when the feature is
shuffled among rows that the model has not seen, the mean of {REPEATS} times; in brackets where 95 %
of the draws of {noun}s lie. Of two features that say the same, neither loses much.
{nothing}
| feature | {metric} lost | picked |
|---|---|---|
{used}

## Dropped
The model takes these features and ignores them.

| feature | picked | why |
|---|---|---|
{gone}

"""


def reasons(picks: Picks, features: Matrix, names: Sequence[str]) -> dict[str, str]:
    """Return the reason for each dropped feature, the most picked first."""
    kept = picks.kept
    if not kept:
        return {}
    place = {name: i for i, name in enumerate(names)}
    table = as_table(features, names)
    flat = set(constant(table))
    ranks = table.astype("float64").rank()
    of_kept = ranks[kept]
    found = {}
    for name in sorted(set(names) - set(kept), key=lambda one: (-picks.picked[one], place[one])):
        why = f"too seldom picked: {picks.share:.0%} are asked for"
        if name in flat:
            why = "it has one value"
        else:
            alike = of_kept.corrwith(ranks[name]).abs()
            if alike.max() >= ALIKE:
                why += f"; it says much the same as {alike.idxmax()}"
        found[name] = why
    return found
