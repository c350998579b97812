"""Thresholds are learnt from scores of events that the model had not seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsim.models.thresholds import (
    NEVER,
    AlertBudget,
    accuracy_threshold,
    alert_threshold,
    threshold_at,
    threshold_per_day,
)
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec import DAY, HOUR, Accuracy

RULE = load_domain("finance").alerting.rule
FADING = replace(RULE, eligible=lambda features: features[:, 0] > 0)
SCORES = np.arange(1, 101) / 100


def features(*meant: int) -> np.ndarray:
    found = np.zeros((100, 1), np.float32)
    found[list(meant)] = 1
    return found


def test_so_many_ordinary_events_may_raise_an_alert() -> None:
    found = alert_threshold(RULE, (SCORES, features()), 0.05)
    assert (found <= SCORES).sum() == 5
    assert threshold_at(SCORES, 1.0) == 0.0


def test_so_many_events_a_day_may_raise_an_alert() -> None:
    times = np.linspace(0, 10 * DAY, 100).astype(np.int64)
    assert (threshold_per_day(SCORES, times, 2) <= SCORES).sum() == 20
    assert (threshold_per_day(SCORES, times, 0) <= SCORES).sum() == 0
    assert threshold_per_day(SCORES, times, 1e6) == 0.0


def test_a_rule_about_no_event_of_the_data_raises_no_alert() -> None:
    """Its lowest threshold would be that of events that it is not about: of any score."""
    assert alert_threshold(FADING, (SCORES, features()), 0.05) == NEVER


def test_a_rule_about_few_events_does_not_alert_about_all_of_them() -> None:
    """Three events are fewer than the share that may raise an alert."""
    assert alert_threshold(FADING, (SCORES, features(10, 20, 30)), 0.05) == SCORES[20]
    many = alert_threshold(FADING, (SCORES, features(*range(100))), 0.05)
    assert many == alert_threshold(RULE, (SCORES, features()), 0.05)


def test_a_budget_says_what_it_is() -> None:
    assert str(AlertBudget(2e-6)) == "at most 2e-06 of ordinary events"
    assert str(AlertBudget(per_day=20)) == "at most 20 alerts a day"


def hits(*rates: float, per_day: int = 100) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times, scores and labels of days with these hit rates."""
    labels = np.concatenate([np.arange(per_day) < rate * per_day for rate in rates])
    times = np.arange(len(labels)) * (DAY // per_day)
    return times, np.zeros(len(labels)), labels.astype(np.int64)


HIT_RATE = Accuracy("hit_rate", 0.9, margin=0.02, min_samples=50, span=DAY, step=DAY)


@pytest.mark.parametrize(("bad", "found"), [(1, 0.28), (3, 0.18)])
def test_accuracy_is_low_below_what_nine_in_ten_windows_reach(bad: int, found: float) -> None:
    """The first days do not count: they have no history to predict from."""
    rates = [*[0.01] * 8, *[0.3] * 2, *[0.2] * bad, *[0.3] * (10 - bad)]
    assert accuracy_threshold(HIT_RATE, *hits(*rates)) == found


def test_an_error_is_high_above_it() -> None:
    own = replace(HIT_RATE, metric="mae")
    assert accuracy_threshold(own, *hits(*[0.3] * 18)) == 0.32


def test_events_need_no_order_and_windows_hold_no_more_than_they_may() -> None:
    times, scores, labels = hits(*[0.3] * 10)
    own = replace(HIT_RATE, step=12 * HOUR)
    shuffled = np.random.default_rng(0).permutation(len(times))
    found = accuracy_threshold(own, times, scores, labels)
    assert accuracy_threshold(own, times[shuffled], scores[shuffled], labels[shuffled]) == found
    assert accuracy_threshold(replace(own, count=60, min_samples=61), times, scores, labels) is None


def test_without_enough_events_or_classes_it_stays_that_of_the_domain() -> None:
    assert accuracy_threshold(HIT_RATE, *hits(0.5, per_day=40)) is None
    assert accuracy_threshold(replace(HIT_RATE, metric="roc_auc"), *hits(0.0, 0.0)) is None
