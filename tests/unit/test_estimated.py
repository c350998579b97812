"""Estimates without labels: right while scores keep their meaning, and judged when they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsim.consumers.monitor.estimation.calibration_map import CalibrationMap, fit_calibration
from streamsim.consumers.monitor.estimation.estimated import estimated
from streamsim.consumers.monitor.estimation.judged_estimates import JudgedEstimates
from streamsim.consumers.state.store import Parts
from streamsim.streams.errors import UsageError
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import METRICS, at_threshold, weighted_metric
from streamsim.streams.stored.packing import pack, unpack
from tests.snapshots import restored

NAMES = sorted(at_threshold(name, 0.3) for name in METRICS.keys() - {"mae", "rmse"})


def drawn(seed: int, n: int, low: float = 0.6, high: float = 3) -> tuple[np.ndarray, np.ndarray]:
    """True chances of a beta distribution, and labels."""
    draw = np.random.default_rng(seed)
    chance = np.round(draw.beta(low, high, n), 6)
    return chance, (draw.random(n) < chance).astype(float)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"calibration_error"}))
@pytest.mark.parametrize("fading", [False, True])
def test_the_true_value_is_in_the_band_of_the_estimate(name: str, fading: bool) -> None:
    weights = np.exp2(-np.linspace(0, 2, 800)) if fading else None
    held = 0
    for seed in range(100):
        chance, labels = drawn(seed, 800)
        own = estimated(name, chance, chance, weights)
        held += own.low <= weighted_metric(name)(chance, labels, weights) <= own.high
    assert 88 <= held < 100


def test_an_estimated_calibration_error_is_that_of_the_scores() -> None:
    chance, _ = drawn(0, 5_000)
    assert estimated("calibration_error", chance, chance).value == pytest.approx(0, abs=1e-9)
    assert estimated("calibration_error", chance / 2, chance).value == pytest.approx(
        chance.mean() / 2
    )


@pytest.mark.parametrize("name", NAMES)
def test_it_follows_a_change_of_which_events_come(name: str) -> None:
    """Covariate shift: the scores are other ones, and mean what they meant."""
    reference, labels = drawn(1, 40_000)
    boastful = np.round(np.sqrt(reference), 6)  # scores that a calibration map must mend
    chances = fit_calibration(boastful, labels)
    before = estimated(name, boastful, chances.of(boastful))
    new, true = drawn(2, 40_000, 1.5, 2)
    scores = np.round(np.sqrt(new), 6)
    found = estimated(name, scores, chances.of(scores))
    said = weighted_metric(name)(scores, true)
    assert abs(found.value - said) < 0.015
    assert abs(before.value - said) > 2 * abs(found.value - said)


def test_it_does_not_see_that_scores_changed_their_meaning_but_its_error_does() -> None:
    """Concept drift: from the tenth window on, half of the labels are flipped."""
    chances = fit_calibration(*drawn(1, 40_000))
    estimates = JudgedEstimates(latest=5)
    errors = []
    for at in range(20):
        scores, labels = drawn(100 + at, 5_000)
        own = estimated("roc_auc", scores, chances.of(scores))
        estimates.said(at, own)
        assert own.value == pytest.approx(0.833, abs=0.015), "what it estimates never changes"
        flipped = np.random.default_rng(at).random(5_000) < (0.5 if at >= 10 else 0)
        true = np.where(flipped, 1 - labels, labels)
        estimates.judged(at, weighted_metric("roc_auc")(scores, true))
        errors.append((estimates.mean_error, estimates.bias, estimates.inside))
    assert errors[9][0] < 0.02
    assert errors[9][2] >= 0.8
    assert errors[19][0] > 0.2
    assert errors[19][1] > 0.2, "too hopeful"
    assert errors[19][2] == 0


def test_a_map_never_falls_and_knows_no_certainty() -> None:
    draw = np.random.default_rng(0)
    scores = draw.random(30_000)
    chance = np.where(scores < 0.5, scores / 4, 0.1 + scores / 2)
    labels = (draw.random(30_000) < chance).astype(float)
    own = fit_calibration(scores, labels)
    grid = np.linspace(-1, 2, 2_000)
    assert (np.diff(own.of(grid)) >= 0).all()
    assert 0 < own.of(grid).min() < own.of(grid).max() < 1
    inside = np.linspace(0.02, 0.98, 200)
    true = np.where(inside < 0.5, inside / 4, 0.1 + inside / 2)
    assert np.abs(own.of(inside) - true).mean() < 0.02
    assert own.of(scores).mean() == pytest.approx(labels.mean(), abs=1e-3)


def test_a_map_is_that_of_scikit_learn_but_for_the_row_more() -> None:
    from sklearn.isotonic import IsotonicRegression

    scores, labels = drawn(5, 20_000)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    grid = np.linspace(0.02, 0.8, 300)
    assert np.abs(fit_calibration(scores, labels).of(grid) - theirs.predict(grid)).mean() < 0.01


def test_a_map_lives_through_a_restart() -> None:
    own = fit_calibration(*drawn(5, 500))
    again = CalibrationMap.restored(Parts([unpack(pack(own.snapshot()))]))
    assert (again.scores == own.scores).all()
    assert (again.chances == own.chances).all()
    with pytest.raises(ValueError, match="no calibration map"):
        CalibrationMap.restored(Parts([]))


def test_scores_of_one_label_make_no_map() -> None:
    for labels in (np.zeros(5), np.ones(5), np.empty(0)):
        with pytest.raises(UsageError, match="both labels"):
            fit_calibration(np.arange(len(labels)) / 5, labels)


def test_what_cannot_be_estimated_is_said() -> None:
    chance, _ = drawn(0, 50)
    with pytest.raises(UsageError, match="mae cannot be estimated without labels"):
        estimated("mae", chance, chance)
    with pytest.raises(UsageError, match=r"write precision@0\.5"):
        estimated("precision", chance, chance)
    assert math.isnan(estimated("roc_auc", np.empty(0), np.empty(0)).value)
    assert math.isnan(estimated("precision@1.5", chance, chance).value)


def test_judged_estimates_live_through_a_restart_and_are_judged_once() -> None:
    own = JudgedEstimates()
    for at in (1, 2, 3):
        own.said(at, Interval(0.7 + at / 100, 0.6, 0.8))
    own.said(4, Interval(math.nan, math.nan, math.nan))
    first = own.judged(1, 0.9)
    assert first is not None
    assert (first.is_inside, round(first.error, 6)) == (False, -0.19)
    assert own.judged(1, 0.9) is None
    assert own.judged(2, math.nan) is None
    assert own.judged(4, 0.5) is None
    again = restored(JudgedEstimates(), own)
    estimate = Interval(0.5, 0.4, 0.6)
    assert again.as_body(estimate) == own.as_body(estimate)
    assert again.as_body(estimate) == {
        "value": 0.5, "low": 0.4, "high": 0.6,
        "mean_error": 0.19, "bias": -0.19, "inside": 0.0, "judged": 1,
    }  # fmt: skip
    assert again.judged(3, 0.73) == own.judged(3, 0.73) is not None
    assert JudgedEstimates().as_body(estimate)["mean_error"] is None
