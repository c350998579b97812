"""Metrics by name: they are those of scikit-learn, with weights and without."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sk

from streamsim.streams.errors import UsageError
from streamsim.streams.statistics.quality import (
    LOWER_IS_BETTER,
    METRICS,
    at_threshold,
    find_metric,
    ndcg,
    weighted_metric,
)

DRAW = np.random.default_rng(7)
LABELS = (DRAW.random(600) < 0.3).astype(np.float64)
# Rounded, so that there are ties; never 0 or 1, where a log loss depends on who clips.
SCORES = np.clip(np.round(LABELS * 0.3 + 0.7 * DRAW.random(600), 2), 0.01, 0.99)
CLASSES = (SCORES >= 0.4).astype(np.float64)
WEIGHTS = DRAW.integers(0, 4, 600) / 2

THEIRS: dict[str, tuple[Callable[..., float], np.ndarray]] = {
    "accuracy@0.4": (sk.accuracy_score, CLASSES),
    "precision@0.4": (sk.precision_score, CLASSES),
    "recall@0.4": (sk.recall_score, CLASSES),
    "average_precision": (sk.average_precision_score, SCORES),
    "roc_auc": (sk.roc_auc_score, SCORES),
    "log_loss": (sk.log_loss, SCORES),
    "brier": (sk.brier_score_loss, SCORES),
    "mae": (sk.mean_absolute_error, SCORES),
    "rmse": (sk.root_mean_squared_error, SCORES),
}


@pytest.mark.parametrize("name", THEIRS)
def test_a_metric_is_that_of_scikit_learn(name: str) -> None:
    theirs, predictions = THEIRS[name]
    ours = weighted_metric(name)
    assert ours(SCORES, LABELS) == pytest.approx(theirs(LABELS, predictions))
    expected = theirs(LABELS, predictions, sample_weight=WEIGHTS)
    assert ours(SCORES, LABELS, WEIGHTS) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall"])
def test_without_a_threshold_classes_are_compared(name: str) -> None:
    plain, cut = weighted_metric(name), weighted_metric(at_threshold(name, 0.4))
    assert plain(CLASSES, LABELS) == cut(SCORES, LABELS)
    several, true = np.array([0.0, 1, 2, 2]), np.array([0.0, 1, 1, 2])
    assert METRICS["accuracy"](several, true) == 0.75


def test_every_metric_that_is_worse_for_worse_scores_says_which_way() -> None:
    worse = 1 - SCORES
    for name in METRICS.keys() - {"hit_rate"}:
        metric, lower_is_better = find_metric(at_threshold(name, 0.4))
        assert (metric(worse, LABELS) > metric(SCORES, LABELS)) == lower_is_better, name
        assert lower_is_better == (name in LOWER_IS_BETTER)


def test_what_is_undefined_is_nan() -> None:
    none, ones = np.zeros(5), np.ones(5)
    for name in ("roc_auc", "average_precision"):
        assert math.isnan(METRICS[name](SCORES[:5], none))
        assert math.isnan(METRICS[name](SCORES[:5], ones))
        weighted = METRICS[name](np.arange(2.0), np.arange(2.0), np.array([1.0, 0.0]))
        assert math.isnan(weighted), "all that weighs has one label"
    assert math.isnan(METRICS["precision"](none, ones))
    assert math.isnan(METRICS["recall"](ones, none))
    for name in METRICS:
        assert math.isnan(METRICS[name](np.empty(0), np.empty(0))), name


def test_a_sure_score_that_is_wrong_costs_no_infinite_log_loss() -> None:
    assert METRICS["log_loss"](np.array([0.0]), np.array([1.0])) == pytest.approx(14.5, abs=0.1)
    assert METRICS["log_loss"](np.array([1.0]), np.array([1.0])) < 1e-6


def test_a_name_that_is_no_metric_is_told_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"no metric 'f1'; there are .*roc_auc"):
        find_metric("f1")
    with pytest.raises(UsageError, match=r"no metric 'f1@0.5'"):
        find_metric("f1@0.5")
    with pytest.raises(UsageError, match="mae has no threshold"):
        find_metric("mae@0.5")
    for text in ("", "high", "nan"):
        with pytest.raises(UsageError, match=r"a threshold is a number, as in recall@0\.5"):
            find_metric(f"recall@{text}")


def test_a_score_at_the_threshold_counts_as_an_alert_does() -> None:
    assert weighted_metric("recall@0.3")(np.array([0.3, 300_000 / 1e6]), np.ones(2)) == 1


def test_the_gain_of_a_rank_is_that_of_scikit_learn() -> None:
    ranks, size = np.array([1, 2, 5, 0, 3]), 5
    slates = np.zeros((len(ranks), size))
    for row, rank in enumerate(ranks):
        if rank:
            slates[row, rank - 1] = 1
    order = np.tile(np.arange(size, 0, -1), (len(ranks), 1))
    assert ndcg(ranks) == pytest.approx(sk.ndcg_score(slates, order))
