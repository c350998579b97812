"""Benchmark of readmission within 30 days of discharge, on real encounters.

Every score is out of fold: its model was fitted on other patients. Beside these figures are those
of a split by time, and those of plain models on the same rows
(:mod:`streamsim.benchmarks.studies.readmission_splits`). The features are those known at
discharge and those of the patient's earlier encounters
(:mod:`streamsim.benchmarks.public_data.encounters`). Intervals are by bootstrap over patients.
Stability selection drops noisy features, on the training patients of each split alone, and the cost
of that is measured.

The text features are tested separately, on real notes of other patients
(:mod:`streamsim.benchmarks.public_data.sections`). No encounter has a note, so the benchmark says
nothing about notes and readmission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from streamsim.benchmarks.public_data import sections
from streamsim.benchmarks.public_data.encounters import Encounters, read
from streamsim.benchmarks.studies import readmission_splits
from streamsim.models.stability import Picks, constant, select
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.events import Floats
from streamsim.streams.spec.recipes import Estimator, Selection
from streamsim.streams.statistics.intervals import (
    BINS,
    Interval,
    auc,
    calibration_error,
    difference,
    interval,
    mean_of,
)

FOLDS = 5
NEEDED = {"auc": 0.675, "ece": 0.02}
LEAKS = 0.75
"""An AUC above this would mean that the outcome leaks into the features."""
PUBLISHED = {"logistic regression": 0.646, "AutoGluon": 0.647}
_IMPORTANCE_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    ``rounds`` is the number of times that all patients are split.
    """

    data: Path | None = None
    rounds: int = 2
    seed: int = 0


@dataclass(slots=True)
class Judged:
    """Out-of-fold scores of all encounters, one array per round."""

    whole: list[Floats] = field(default_factory=list)
    selected: list[Floats] = field(default_factory=list)
    shuffled: dict[str, list[Floats]] = field(default_factory=dict)
    selections: list[Picks] = field(default_factory=list)


def run(options: Options) -> dict[str, Any]:
    """Train, test and select features; print the figures and return them.

    Raises
    ------
    UsageError
        If no data is given.
    ExpectationError
        If a figure misses the project's target, or is too good to be true.
    """
    if options.data is None:
        raise UsageError("bench readmission needs --data: the folder of the encounters and notes")
    encounters = read(options.data)
    click.echo(
        f"{len(encounters.readmitted):,} encounters of {encounters.patient.max() + 1:,} patients, "
        f"{encounters.readmitted.mean():.1%} readmitted within 30 days"
    )
    compared = compare(encounters, options.seed)
    _print_compared(compared)
    judged = judge(encounters, options.rounds, options.seed)
    figures = figures_of(encounters, judged)
    table = importance(encounters, judged)
    notes = sections.run(options.data)
    _print(figures, table, judged.selections, notes)
    held = figures["auc"]
    if not NEEDED["auc"] <= held.value <= LEAKS or figures["ece"].value > NEEDED["ece"]:
        raise ExpectationError(f"targets missed: AUC {held}, calibration error {figures['ece']}")
    return {
        "figures": {name: figure.as_dict() for name, figure in figures.items()},
        "features": table,
        "decoys_picked": [s.decoys for s in judged.selections],
        "false_picks_at_most": [s.bound for s in judged.selections],
        "bins": BINS,
        "needed": NEEDED,
        "published": PUBLISHED,
        "splits": {
            split: {name: figure.as_dict() for name, figure in found.items()}
            for split, found in compared.items()
        },
        "notes": notes,
    }


def compare(encounters: Encounters, seed: int) -> dict[str, dict[str, Interval]]:
    """Return the AUC of this model and of plain ones, for each split of the encounters."""
    models: dict[str, tuple[readmission_splits.Build, Sequence[str]]] = {
        "this model": (build, ()),
        "this model, without invented days": (build, readmission_splits.INVENTED),
        "gradient boosting, defaults": (readmission_splits.default_boosting, ()),
        "logistic regression": (readmission_splits.logistic_regression(encounters.features), ()),
    }
    return {
        split.name: readmission_splits.judge(encounters, split, models, seed)
        for split in readmission_splits.splits(encounters, FOLDS, seed)
    }


def build(seed: int) -> Estimator:
    """Return an unfitted model.

    Its log loss and small steps make it calibrated by itself. A sigmoid on top, fitted on inner
    folds by patient, was tried: an error of 0.0038 in place of 0.0049, for four times the work.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(  # type: ignore[no-any-return]
        max_iter=200,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        l2_regularization=5.0,
        max_features=0.4,
        categorical_features="from_dtype",
        early_stopping=False,
        random_state=seed,
    )


def judge(
    encounters: Encounters,
    rounds: int,
    seed: int,
    pairs: int = Selection().pairs,
    permute: bool = True,
) -> Judged:
    """Score every encounter by a model of other patients, once per round.

    The first round also selects features and computes their permutation importance.
    """
    from sklearn.model_selection import GroupKFold

    features, labels, patient = encounters.features, encounters.readmitted, encounters.patient
    n = len(labels)
    judged = Judged()
    random = np.random.default_rng(seed)
    if permute:
        judged.shuffled = {str(name): [np.empty(n)] for name in features}
    for number in range(rounds):
        folds = GroupKFold(FOLDS, shuffle=True, random_state=seed + number)
        whole, selected = np.empty(n), np.empty(n)
        for train, test in folds.split(features, labels, patient):
            known, unseen = features.iloc[train], features.iloc[test]
            model = build(seed).fit(known, labels[train])
            whole[test] = model.predict_proba(unseen)[:, 1]
            if number > 0:
                continue
            rows = known.reset_index(drop=True)
            selection = select(rows, labels[train], patient[train], seed, Selection(pairs=pairs))
            judged.selections.append(selection)
            selected[test] = labels[train].mean()  # the prevalence, if no feature is kept
            if kept := selection.kept:
                fewer = build(seed).fit(known[kept], labels[train])
                selected[test] = fewer.predict_proba(unseen[kept])[:, 1]
            for name, scores in judged.shuffled.items():
                mixed = unseen.copy()
                mixed[name] = unseen[name].to_numpy()[random.permutation(len(test))]
                mixed[name] = mixed[name].astype(unseen[name].dtype)
                scores[0][test] = model.predict_proba(mixed)[:, 1]
        judged.whole.append(whole)
        if number == 0:
            judged.selected.append(selected)
    return judged


def figures_of(encounters: Encounters, judged: Judged) -> dict[str, Interval]:
    """Return the figures with intervals by bootstrap over patients."""
    labels, patient = encounters.readmitted, encounters.patient
    first, selected = judged.whole[0], judged.selected[0]
    figures = {
        "auc": mean_of([auc(labels, scores) for scores in judged.whole]),
        "ece": mean_of([calibration_error(labels, scores) for scores in judged.whole]),
        "auc_first_round": auc(labels, first),
        "auc_selected": auc(labels, selected),
        "ece_selected": calibration_error(labels, selected),
        "auc_lost_by_selection": difference(auc(labels, first), auc(labels, selected)),
    }
    return {name: interval(figure, patient) for name, figure in figures.items()}


def importance(encounters: Encounters, judged: Judged) -> list[dict[str, Any]]:
    """Return a row per feature, the most important first.

    ``auc_lost`` is the loss of AUC when it is shuffled among unseen patients, ``picked`` the share
    of half-samples that selected it, and ``kept_in`` the number of folds that kept it.
    """
    labels, patient = encounters.readmitted, encounters.patient
    flat = constant(encounters.features)
    base = auc(labels, judged.whole[0])
    table = []
    for name, (scores,) in judged.shuffled.items():
        lost = interval(difference(base, auc(labels, scores)), patient, 0, _IMPORTANCE_DRAWS)
        picked = float(np.mean([s.picked[name] for s in judged.selections]))
        kept_in = sum(name in s.kept for s in judged.selections)
        table.append(
            {
                "feature": name,
                "auc_lost": lost.as_dict(),
                "picked": picked,
                "kept_in": kept_in,
                "why": _why(name, picked, kept_in, flat),
            }
        )
    return sorted(table, key=lambda row: -row["auc_lost"]["value"])


def _why(name: str, picked: float, kept_in: int, flat: Sequence[str]) -> str:
    if kept_in == FOLDS:
        return "kept"
    if name in flat:
        return "dropped: it has one value"
    fate = "dropped" if kept_in == 0 else f"dropped in {FOLDS - kept_in} of {FOLDS} folds"
    return f"{fate}: picked on {picked:.0%} of the halves, {Selection().share:.0%} are asked for"


def _print_compared(compared: Mapping[str, Mapping[str, Interval]]) -> None:
    click.echo(
        f"by time: learnt from the first {readmission_splits.LEARNT:.0%} of the encounters, judged "
        f"on the rest\n\n{'AUC':50}" + "".join(f"{split:>28}" for split in compared)
    )
    for name in next(iter(compared.values())):
        click.echo(f"{name:50}" + "".join(f"{found[name]!s:>28}" for found in compared.values()))


def _print(
    figures: Mapping[str, Interval],
    table: Sequence[Mapping[str, Any]],
    selections: Sequence[Picks],
    notes: Mapping[str, Any],
) -> None:
    click.echo(f"\n{'by patient':34}AUC (95 % of patients drawn again)")
    click.echo(f"{'all features':34}{figures['auc']}")
    click.echo(f"{'all features, first round':34}{figures['auc_first_round']}")
    click.echo(f"{'selected features, first round':34}{figures['auc_selected']}")
    click.echo(f"{'lost by the selection':34}{figures['auc_lost_by_selection']}")
    for name, value in PUBLISHED.items():
        click.echo(f"{name + ' (published)':34}{value:.3f}")
    click.echo(
        f"\nexpected calibration error, {BINS} bins of equal mass: {figures['ece']}, "
        f"with selected features {figures['ece_selected']}\n"
        "(noise adds to an error that is never negative: its draws lie above it)"
    )
    click.echo(f"\n{'feature':30}{'AUC lost when shuffled':>34}{'picked':>8}  fate")
    for row in table:
        lost = Interval(**row["auc_lost"])
        click.echo(f"{row['feature']:30}{lost!s:>34}{row['picked']:>8.2f}  {row['why']}")
    decoys = sum(len(s.decoys) for s in selections)
    kept = sum(s.decoys_kept for s in selections)
    click.echo(
        f"\nof {decoys} shuffled copies {kept} would have been kept; by the bound for "
        f"exchangeable features at most {max(s.bound for s in selections):.0f} a fold are noise"
    )
    click.echo(
        f"\nnotes alone: section of {notes['tested']} notes among {notes['sections']}, accuracy "
        f"{Interval(**notes['accuracy'])}, the most common section {notes['majority']:.2f}"
    )
