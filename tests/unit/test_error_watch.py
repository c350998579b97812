"""The watch over errors: when it alarms, what it says, and when all is well again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
import pytest

from streamsim.consumers.monitor.incidents.incident import Change, Turn
from streamsim.consumers.monitor.prequential.prequential_windows import NO_ROWS, Rows
from streamsim.simulator.run.life.watching.error_watch import ERROR_DRIFT, ErrorWatch
from streamsim.streams.spec import DAY
from tests.lives import FIRST, SPEC

N = 400


def day(number: int, wrong: float, *, unlabelled: bool = False) -> Rows:
    """Return a day's rows, so many of them wrong, spread evenly."""
    label = np.arange(N) % 2
    is_wrong = np.arange(N) * wrong % 1 < wrong
    score = np.where(is_wrong, 1 - label, label) * 800_000 + 100_000
    columns = np.zeros((2, N), np.int64)
    time = number * DAY + np.arange(N)
    return Rows(time, score, np.full(N, -1) if unlabelled else label, *columns)


def play(watch: ErrorWatch, rates: Sequence[float], begin: int = 0) -> list[Change]:
    """Tell days with such shares of errors from one on, each with the day before."""
    found = []
    for place in range(begin, len(rates)):
        rows = day(FIRST + place, rates[place])
        if place:
            rows = day(FIRST + place - 1, rates[place - 1]).joined(rows)
        found += watch.take_step((FIRST + place + 1) * DAY, "1", rows)
    return found


def test_a_rise_opens_one_incident_that_is_resolved_once_it_is_stable() -> None:
    told = play(ErrorWatch(SPEC), [0.02] * 10 + [0.2] * 3 + [0.02] * 20)
    assert [change.turn for change in told] == [Turn.OPENED, Turn.RESOLVED]
    opened, resolved = told
    assert opened.incident.cause.rule == ERROR_DRIFT
    assert opened.at == (FIRST + 12) * DAY + SPEC.labels.delay  # the second day of the rise
    assert opened.incident.since == (FIRST + 10) * DAY
    said = opened.incident.latest.text
    assert said == "wrong about 20.75% of the newest 800 scores, 2.00% before"
    assert resolved.at - opened.at >= SPEC.alerting.accuracy.span


@pytest.mark.parametrize("rates", [[0.05] * 30, [0.3] * 10 + [0.02] * 20])
def test_neither_many_errors_nor_a_fall_is_a_rise(rates: list[float]) -> None:
    assert play(ErrorWatch(SPEC), rates) == []


def test_a_new_champion_is_compared_with_itself() -> None:
    watch = ErrorWatch(SPEC)
    assert play(watch, [0.02] * 10) == []
    for number in range(FIRST + 10, FIRST + 20):
        assert watch.take_step((number + 1) * DAY, "2", day(number, 0.2)) == ()


def test_rows_of_earlier_steps_and_rows_without_a_label_do_not_count() -> None:
    watch, other = ErrorWatch(SPEC), ErrorWatch(SPEC)
    for number in range(FIRST, FIRST + 3):
        at, rows = (number + 1) * DAY, day(number, 0.1)
        watch.take_step(at, "1", rows)
        both = day(number - 1, 0.9).joined(rows).joined(day(number, 0.9, unlabelled=True))
        other.take_step(at, "1", both)
    assert watch.snapshot() == other.snapshot()
    assert watch.take_step((FIRST + 4) * DAY, "1", NO_ROWS) == ()


@pytest.mark.parametrize("at", [0, 5, 11, 12, 14])
def test_restored_it_says_the_same(at: int) -> None:
    rates = [0.02] * 10 + [0.2] * 3 + [0.02] * 9 + [0.6] * 4
    whole, first, second = ErrorWatch(SPEC), ErrorWatch(SPEC), ErrorWatch(SPEC)
    expected = play(whole, rates)
    found = play(first, rates[:at])
    second.restore(orjson.loads(orjson.dumps(first.snapshot())))
    assert found + play(second, rates, at) == expected
    assert second.snapshot() == whole.snapshot()
    assert len(expected) > 2
