"""Train a domain's model by its recipe, measure it, set its threshold, write its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from models import relevance
from models.loaded import answer
from models.registry import Registry
from models.relevance import Shuffled
from streams.errors import ModelError
from streams.events import Floats, Ints, Mask, Objects
from streams.intervals import Interval, auc, average_precision, interval
from streams.keeping import KeptColumns
from streams.signature import Signature
from streams.slates import Answers, items_of, scores_of
from streams.spec import DomainSpec, Estimator

Matrix = npt.NDArray[np.float32]
FOLDS = 3
DRAWS = 200
FIGURES = {"roc_auc": auc, "average_precision": average_precision}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows to learn from: features ``(n, n_features)``, labels, event times (ms) and entities."""

    features: Matrix
    labels: Ints
    times: Ints
    entities: Objects

    def take(self, rows: Mask) -> Labelled:
        """Return some rows."""
        return Labelled(
            self.features[rows], self.labels[rows], self.times[rows], self.entities[rows]
        )

    def fingerprint(self) -> str:
        """Hash of the rows, so that two models can be said to have learnt from the same."""
        digest = hashlib.sha256()
        for array in (self.features, self.labels, self.times):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def train(
    spec: DomainSpec,
    registry: Registry,
    data: Labelled,
    *,
    source: str,
    seed: int = 0,
    genuine: Matrix | None = None,
    about: Mapping[str, Any] | None = None,
) -> Signature:
    """Fit, measure and release a new version; it is not made champion here.

    Parameters
    ----------
    source
        What the data is, for the card.
    genuine
        Events that should raise no alert, unseen in training. The threshold is the lowest score
        that at most ``recipe.max_false_alerts`` of them reach. Without them it is set on
        cross-validated scores of the training data's own genuine events.

    about
        What else is to be kept of the data.

    Raises
    ------
    ModelError
        If the data has no events of one of the two classes.
    """
    recipe = spec.recipe
    # Of a slate it is only known once it has been made whether it was right.
    if spec.slate is None:
        _refuse_one_class(spec, data.labels, source)
    fitted = relevance.fit(spec, data.features, data.labels, data.entities, seed)
    estimator, picks = fitted.estimator, fitted.picks
    shuffled = (
        None if picks is None else Shuffled(picks.kept, spec.features.names, len(data.labels), seed)
    )
    answers, measured = _cross_validated(spec, data, seed, shuffled)
    data = data.take(measured)
    held_out, truth = scores_of(answers), spec.truth(data.labels, items_of(answers))
    _refuse_one_class(spec, truth, source)
    positives = int(truth.sum())
    sure = _measure(truth, data.entities, held_out)
    about_features = ""
    if picks is not None and shuffled is not None:
        worth = relevance.worths(
            FIGURES[recipe.metric], truth, held_out, shuffled, data.entities, picks
        )
        about_features = relevance.sections(spec, worth, picks, data.features)
    metrics = {name: round(figure.value, 4) for name, figure in sure.items()}
    metrics["prevalence"] = round(float(truth.mean()), 6)
    usual = truth == 0 if spec.alert.about == 1 else truth == 1
    ordinary = (
        spec.alert.risks(held_out, data.features)[usual]
        if genuine is None
        else spec.alert.risks(scores_of(answer(estimator, genuine)), genuine)
    )
    threshold = threshold_at(ordinary, recipe.max_false_alerts)
    risk = spec.alert.risks(held_out, data.features)
    metrics["alert_recall"] = round(float((risk[~usual] >= threshold).mean()), 4)
    normal = data.features[usual]
    signature = Signature(
        model=recipe.name,
        version="0",
        features=spec.features.names,
        feature_hash=spec.feature_hash,
        threshold=threshold,
        reference=tuple(np.round(np.median(normal, axis=0), 6).tolist()),
        ignored=fitted.dropped,
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
        "ordinary_rows": len(ordinary),
    }
    return registry.add(
        estimator,
        signature,
        metrics=metrics,
        data=described,
        card=_card(spec, signature, metrics, sure, described, estimator, about_features),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def threshold_at(ordinary: Floats, share: float) -> float:
    """Return the lowest score that at most ``share`` of ordinary events reach.

    Rounded up to six decimals, as scores are rounded.

    >>> threshold_at(np.array([0.1, 0.2, 0.3, 0.4]), 0.25)
    0.300001
    """
    ranked = np.sort(np.round(ordinary, 6))[::-1]
    allowed = int(len(ranked) * share)
    return round(min(float(ranked[allowed]) + 1e-6, 1.0), 6)


def _refuse_one_class(spec: DomainSpec, truth: Ints, source: str) -> None:
    positives = int(truth.sum())
    if min(positives, len(truth) - positives) < FOLDS:
        raise ModelError(
            f"cannot train {spec.recipe.name}: {positives} positive and "
            f"{len(truth) - positives} negative events in {source}"
        )


def _cross_validated(
    spec: DomainSpec, data: Labelled, seed: int, shuffled: Shuffled | None
) -> tuple[Answers, Mask]:
    """Answer every row by a model that has not seen its stretch of time (blocked folds).

    The rows of a slate's model tell in their histories what was played before: later rows would
    give the earlier ones away. Such a model is asked for what comes after all that it has seen, and
    the first stretch, after nothing, is not measured.

    Parameters
    ----------
    shuffled
        Is shown every model, and the rows that it has not seen.

    Returns
    -------
    Answers to the rows that are measured, and which these are.
    """
    order = np.argsort(data.times, kind="stable")
    size = () if spec.slate is None else (1 + spec.slate.size,)
    answers, measured = np.empty((len(order), *size)), np.ones(len(order), bool)
    folds = np.array_split(order, FOLDS if spec.slate is None else FOLDS + 1)
    if spec.slate is not None:
        measured[folds[0]] = False
    for number, held_out in enumerate(folds):
        if not measured[held_out].all():
            continue
        rest = np.setdiff1d(order, held_out, assume_unique=True)
        if spec.slate is not None:
            rest = np.concatenate(folds[:number])
        if len(np.unique(data.labels[rest])) < 2:
            rest = order
        fitted = relevance.fit(
            spec, data.features[rest], data.labels[rest], data.entities[rest], seed
        )
        answers[held_out] = answer(fitted.estimator, data.features[held_out])
        if shuffled is not None:
            shuffled.ask(fitted.estimator, data.features, held_out)
    return answers[measured], measured


def _measure(truth: Ints, entities: Objects, scores: Floats) -> dict[str, Interval]:
    """Measure scores, with intervals of entities drawn again."""
    _, group = np.unique(entities.astype(str), return_inverse=True)
    return {
        name: interval(figure(truth, scores), group, draws=DRAWS)
        for name, figure in FIGURES.items()
    }


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(int(time_ms) / 1000, UTC).isoformat(timespec="seconds")


def _named(estimator: Estimator) -> str:
    if isinstance(estimator, KeptColumns):
        return f"{type(estimator.estimator).__name__} of {len(estimator.columns)} features"
    return type(estimator).__name__


def _card(
    spec: DomainSpec,
    signature: Signature,
    metrics: Mapping[str, float],
    sure: Mapping[str, Interval],
    data: Mapping[str, Any],
    estimator: Estimator,
    about_features: str,
) -> str:
    """Write the card, after Mitchell et al., *Model Cards for Model Reporting* (2019)."""
    rows = "\n".join(
        f"| {name} | {spec.features.help[name]} | {usual:g} |"
        for name, usual in zip(signature.features, signature.reference, strict=True)
    )
    shown = {name: sure.get(name, f"{value:g}") for name, value in metrics.items()}
    figures = "\n".join(f"| {name} | {value} |" for name, value in shown.items())
    return f"""# {signature.model} {{version}}

**Question.** {spec.question}
**Model.** {_named(estimator)}, feature hash `{signature.feature_hash}`.
**Alert.** {spec.alert.formula}: {signature.threshold:g}. At most
{spec.recipe.max_false_alerts:g} of {data["ordinary_rows"]:,} ordinary events reach it.

## Data
{data["source"]}, {data["from"]} to {data["to"]}: {data["rows"]:,} events, {data["positives"]:,} of
them positive, seed {data["seed"]}, fingerprint `{data["fingerprint"]}`. Labels that were not known
by the end of the period are left out with their events.

## Metrics
Cross-validated in {FOLDS} blocks of time; in brackets where 95 % of the figures lie if every
{spec.alert.noun} is drawn again, with all of its events.

| metric | value |
|---|---|
{figures}

{about_features}## Features
| feature | meaning | usual |
|---|---|---|
{rows}

## Limits
A score ranks events; it is a probability only where prevalence is as above. The card describes
the period that it names, and nothing after it.
"""
