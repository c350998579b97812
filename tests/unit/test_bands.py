"""Confidence bands hold the true value as often as they say, and match resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsim.consumers.monitor.prequential.bands import band, effective_count
from streamsim.streams.statistics.intervals import interval, per_draw
from streamsim.streams.statistics.quality import METRICS, at_threshold, weighted_metric

NAMES = sorted(at_threshold(name, 0.3) for name in METRICS)


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are true chances, mostly low, and labels."""
    draw = np.random.default_rng(seed)
    chance = draw.beta(0.6, 3, n)
    return np.clip(np.round(chance, 6), 1e-6, 1 - 1e-6), (draw.random(n) < chance).astype(float)


TRUE = {name: weighted_metric(name)(*drawn(99, 400_000)) for name in NAMES}
TRUE["calibration_error"] = 0.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fading", [False, True])
def test_the_true_value_is_in_nineteen_bands_of_twenty(name: str, fading: bool) -> None:
    """With a fixed seed: of 200 windows of 800 rows, 181 to 200 bands hold the true value."""
    weights = np.exp2(-np.linspace(0, 2, 800)) if fading else None
    held = 0
    for seed in range(200):
        found = band(name, *drawn(seed, 800), weights)
        assert found.low <= found.value <= found.high
        held += found.low <= TRUE[name] <= found.high
    assert held >= 181
    if name != "calibration_error":  # no value of a sample is 0, so its band reaches down to it
        assert held < 200


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"calibration_error"}))
def test_a_band_is_as_wide_as_that_of_a_bootstrap(name: str) -> None:
    scores, labels = drawn(1, 3_000)
    metric = weighted_metric(name)
    ours = band(name, scores, labels)
    theirs = interval(per_draw(lambda w: metric(scores, labels, w)), np.arange(3_000), draws=300)
    assert ours.high - ours.low == pytest.approx(theirs.high - theirs.low, rel=0.2)


def test_a_wrong_calibration_is_beyond_its_band_and_a_right_one_is_not() -> None:
    scores, labels = drawn(2, 20_000)
    assert band("calibration_error", scores, labels).low == 0
    wrong = band("calibration_error", np.clip(scores + 0.1, 0, 1), labels)
    assert 0.08 < wrong.low < 0.1 < wrong.high < 0.12


def test_a_perfect_area_has_a_band_that_few_rows_widen() -> None:
    few, many = (
        band("roc_auc", np.arange(n) / n, (np.arange(n) >= n // 2).astype(float)) for n in (10, 400)
    )
    assert few.value == many.value == few.high == 1
    assert few.low < 0.6 < 0.95 < many.low


def test_a_higher_level_is_a_wider_band_and_nothing_known_is_nan() -> None:
    scores, labels = drawn(3, 500)
    for name in NAMES:
        usual, strict = (band(name, scores, labels, level=level) for level in (0.95, 0.999))
        assert strict.low <= usual.low < usual.high <= strict.high
        assert strict.high - strict.low > usual.high - usual.low
    assert math.isnan(band("roc_auc", scores, np.zeros(500)).low)
    assert math.isnan(band("mae", np.empty(0), np.empty(0)).high)


def test_weights_count_as_fewer_rows() -> None:
    assert effective_count(np.exp2(-np.arange(40.0))) == pytest.approx(3.0)
    scores, labels = drawn(4, 1_000)
    steep = np.exp2(-np.linspace(0, 8, 1_000))
    for name in set(NAMES) - {"calibration_error"}:
        flat, faded = band(name, scores, labels), band(name, scores, labels, steep)
        assert faded.high - faded.low > 1.2 * (flat.high - flat.low), name
