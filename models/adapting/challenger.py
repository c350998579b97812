"""A challenger: the domain's recipe fitted to what the stream has shown.

Events are split by time. The challenger learns from the earlier part; on the later part, which is
untouched, it is compared with the champion. Events just before the later part are left out: their
labels became known when the later part had begun, and neighbouring events share their causes
(López de Prado 2018, *Advances in Financial Machine Learning*, chapter 7: purging and embargo).

Much of a first training is left out, so that it takes seconds: features are not selected anew, no
importance is measured, and no ordinary world sets the threshold.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamsim.models.adapting.gates import Judged, brier, figure_of
from streamsim.models.composed import Composed, fit_sigmoid
from streamsim.models.fitting import calibrated_apart, cross_validated, fit
from streamsim.models.kept_columns import KeptColumns
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import answer
from streamsim.models.thresholds import (
    AlertBudget,
    accuracy_threshold,
    alert_threshold,
    threshold_per_day,
)
from streamsim.streams.answers import estimates_of, items_of, scores_of
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints, Mask, Matrix, Objects
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Adaptation, DomainSpec, Estimator
from streamsim.streams.spec.recipes import OfColumns
from streamsim.streams.spec.renewals import champion_of, renewed_version
from streamsim.streams.spec.spans import MINUTE
from streamsim.streams.statistics.intervals import calibration_error
from streamsim.streams.statistics.reference_profile import Reference, tally

CALL = 1_024
"""Rows of a call whose time is measured."""
_CALLS = 7


@dataclass(frozen=True, slots=True)
class Parts:
    """Labelled events, split by time.

    Attributes
    ----------
    learnt, held
        Which events are learnt from, and which are the later part.
    learnt_until
        No event from this time on is learnt from (ms), a whole minute.
    """

    learnt: Mask
    held: Mask
    learnt_until: int


@dataclass(frozen=True, slots=True)
class Challenger:
    """A fitted challenger and its signature."""

    estimator: Estimator
    signature: Signature
    ordinary: int
    """Events that set the threshold of its alerts."""


def split(times: Ints, holdout: float, gap: int) -> Parts:
    """Split events: the latest share, and what is older than its begin by the gap.

    >>> parts = split(np.arange(10) * 60_000, holdout=0.3, gap=120_000)
    >>> parts.learnt.sum(), parts.held.sum(), parts.learnt_until // 60_000
    (np.int64(5), np.int64(3), 5)
    """
    ordered = np.sort(times)
    begin = int(ordered[int(len(ordered) * (1 - holdout))]) if len(ordered) else 0
    until = begin - gap
    until -= until % MINUTE
    return Parts(times < until, times >= begin, until)


def too_few(spec: DomainSpec, rows: Labelled, parts: Parts, adaptation: Adaptation) -> str:
    """Return why nothing can be learnt from events; empty if something can."""
    policy = adaptation.policy
    learnt, held = rows.labels[parts.learnt], rows.labels[parts.held]
    if len(rows.labels) < policy.least_rows or not len(held):
        return f"{len(rows.labels):,} labelled events, at least {policy.least_rows:,} are needed"
    for what, labels in (("to learn from", learnt), ("to compare on", held)):
        yes = positives(spec, labels)
        least = policy.least_positives if what == "to learn from" else 2
        if min(yes, len(labels) - yes) < least:
            return (
                f"{len(labels):,} labelled events {what}, {yes:,} of them positive: at least "
                f"{least} of each class are needed"
            )
    return ""


def refit(
    spec: DomainSpec,
    champion: Signature,
    rows: Labelled,
    *,
    seed: int = 0,
    budget: AlertBudget | None = None,
) -> Challenger:
    """Fit a challenger that has passed once more, to all events: the latest ones tell the most.

    Raises
    ------
    ModelError
        As :func:`learn`.
    """
    until = int(rows.times.max()) // MINUTE * MINUTE + MINUTE
    return learn(spec, champion, rows, until, seed=seed, budget=budget)


def positives(spec: DomainSpec, labels: Ints) -> int:
    """Count positive labels: of a slate those with an item."""
    return int((labels > 0).sum() if spec.model.slate is not None else (labels == 1).sum())


def learn(
    spec: DomainSpec,
    champion: Signature,
    rows: Labelled,
    learnt_until: int,
    *,
    seed: int = 0,
    budget: AlertBudget | None = None,
) -> Challenger:
    """Fit a challenger to events.

    It ignores the features that the champion ignores. Its thresholds are set on cross-validated
    scores of these events.

    Parameters
    ----------
    learnt_until
        No event from this time on is among them (ms); it names the version.
    budget
        How many alerts are affordable; by default that of the recipe.

    Raises
    ------
    ModelError
        If a class, or the truth of an estimate, does not occur.
    """
    if spec.model.slate is None and len(np.unique(rows.labels)) < 2:
        raise ModelError(f"all {len(rows.labels):,} events are of one class")
    ignored = tuple(name for name in champion.ignored if name in champion.features)
    spec = _without_selection(spec, champion.features, ignored)
    recipe, rule = spec.model.recipe, spec.alerting.rule
    estimator = fit(spec, rows, seed).estimator
    answers, fold = cross_validated(spec, rows, seed)
    rows, answers, fold = rows.take(fold >= 0), answers[fold >= 0], fold[fold >= 0]
    scores = scores_of(answers)
    truth = spec.model.truth(rows.labels, items_of(answers, len(spec.model.estimates)))
    if len(np.unique(truth)) < 2:
        raise ModelError(f"all {len(truth):,} answers are of one class")
    if isinstance(estimator, Composed) and recipe.calibrated:
        estimator.sigmoid = fit_sigmoid(scores, truth)
        scores = calibrated_apart(scores, truth, fold)
    usual = truth == 0 if rule.about == 1 else truth == 1
    budget = budget or AlertBudget(recipe.max_false_alerts)
    threshold = (
        alert_threshold(rule, (scores[usual], rows.features[usual]), budget.false_share)
        if budget.false_share is not None
        else threshold_per_day(rule.risks(scores, rows.features), rows.times, budget.per_day or 0.0)
    )
    accuracy = accuracy_threshold(spec.alerting.accuracy, rows.times, scores, truth)
    signature = replace(
        champion,
        version=renewed_version(champion_of(champion.version), learnt_until),
        threshold=threshold,
        reference=tuple(np.round(np.median(rows.features[usual], axis=0), 6).tolist()),
        ignored=ignored,
        estimates=tuple(estimate.name for estimate in spec.model.estimates),
        accuracy=champion.accuracy if accuracy is None else accuracy,
        profile=_profile(champion, rows.features, np.round(scores, 6)),
    )
    return Challenger(estimator, signature, int(usual.sum()))


def _profile(champion: Signature, features: Matrix, scores: Floats) -> Reference:
    """Profile events by the champion's bins, if it has any: the workers go on counting by these."""
    bins = champion.profile
    if bins is None:
        return Reference.fit(champion.features, features, scores)
    return bins.with_counts(tally(bins.cells(features, scores)))


def fit_again(
    spec: DomainSpec, rows: Labelled, ignored: tuple[str, ...], seed: int = 0
) -> Estimator:
    """Fit a challenger alone, without what sets its thresholds; see :func:`learn`.

    Parameters
    ----------
    ignored
        Features that it ignores.
    """
    spec = _without_selection(spec, spec.features.vector.names, ignored)
    estimator = fit(spec, rows, seed).estimator
    if isinstance(estimator, Composed) and spec.model.recipe.calibrated:
        answers, fold = cross_validated(spec, rows, seed)
        estimator.sigmoid = fit_sigmoid(scores_of(answers)[fold >= 0], rows.labels[fold >= 0])
    return estimator


def judged(spec: DomainSpec, estimator: Estimator, rows: Labelled) -> Judged:
    """Let a model answer events, and join the answers with what was true."""
    answers = answer(estimator, rows.features)
    n = len(spec.model.estimates)
    truth = spec.model.truth(rows.labels, items_of(answers, n))
    return Judged(np.round(scores_of(answers), 6), truth, estimates_of(answers, n))


def seconds_of_calls(first: Estimator, second: Estimator, rows: Matrix) -> tuple[float, float]:
    """Return how long two models take for a call of 1,024 rows (s): the least of alternate calls.

    What else the machine does only ever adds to a call's time.

    Parameters
    ----------
    rows
        Any number of rows; they are repeated, or the first of them are taken.
    """
    call = np.resize(rows, (CALL, rows.shape[1]))
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(_CALLS):
        for own, model in zip(spent, (first, second), strict=True):
            begun = time.perf_counter()
            answer(model, call)
            own.append(time.perf_counter() - begun)
    return min(spent[0]), min(spent[1])


def figures_of(metric: str, own: Judged, champion: Judged, entities: Objects) -> dict[str, float]:
    """Return the figures of both models on the later events, for the release."""
    ones, found = np.ones((1, len(entities))), {}
    for prefix, one in (("", own), ("champion_", champion)):
        if 0 < one.truth.sum() < len(one.truth):
            found[prefix + metric] = float(figure_of(metric, one)(ones)[0])
        found[f"{prefix}calibration_error"] = float(
            calibration_error(one.truth, one.scores)(ones)[0]
        )
        found[f"{prefix}brier"] = float(brier(one)(ones)[0])
    found["prevalence"] = float(own.truth.mean())
    return {name: round(value, 6) for name, value in found.items()}


def _without_selection(
    spec: DomainSpec, features: tuple[str, ...], ignored: tuple[str, ...]
) -> DomainSpec:
    """Return a domain whose recipe takes the kept features, and selects none."""
    recipe = spec.model.recipe
    if recipe.selection is None and not ignored:
        return spec
    kept = np.array([i for i, name in enumerate(features) if name not in ignored], np.int64)

    def build(seed: int) -> Estimator:
        estimator = recipe.build(seed)
        if isinstance(estimator, OfColumns):
            estimator = estimator.of_columns(kept)
        return KeptColumns(kept, estimator)

    own = replace(recipe, build=build, selection=None)
    return replace(spec, model=replace(spec.model, recipe=own))


def described(
    spec: DomainSpec, rows: Labelled, parts: Parts, seed: int, more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a challenger learnt from and was compared on, for its release and its card."""
    learnt, held = rows.take(parts.learnt), rows.take(parts.held)
    return {
        **more,
        "rows": len(learnt.labels),
        "positives": positives(spec, learnt.labels),
        "holdout_rows": len(held.labels),
        "holdout_positives": positives(spec, held.labels),
        "left_out": len(rows.labels) - len(learnt.labels) - len(held.labels),
        "fingerprint": rows.fingerprint(),
        "seed": seed,
    }
