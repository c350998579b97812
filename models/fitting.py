"""Fitting and cross-validation of a domain's recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamsim.models import relevance
from streamsim.models.card import FOLDS
from streamsim.models.composed import Composed, calibrated, fit_sigmoid
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import answer
from streamsim.models.relevance import Fitted, Shuffled
from streamsim.streams.answers import Answers
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DomainSpec, Model


def fit(spec: DomainSpec, data: Labelled, seed: int) -> Fitted:
    """Fit the recipe's classifier, and the regressors of the domain's estimates."""
    fitted = relevance.fit(spec, data.features, data.labels, data.entities, seed)
    if not spec.model.estimates and not spec.model.recipe.calibrated:
        return fitted
    regressors = []
    for estimate, truth in zip(spec.model.estimates, data.numbers.T, strict=True):
        known = np.isfinite(truth)
        if not known.any():
            raise ModelError(f"the training data has no known value of {estimate.name}")
        regressors.append(estimate.build(seed).fit(data.features[known], truth[known]))
    bounds = [(e.low, e.high) for e in spec.model.estimates]
    return replace(fitted, estimator=Composed(fitted.estimator, regressors, bounds))


def cross_validated(
    spec: DomainSpec, data: Labelled, seed: int, shuffled: Shuffled | None = None
) -> tuple[Answers, Ints]:
    """Answer every row by a model that has not seen its period, or its entity.

    The rows of a model with a slate hold histories, in which later rows reveal earlier ones. Such a
    model answers only rows that are later than all its training rows, so the first fold is not
    measured.

    Parameters
    ----------
    shuffled
        Receives every fold's model and held-out rows.

    Returns
    -------
    Answers, and the fold of each row; -1 if the row is not measured.
    """
    order = np.argsort(data.times, kind="stable")
    more = len(spec.model.estimates) + (0 if spec.model.slate is None else spec.model.slate.size)
    size = (1 + more,) if more else ()
    answers, fold = np.empty((len(order), *size)), np.full(len(order), -1)
    folds = _folds(spec.model, data, order, seed)
    for number, held_out in enumerate(folds):
        if spec.model.slate is not None and number == 0:
            continue
        fold[held_out] = number
        rest = np.setdiff1d(order, held_out, assume_unique=True)
        if spec.model.slate is not None:
            rest = np.concatenate(folds[:number])
        if len(np.unique(data.labels[rest])) < 2:
            rest = order
        model = fit(spec, data.take(rest), seed).estimator
        answers[held_out] = answer(model, data.features[held_out])
        if shuffled is not None:
            shuffled.ask(model, data.features, held_out)
    return answers, fold


def _folds(model: Model, data: Labelled, order: Ints, seed: int) -> Sequence[Ints]:
    """Return the rows of each fold; ``order`` is the order of time."""
    if not model.recipe.by_entity:
        return np.array_split(order, FOLDS if model.slate is None else FOLDS + 1)
    names, entity = np.unique(data.entities.astype(str), return_inverse=True)
    drawn = stream(seed, "folds").permutation(len(names)) % FOLDS
    return [np.flatnonzero(drawn[entity] == number) for number in range(FOLDS)]


def calibrated_apart(scores: Floats, truth: Ints, fold: Ints) -> Floats:
    """Return the scores, each fold calibrated by a sigmoid that is fitted to the other folds."""
    calibrated_scores = scores.copy()
    for number in np.unique(fold).tolist():
        own = fold == number
        if len(np.unique(truth[~own])) == 2:
            calibrated_scores[own] = calibrated(
                scores[own], *fit_sigmoid(scores[~own], truth[~own])
            )
    return calibrated_scores
