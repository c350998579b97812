"""How much may wait follows how fast the work is."""

from __future__ import annotations

import pytest

from streamsim.consumers.worker.back_pressure import BackPressure


def worked(
    pressure: BackPressure, rate: float, seconds: float, start: float, batch_s: float
) -> float:
    """Work batches of a length at a rate, one after the other; return when it ends."""
    now = start
    while now < start + seconds:
        pressure.worked(int(rate * batch_s), now, now + batch_s)
        now += batch_s
    return now


def test_the_budget_grows_with_the_rate_and_shrinks_with_it() -> None:
    pressure = BackPressure(2.0, least=10, most=100_000)
    now = worked(pressure, 8_000, 10, 0.0, 0.1)
    assert pressure.budget(8) == pytest.approx(2_000, rel=0.01)
    assert pressure.budget(2) == pytest.approx(8_000, rel=0.01)
    worked(pressure, 400, 10, now, 0.1)
    assert pressure.budget(8) == pytest.approx(100, rel=0.05)


def test_pauses_are_no_work() -> None:
    pressure = BackPressure(1.0, least=1, most=100_000)
    for second in range(20):
        pressure.worked(1_000, second, second + 0.1)
    assert pressure.budget(1) == pytest.approx(10_000, rel=0.01)


def test_batches_that_overlap_count_their_time_once() -> None:
    pressure = BackPressure(1.0, least=1, most=100_000)
    for number in range(50):  # each takes 0.2 s, and the next begins half way
        pressure.worked(1_000, number * 0.1, number * 0.1 + 0.2)
    assert pressure.budget(1) == pytest.approx(10_000, rel=0.02)


def test_the_budget_keeps_its_bounds() -> None:
    pressure = BackPressure(5.0, least=50, most=900)
    assert pressure.budget(4) == 50
    pressure.worked(10, 0.0, 10.0)
    assert pressure.budget(4) == 50
    pressure.worked(10**6, 10.0, 20.0)
    assert pressure.budget(4) == 900
    assert pressure.budget(0) == 900
