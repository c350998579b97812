"""Figures of a recipe: fitted to the earlier rows, judged on the later ones.

Two recipes are compared in pairs. Both are fitted some times more, each time to rows of entities
that are drawn again with replacement, and judged on draws of the later entities. The draws are the
same for both. The differences show how much of the change is due to the entities that happened to
be there.

References
----------
Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapters 6 and 8.
Bouthillier et al. (2021), Accounting for variance in machine learning benchmarks, *MLSys* 3: the
choice of training data is the largest source of variance, and seeds alone miss it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsim.models.composed import Composed, fit_sigmoid
from streamsim.models.fitting import cross_validated, fit
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import answer
from streamsim.models.recipe_check.earlier_later import refuse_one_class
from streamsim.models.relevance import Fitted
from streamsim.streams.answers import estimates_of, items_of, scores_of
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints, Objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.statistics.intervals import (
    Interval,
    Weighted,
    auc,
    average_precision,
    calibration_error,
    root_mean,
    weights,
)

DRAWS = 200
"""Draws of the judged entities, for the interval of a figure."""
REFITS, DRAWS_EACH = 6, 20
"""Fits to entities drawn again, and draws of the judged entities for each."""
DIGITS = 6
"""Decimal places of figures, so that a last bit makes no difference."""
_BETTER_HIGH = {"roc_auc": auc, "average_precision": average_precision}


def higher_is_better(figure: str) -> bool:
    """Say whether a figure is better the higher it is; all others are errors.

    >>> higher_is_better("roc_auc"), higher_is_better("brier")
    (True, False)
    """
    return figure in _BETTER_HIGH or figure == "hit_rate"


def fit_by_recipe(spec: DomainSpec, data: Labelled, seed: int = 0) -> Fitted:
    """Fit a domain's model as its recipe says: features selected, and scores calibrated, if so.

    Raises
    ------
    ModelError
        If the rows lack one of the classes.
    """
    if spec.model.slate is None:
        refuse_one_class(data.labels, "the part to learn from")
    fitted = fit(spec, data, seed)
    if spec.model.recipe.calibrated and isinstance(fitted.estimator, Composed):
        answers, fold = cross_validated(spec, data, seed)
        held, n_numbers = fold >= 0, len(spec.model.estimates)
        truth = spec.model.truth(data.labels[held], items_of(answers[held], n_numbers))
        fitted.estimator.sigmoid = fit_sigmoid(scores_of(answers[held]), truth)
    return fitted


def intervals(
    spec: DomainSpec, estimator: Estimator, later: Labelled
) -> tuple[dict[str, Interval], int]:
    """Judge a model; return its figures with their intervals, and how many rows are positive."""
    figures, truth = _figures(spec, estimator, later)
    found = {}
    whole = np.ones((1, len(truth)))
    for name, values in _drawn(figures, numbered(later.entities), 0, DRAWS).items():
        low, high = np.nanpercentile(values, [2.5, 97.5])
        value = figures[name](whole)[0]
        found[name] = Interval(*(round(float(x), DIGITS) for x in (value, low, high)))
    return found, int((truth == 1).sum())


def paired(spec: DomainSpec, earlier: Labelled, later: Labelled) -> dict[str, Floats]:
    """Return each figure of all refits and draws, shape ``(REFITS * DRAWS_EACH,)``."""
    group = numbered(later.entities)
    found: dict[str, list[Floats]] = {}
    for number in range(1, REFITS + 1):
        fitted = fit_by_recipe(spec, _drawn_again(earlier, number), number)
        figures, _ = _figures(spec, fitted.estimator, later)
        for name, values in _drawn(figures, group, number, DRAWS_EACH).items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values).round(DIGITS) for name, values in found.items()}


def numbered(entities: Objects) -> Ints:
    """Return the number of each row's entity, by its first row: names make no difference.

    >>> numbered(np.array(["b", "a", "b", "c"], object))
    array([0, 1, 0, 2])
    """
    _, first, place = np.unique(entities.astype(str), return_index=True, return_inverse=True)
    rank: Ints = np.argsort(np.argsort(first))[place]
    return rank


def _figures(
    spec: DomainSpec, estimator: Estimator, later: Labelled
) -> tuple[Mapping[str, Weighted], Ints]:
    """Return the figures as functions of weights, and the truth of the scores."""
    answers = answer(estimator, later.features)
    n_numbers = len(spec.model.estimates)
    scores = np.round(scores_of(answers), DIGITS)
    truth = spec.model.truth(later.labels, items_of(answers, n_numbers))
    refuse_one_class(truth, "the part to judge by")
    figures: dict[str, Weighted] = {}
    for name in (spec.model.recipe.metric, spec.alerting.accuracy.metric):
        if name in _BETTER_HIGH:
            figures[name] = _BETTER_HIGH[name](truth, scores)
        elif name == "hit_rate":
            figures[name] = _mean((truth == 1).astype(np.float64))
    figures["brier"] = _mean((scores - truth) ** 2)
    figures["calibration_error"] = calibration_error(truth, scores)
    for place, estimate in enumerate(spec.model.estimates):
        true, said = later.numbers[:, place], estimates_of(answers, n_numbers)[:, place]
        known = np.isfinite(true)
        if not known.any():
            raise ModelError(f"the part to judge by has no known {estimate.name}")
        figures[f"{estimate.name}_rmse"] = _of(root_mean(((said - true) ** 2)[known]), known)
    return figures, truth


def _drawn(
    figures: Mapping[str, Weighted], group: Ints, seed: int, draws: int
) -> dict[str, Floats]:
    """Return each figure of each draw of the entities."""
    pieces: dict[str, list[Floats]] = {name: [] for name in figures}
    for own in weights(group, seed, draws):
        for name, figure in figures.items():
            pieces[name].append(figure(own))
    return {name: np.concatenate(found) for name, found in pieces.items()}


def _drawn_again(data: Labelled, number: int) -> Labelled:
    """Return the rows of as many entities, drawn with replacement, in the order of the rows."""
    group = numbered(data.entities)
    n_entities = int(group.max()) + 1
    times = stream(number, "drawn again").multinomial(
        n_entities, np.full(n_entities, 1 / n_entities)
    )
    rows = np.repeat(np.arange(len(group)), times[group])
    return data.take(rows)


def _mean(values: Floats) -> Weighted:
    return lambda many: many @ values / many.sum(axis=1)


def _of(figure: Weighted, rows: Ints) -> Weighted:
    return lambda many: figure(many[:, rows])
