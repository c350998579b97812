"""Training: fit a domain's model by its recipe, measure it, set its threshold, write its card."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from streamsim.models import relevance
from streamsim.models.card import FOLDS, write_card
from streamsim.models.composed import Composed, fit_sigmoid
from streamsim.models.fitting import calibrated_apart, cross_validated, fit
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import answer
from streamsim.models.registry import Registry
from streamsim.models.relevance import Shuffled
from streamsim.models.thresholds import (
    AlertBudget,
    accuracy_threshold,
    alert_threshold,
    threshold_per_day,
)
from streamsim.streams.answers import estimates_of, items_of, scores_of
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints, Matrix, Objects
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Model, Recipe
from streamsim.streams.statistics.intervals import (
    Interval,
    auc,
    average_precision,
    calibration_error,
    interval,
    root_mean,
)
from streamsim.streams.statistics.reference_profile import Reference

DRAWS = 200
FIGURES = {
    "roc_auc": auc,
    "average_precision": average_precision,
    "calibration_error": calibration_error,
}


def train(
    spec: DomainSpec,
    registry: Registry,
    data: Labelled,
    *,
    source: str,
    seed: int = 0,
    genuine: Matrix | None = None,
    about: Mapping[str, Any] | None = None,
    budget: AlertBudget | None = None,
    learns_accuracy: bool = False,
) -> Signature:
    """Fit, measure and release a new version, without making it champion.

    Parameters
    ----------
    source
        Description of the data, for the card.
    genuine
        Events that should raise no alert, unseen in training. The threshold is the lowest score
        that at most ``recipe.max_false_alerts`` of them reach. Without them it is set on
        cross-validated scores of the training data's own genuine events.
    about
        Additional metadata of the data.
    budget
        How many alerts are affordable, instead of ``recipe.max_false_alerts``.
    learns_accuracy
        Set the threshold of the rolling accuracy by these data, not by the domain's world.

    Raises
    ------
    ModelError
        If the data has no events of one of the two classes.
    """
    recipe = spec.model.recipe
    # Whether a slate was right is known only after it has been made: checked further below.
    if spec.model.slate is None:
        _refuse_one_class(recipe, data.labels, source)
    fitted = fit(spec, data, seed)
    estimator, picks = fitted.estimator, fitted.picks
    shuffled = (
        None
        if picks is None
        else Shuffled(picks.kept, spec.features.vector.names, len(data.labels), seed)
    )
    answers, fold = cross_validated(spec, data, seed, shuffled)
    data, answers, fold = data.take(fold >= 0), answers[fold >= 0], fold[fold >= 0]
    held_out = scores_of(answers)
    truth = spec.model.truth(data.labels, items_of(answers, len(spec.model.estimates)))
    _refuse_one_class(recipe, truth, source)
    if isinstance(estimator, Composed) and recipe.calibrated:
        estimator.sigmoid = fit_sigmoid(held_out, truth)
        held_out = calibrated_apart(held_out, truth, fold)
    positives = int(truth.sum())
    sure = measure(truth, data.entities, held_out)
    sure |= judge_estimates(spec.model, data, estimates_of(answers, len(spec.model.estimates)))
    about_features = ""
    if picks is not None and shuffled is not None:
        importance = relevance.permutation_importances(
            FIGURES[recipe.metric], truth, held_out, shuffled, data.entities, picks
        )
        about_features = relevance.sections(spec, importance, picks, data.features)
    metrics = {name: round(figure.value, 4) for name, figure in sure.items()}
    metrics["prevalence"] = round(float(truth.mean()), 6)
    usual = truth == 0 if spec.alerting.rule.about == 1 else truth == 1
    ordinary = (
        (held_out[usual], data.features[usual])
        if genuine is None
        else (scores_of(answer(estimator, genuine)), genuine)
    )
    risk = spec.alerting.rule.risks(held_out, data.features)
    budget = budget or AlertBudget(recipe.max_false_alerts)
    threshold = (
        alert_threshold(spec.alerting.rule, ordinary, budget.false_share)
        if budget.false_share is not None
        else threshold_per_day(risk, data.times, budget.per_day or 0.0)
    )
    metrics["alert_recall"] = round(float((risk[~usual] >= threshold).mean()), 4)
    normal = data.features[usual]
    signature = Signature(
        model=recipe.name,
        version="0",
        features=spec.features.vector.names,
        feature_hash=spec.features.fingerprint,
        threshold=threshold,
        reference=tuple(np.round(np.median(normal, axis=0), 6).tolist()),
        ignored=fitted.dropped,
        estimates=tuple(estimate.name for estimate in spec.model.estimates),
        accuracy=accuracy_threshold(spec.alerting.accuracy, data.times, held_out, truth)
        if learns_accuracy
        else None,
        profile=Reference.fit(spec.features.vector.names, data.features, np.round(held_out, 6)),
    )
    described = {
        **(about or {}),
        "source": source,
        "from": _day(data.times.min()),
        "to": _day(data.times.max()),
        "rows": len(data.labels),
        "positives": positives,
        "fingerprint": data.fingerprint(),
        "seed": seed,
        "ordinary_rows": len(ordinary[0]),
        "budget": str(budget),
    }
    return registry.add(
        estimator,
        signature,
        metrics=metrics,
        data=described,
        card=write_card(spec, signature, metrics, sure, described, estimator, about_features),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _refuse_one_class(recipe: Recipe, truth: Ints, source: str) -> None:
    positives = int(truth.sum())
    if min(positives, len(truth) - positives) < FOLDS:
        raise ModelError(
            f"cannot train {recipe.name}: {positives} positive and "
            f"{len(truth) - positives} negative events in {source}"
        )


def judge_estimates(model: Model, data: Labelled, numbers: Floats) -> dict[str, Interval]:
    """Return the root mean square error of each estimate, and that of the constant mean.

    The mean is taken over the evaluated rows.
    """
    _, group = np.unique(data.entities.astype(str), return_inverse=True)
    found = {}
    for place, estimate in enumerate(model.estimates):
        truth = data.numbers[:, place]
        known = np.isfinite(truth)
        for name, said in (("rmse", numbers[:, place]), ("rmse_of_the_mean", truth[known].mean())):
            squares = ((said - truth) ** 2)[known]
            found[f"{estimate.name}_{name}"] = interval(
                root_mean(squares), group[known], draws=DRAWS
            )
    return found


def measure(truth: Ints, entities: Objects, scores: Floats) -> dict[str, Interval]:
    """Measure scores, with intervals by bootstrap over entities."""
    _, group = np.unique(entities.astype(str), return_inverse=True)
    return {
        name: interval(figure(truth, scores), group, draws=DRAWS)
        for name, figure in FIGURES.items()
    }


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(int(time_ms) / 1000, UTC).isoformat(timespec="seconds")
