"""Which features a model uses, what each is worth, and what was dropped: for the model's card.

Features are dropped by stability selection (:mod:`streamsim.models.stability`) on the rows that a
model learns from, and on no other: each fold of the cross-validation selects for itself. What a
feature is worth is what the model's metric loses when it is shuffled among rows that the model has
not seen, with intervals of entities drawn again.

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
from streamsim.streams.statistics.intervals import Interval, Weighted, difference, interval, mean_of

REPEATS = 3
"""How often each feature is shuffled: once alone would be that shuffle's luck."""
DRAWS = 200
ALIKE = 0.8
"""From this rank correlation on, two features say much the same."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted estimator, and what was picked for it if its recipe selects."""

    estimator: Estimator
    picks: Picks | None = None

    @property
    def dropped(self) -> tuple[str, ...]:
        """The features that it ignores. Where nothing at all was picked, it ignores none."""
        if self.picks is None or not self.picks.kept:
            return ()
        kept = set(self.picks.kept)
        return tuple(name for name in self.picks.picked if name not in kept)


def fit(spec: DomainSpec, features: Matrix, labels: Ints, entities: Objects, seed: int) -> Fitted:
    """Fit the recipe's estimator, to the features that its selection keeps if it has one."""
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
    kept = KeptColumns(columns, estimator).fit(features, labels)
    return Fitted(kept, picks)


@dataclass(slots=True)
class Shuffled:
    """Answers to rows with one feature shuffled, beside the answers to them as they are.

    Attributes
    ----------
    kept, names
        Which features are shuffled, and all in order.
    n
        How many rows there are.
    scores
        Per feature, of shape ``(REPEATS, n)``; only held-out rows are filled in.
    """

    kept: Sequence[str]
    names: Sequence[str]
    n: int
    seed: int
    scores: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make room."""
        self.scores = {name: np.zeros((REPEATS, self.n)) for name in self.kept}

    def ask(self, estimator: Estimator, features: Matrix, rows: Ints) -> None:
        """Ask an estimator for rows that it has not seen, one feature shuffled among them."""
        seen = features[rows]
        for name in self.kept:
            column = self.names.index(name)
            draw = stream(self.seed, f"shuffled {name}", int(rows[0]))
            for scores in self.scores[name]:
                mixed = seen.copy()
                mixed[:, column] = seen[draw.permutation(len(rows)), column]
                scores[rows] = scores_of(answer(estimator, mixed))


@dataclass(frozen=True, slots=True)
class Worth:
    """What a feature is worth: what the metric loses without it, and how often it was picked."""

    feature: str
    lost: Interval
    picked: float


def worths(
    figure: Callable[[Ints, Floats], Weighted],
    truth: Ints,
    scores: Floats,
    shuffled: Shuffled,
    entities: Objects,
    picks: Picks,
) -> list[Worth]:
    """Return what the kept features are worth, the most first."""
    group = np.unique(entities.astype(str), return_inverse=True)[1]
    whole = figure(truth, scores)
    found = []
    for name in picks.kept:
        without = mean_of([figure(truth, own) for own in shuffled.scores[name]])
        lost = interval(difference(whole, without), group, draws=DRAWS)
        found.append(Worth(name, lost, picks.picked[name]))
    return sorted(found, key=lambda worth: -worth.lost.value)


def sections(spec: DomainSpec, worth: Sequence[Worth], picks: Picks, features: Matrix) -> str:
    """Write the card's sections on what is used and what was dropped."""
    recipe, noun = spec.model.recipe, spec.alerting.rule.noun
    selection, metric = recipe.selection, recipe.metric
    assert selection is not None  # there are picks
    halves = 2 * selection.pairs
    used = "\n".join(f"| {one.feature} | {one.lost} | {one.picked:.2f} |" for one in worth)
    nothing = (
        ""
        if worth
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
    """Say of each dropped feature why, the most picked first; of nothing kept, nothing dropped."""
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
