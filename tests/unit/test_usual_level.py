"""What a metric usually is, and from which figure on it is worse."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsim.consumers.monitor.prequential.usual_level import MOST_STEPS, Judged, UsualLevel
from streamsim.streams.spec import DAY, Accuracy
from streamsim.streams.statistics.intervals import Interval

HIT = Accuracy("roc_auc", 0.6, 0.05, 100, 4 * DAY, DAY)
WIDE = Accuracy("roc_auc", 0.6, 0.1, 100, 4 * DAY, DAY)
ERROR = Accuracy("rmse", 2.0, 0.05, 100, 4 * DAY, DAY)


def told(
    level: UsualLevel, values: list[float], begin: int = 1, half: float = 0.01
) -> list[Judged | None]:
    return [
        level.judge((begin + day) * DAY, Interval(value, value - half, value + half))
        for day, value in enumerate(values)
    ]


def test_it_judges_from_the_second_full_window_on() -> None:
    level = UsualLevel(HIT)
    found = told(level, [0.5] * 3 + [0.8] * 6)
    assert [own is None for own in found] == [True] * 8 + [False]
    assert level.windows == 1 + 5 / 4
    assert level.value == 0.8


def test_a_steady_metric_is_bad_beyond_the_margin() -> None:
    level = UsualLevel(HIT)
    told(level, [0.8] * 40)
    within, beyond = told(level, [0.76, 0.74], 41)
    assert within is not None
    assert beyond is not None
    assert (within.bound, within.is_bad, within.is_good) == (pytest.approx(0.75), False, False)
    assert beyond.is_bad
    assert level.value == 0.8


def test_a_metric_that_varies_is_bad_beyond_what_it_varies_by() -> None:
    """The limit is passed by chance about as often as its confidence says."""
    random = np.random.default_rng(4)
    passed = judged = 0
    for _ in range(200):
        level = UsualLevel(WIDE)
        told(level, random.normal(0.7, 0.1, size=60).tolist())
        (last,) = told(level, [float(random.normal(0.7, 0.1))], 61)
        assert last is not None
        assert 0.3 < last.bound < 0.6
        judged += 1
        passed += last.is_bad
    assert passed / judged < 0.08


def test_a_loss_of_four_margins_is_bad_however_few_windows_are_known() -> None:
    level = UsualLevel(HIT)
    told(level, [0.9, 0.7, 0.9, 0.7, 0.9, 0.7, 0.9, 0.7, 0.9])
    beyond, within = told(level, [0.59, 0.61], 10)
    assert within is not None
    assert beyond is not None
    assert (within.is_bad, beyond.is_bad) == (False, True)
    assert within.bound == beyond.bound == pytest.approx(0.6)


def test_a_figure_that_its_rows_explain_is_not_bad() -> None:
    level = UsualLevel(HIT)
    told(level, [0.8] * 40)
    (wide,) = told(level, [0.7], 41, half=0.2)
    assert wide is not None
    assert not wide.is_bad


def test_of_an_error_more_is_worse() -> None:
    level = UsualLevel(ERROR)
    told(level, [1.0] * 40)
    worse, better = told(level, [1.2, 0.5], 41)
    assert worse is not None
    assert better is not None
    assert (worse.is_bad, better.is_good) == (True, True)
    assert worse.bound == pytest.approx(1.05)


def test_it_goes_on_from_a_snapshot_and_remembers_the_newest() -> None:
    level, again = UsualLevel(HIT), UsualLevel(HIT)
    told(level, [0.82] * MOST_STEPS + [0.8] * 150)
    assert level.value == 0.8
    again.restore(level.snapshot())
    assert again.value == level.value
    assert told(again, [0.7, 0.8], 400) == told(level, [0.7, 0.8], 400)
    fresh = UsualLevel(HIT)
    fresh.restore(UsualLevel(HIT).snapshot())
    assert math.isnan(fresh.value)
    assert fresh.windows == 0
