"""Figures of closed loops, of invented runs: what counts as noticed, back, and in vain."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from streamsim.benchmarks.closed_loop.driven_loop import AGAIN, OPENED, Happened, Told
from streamsim.benchmarks.closed_loop.loop_figures import (
    LoopFigures,
    estimate_errors,
    figures_of,
    together,
)
from streamsim.benchmarks.closed_loop.loop_worlds import WORLDS, LoopWorld
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DAY

FINANCE = load_domain("finance")
WORLD = LoopWorld(days=100, change_day=30, judged=20)
DELAY = FINANCE.labels.delay // DAY


def run(*happened: tuple[float, str], good_until: float = 100, good_from: float = 100) -> Told:
    """Invent a run with 1,000 events a day, whose model is right at times, and else a coin."""
    times = np.arange(0, (100 - DELAY) * DAY, DAY // 1_000)
    labels = (np.arange(len(times)) % 20 == 0).astype(np.float64)
    days = times / DAY
    good = (days < good_until) | (days >= good_from)
    coin = np.random.default_rng(0).random(len(times))
    epoch = FINANCE.world.epoch
    noted = tuple(Happened(epoch + int(day * DAY), what, "") for day, what in happened)
    return Told(times + epoch, np.where(good, labels, coin), labels, 1, noted)


def judged(*happened: tuple[float, str], idle: tuple[tuple[float, str], ...] = ()) -> LoopFigures:
    looped = run(*happened, good_until=30, good_from=60)
    return figures_of(FINANCE, WORLD, looped, run(good_until=30), run(*idle))


def test_the_metric_falls_comes_back_and_stays_down_without_the_loop() -> None:
    own = judged((41, OPENED), (45, "learning"), (46, "better"), (60, "promoted"))
    assert (own.before, own.end, own.unchanged, own.recovery) == (1.0, 1.0, 1.0, 1.0)
    assert own.lowest == pytest.approx(0.05, abs=0.02)
    assert own.control == pytest.approx(0.05, abs=0.02)
    assert own.is_back(0.05)
    assert own.stays_down(0.05)
    assert (own.detected, own.promoted) == (11, 30)
    assert own.back == pytest.approx(30 + FINANCE.alerting.accuracy.span / DAY, abs=1)
    assert (own.learnings, own.promotions, own.refused, own.rolled_back) == (1, 1, 0, 0)


def test_an_alarm_before_labels_of_changed_events_are_known_is_no_detection() -> None:
    assert judged((20, OPENED), (32, OPENED), (30 + DELAY + 3, AGAIN)).detected == DELAY + 3
    assert math.isnan(judged((20, OPENED), (32, OPENED)).detected)


def test_a_promotion_before_that_is_a_false_one() -> None:
    own = judged((33, "promoted"))
    assert own.false_promotions == 1
    assert math.isnan(own.promoted)


def test_of_several_promotions_the_first_one_counts() -> None:
    own = judged((41, OPENED), (55, "promoted"), (80, "promoted"))
    assert (own.promoted, own.promotions) == (25, 2)
    assert math.isnan(figures_of(FINANCE, WORLD, *[run(good_until=30)] * 3).back)


def test_what_an_unchanged_world_brings_about_is_in_vain() -> None:
    own = judged(idle=((40, OPENED), (44, "learning"), (50, "promoted"), (60, "learning")))
    assert (own.false_alarms, own.false_learnings, own.false_promotions) == (1, 2, 1)


def test_seeds_are_put_together_over_those_where_a_figure_is_known() -> None:
    found = judged((41, OPENED), (60, "promoted"))
    never = replace(found, detected=math.nan, promoted=math.nan, end=0.1)
    whole = together([found, replace(found, detected=13.0), never], distance=0.05)
    assert whole["detected"].value == 12
    assert whole["share_detected"].value == pytest.approx(2 / 3)
    assert 0 < whole["share_back"].low < 2 / 3 < whole["share_back"].high < 1
    assert whole["share_false"].value == 0
    assert whole["share_false"].high > 0.3  # three seeds prove little


def test_the_judged_periods_of_a_world_lie_in_it() -> None:
    with pytest.raises(UsageError, match="do not fit into 100 days"):
        LoopWorld(days=100, change_day=30, judged=40)
    for name, world in WORLDS.items():
        spec = load_domain(name)
        assert "change_day" in spec.world.options
        settled = world.change_day * DAY + spec.labels.delay + world.judged * DAY
        assert settled < world.days * DAY - spec.labels.delay, name


def test_estimates_are_compared_with_what_labels_said_of_their_windows() -> None:
    told = [(3, 0.7, 1, 0.9), (4, 0.8, 2, 0.6), (5, 0.5, 3, 0.8), (6, 0.4, 4, 0.5)]
    estimates = tuple(
        {"until": until, "value": value, "labelled_until": known, "labelled": labelled}
        for until, value, known, labelled in told
    )
    found = estimate_errors(replace(run(), estimates=estimates))
    # Only the windows up to 3 and 4 have labels: 0.8 and 0.5.
    assert found["estimate_off"] == pytest.approx((0.1 + 0.3) / 2)
    assert found["known_off"] == pytest.approx((0.1 + 0.1) / 2)
    assert all(math.isnan(value) for value in estimate_errors(run()).values())
