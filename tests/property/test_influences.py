"""The influence of a row is how fast the metric changes with its weight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.statistics.influences import INFLUENCES, influence
from streamsim.streams.statistics.intervals import calibration_error
from streamsim.streams.statistics.quality import METRICS, at_threshold, weighted_metric

ROW = st.tuples(
    st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), st.integers(0, 1), st.sampled_from([0.25, 1.0, 2.0])
)
STEP = 1e-6


def columns(rows: list[tuple[float, int, float]]) -> list[np.ndarray]:
    return [np.array(column, np.float64) for column in zip(*rows, strict=True)]


def test_every_metric_has_an_influence() -> None:
    assert INFLUENCES.keys() == METRICS.keys()


@pytest.mark.parametrize("name", sorted(METRICS.keys() - {"calibration_error"}))
@given(rows=st.lists(ROW, min_size=2, max_size=12))
def test_it_is_the_derivative(name: str, rows: list[tuple[float, int, float]]) -> None:
    metric = at_threshold(name, 0.5)
    scores, labels, weights = columns(rows)
    value = weighted_metric(metric)
    if math.isnan(value(scores, labels, weights)):
        return
    found = influence(metric)(scores, labels, weights)
    for row in range(len(rows)):
        nudge = np.zeros(len(rows))
        nudge[row] = STEP
        up, down = (value(scores, labels, weights + sign * nudge) for sign in (1, -1))
        assert found[row] == pytest.approx((up - down) / (2 * STEP), abs=1e-5)
    # Weights that all grow alike change nothing.
    assert weights @ found == pytest.approx(0, abs=1e-12)


def test_that_of_a_calibration_error_is_the_derivative_within_a_bin() -> None:
    draw = np.random.default_rng(0)
    scores = draw.random(600)
    labels = (draw.random(600) < scores**2).astype(np.float64)
    found = influence("calibration_error")(scores, labels, np.ones(600))
    error = calibration_error(labels.astype(np.int64), scores)
    nudge = np.ones((2, 600))
    # The rows at the top: to weigh them more moves the edges of the bins by next to nothing.
    row = int(np.argmax(scores))
    nudge[:, row] += (STEP, -STEP)
    up, down = error(nudge)
    assert found[row] == pytest.approx((up - down) / (2 * STEP), rel=0.05)


@given(rows=st.lists(ROW, min_size=1, max_size=15), order=st.randoms(use_true_random=False))
@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_does_not_depend_on_the_order_of_rows(
    name: str, rows: list[tuple[float, int, float]], order: object
) -> None:
    metric = weighted_metric(at_threshold(name, 0.5))
    mixed = list(rows)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    first, second = (columns(own) for own in (rows, mixed))
    if name == "calibration_error":  # equal scores share their positives; weights move the edges
        first[2], second[2] = np.ones(len(rows)), np.ones(len(rows))
    assert metric(*first) == pytest.approx(metric(*second), abs=1e-9, nan_ok=True)


@given(rows=st.lists(ROW, min_size=1, max_size=12))
@pytest.mark.parametrize("name", sorted(METRICS.keys() - {"calibration_error"}))
def test_a_row_of_weight_two_is_two_rows(name: str, rows: list[tuple[float, int, float]]) -> None:
    metric = weighted_metric(at_threshold(name, 0.5))
    scores, labels, _ = columns(rows)
    times = np.arange(len(rows)) % 3
    repeated = metric(np.repeat(scores, times), np.repeat(labels, times))
    weighted = metric(scores, labels, times.astype(np.float64))
    assert repeated == pytest.approx(weighted, nan_ok=True)
