"""The gain of one version over another on the same events, and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsim.consumers.monitor.prequential.paired import gain
from streamsim.streams.events import Floats
from streamsim.streams.statistics.quality import find_metric

METRICS = ("roc_auc", "average_precision", "brier", "log_loss")


def drawn(seed: int, n: int = 400, noise: float = 0.1) -> tuple[Floats, Floats, Floats]:
    """Return chances, the same with noise, and labels that are drawn from the chances."""
    draw = np.random.default_rng(seed)
    chance = draw.beta(1, 3, n)
    other = np.clip(chance + draw.normal(0, noise, n), 0.01, 0.99)
    return chance, other, (draw.random(n) < chance).astype(float)


@pytest.mark.parametrize("metric", METRICS)
def test_a_version_gains_nothing_over_itself_and_the_sign_turns_with_the_sides(
    metric: str,
) -> None:
    chance, other, labels = drawn(1)
    same = gain(metric, chance, chance, labels)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    one, two = gain(metric, chance, other, labels), gain(metric, other, chance, labels)
    assert (one.value, one.low, one.high) == pytest.approx((-two.value, -two.high, -two.low))
    measure, lower_is_better = find_metric(metric)
    apart = float(measure(chance, labels)) - float(measure(other, labels))
    assert one.value == pytest.approx(-apart if lower_is_better else apart)


@pytest.mark.parametrize("metric", METRICS)
def test_the_interval_holds_the_true_gain_as_often_as_it_says(metric: str) -> None:
    many = gain(metric, *drawn(99, 200_000))
    held = 0
    for seed in range(200):
        own = gain(metric, *drawn(seed))
        held += own.low <= many.value <= own.high
    assert 176 <= held <= 200  # 95 % of 200 are 190; fewer than 176 come by chance once in 10,000


def test_errors_on_the_same_events_cancel() -> None:
    chance, _, labels = drawn(3)
    near = gain("brier", chance, np.clip(chance + 0.01, 0, 1), labels)
    far = gain("brier", chance, np.full(len(labels), chance.mean()), labels)
    assert near.high - near.low < (far.high - far.low) / 5


def test_without_events_or_with_one_class_it_is_unknown() -> None:
    none = np.empty(0)
    for own in (gain("brier", none, none, none), gain("roc_auc", *drawn(1)[:2], np.zeros(400))):
        assert all(map(math.isnan, (own.value, own.low, own.high)))
