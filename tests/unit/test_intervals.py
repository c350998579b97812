"""Intervals are of groups, and weighted figures are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from streamsim.streams.statistics.intervals import (
    auc,
    average_precision,
    calibration_error,
    interval,
    per_draw,
)

DRAW = np.random.default_rng(3)
LABELS = (DRAW.random(400) < 0.2).astype(np.int64)
SCORES = np.round(LABELS * 0.3 + DRAW.random(400), 1)  # rounded, so that there are ties
WEIGHTS = DRAW.integers(0, 4, (5, 400)).astype(np.float64)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(auc, roc_auc_score), (average_precision, average_precision_score)]
)
def test_a_weighted_figure_is_that_of_scikit_learn(ours: object, theirs: object) -> None:
    found = ours(LABELS, SCORES)(WEIGHTS)  # type: ignore[operator]
    for own, value in zip(WEIGHTS, found, strict=True):
        assert value == pytest.approx(theirs(LABELS, SCORES, sample_weight=own))  # type: ignore[operator]


def test_an_interval_is_of_groups_not_of_rows() -> None:
    """Twenty groups, each of a value of its own: a hundred copies of it teach nothing."""
    level = np.random.default_rng(0).normal(0, 1, 20)
    for copies in (1, 100):
        value, group = np.repeat(level, copies), np.repeat(np.arange(20), copies)
        found = interval(per_draw(lambda w, v=value: float(np.average(v, weights=w))), group)  # type: ignore[misc]
        assert found.value == pytest.approx(level.mean())
        assert found.high - found.low == pytest.approx(3.92 * level.std() / np.sqrt(20), rel=0.15)


def test_honest_chances_have_no_calibration_error_and_others_have_theirs() -> None:
    draw = np.random.default_rng(0)
    chance, ones = draw.random(40_000), np.ones((1, 40_000))
    happened = (draw.random(40_000) < chance).astype(np.int64)
    assert calibration_error(happened, chance)(ones)[0] < 0.01
    assert calibration_error(happened, np.clip(chance + 0.2, 0, 1))(ones)[0] > 0.15
    twice = calibration_error(np.tile(happened, 2), np.tile(chance, 2))(np.ones((1, 80_000)))
    assert twice == pytest.approx(calibration_error(happened, chance)(2 * ones), rel=0.05)
