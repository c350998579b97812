"""Frozen sensors, sensors that drop out, and units that change are told from wear and from work."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.domains.logistics.misreading import (
    CONVERSIONS,
    Conversion,
    dropped_out,
    frozen,
    missing_for,
    unchanged_for,
    unit_change,
    unit_changes,
)
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats

ALL = list(CONVERSIONS.values())
VALUES = st.lists(st.sampled_from([math.nan, 1.0, 1.5, 2.0]), max_size=30).map(
    lambda values: np.array(values, np.float64)
)
LEVELS = {
    "C": (88.0, 1.5),
    "kPa": (240.0, 5.0),
    "V": (13.8, 0.1),
    "km/h": (80.0, 2.0),
    "m/s2": (2.0, 0.1),
}


def steady(level: float, noise: float, n: int = 40, seed: int = 0) -> Floats:
    return level + noise * np.random.default_rng(seed).normal(size=n)


@given(VALUES)
def test_runs_are_those_of_a_loop(values: Floats) -> None:
    missing = still = 0
    last = math.nan
    for i, value in enumerate(values):
        missing = missing + 1 if math.isnan(value) else 0
        assert missing_for(values)[i] == missing
        if math.isnan(value):
            assert unchanged_for(values)[i] == 0
            continue
        still = still + 1 if value == last else 0
        last = value
        assert unchanged_for(values)[i] == still


@given(VALUES, st.integers(1, 4), st.integers(0, 30))
def test_the_future_changes_nothing(values: Floats, n: int, cut: int) -> None:
    for judge in (frozen, dropped_out):
        np.testing.assert_array_equal(judge(values, n)[:cut], judge(values[:cut], n))


def test_a_sensor_freezes_and_comes_back() -> None:
    values = steady(88, 1.5)
    values[10:25] = values[10]
    assert np.flatnonzero(frozen(values, 5)).tolist() == list(range(15, 25))


def test_a_sensor_in_coarse_steps_is_not_frozen_at_once() -> None:
    values = np.rint(steady(88, 0.6, 400))
    assert not frozen(values, 15).any()
    assert frozen(values, 1).any()


@pytest.mark.parametrize("name", [n for n in CONVERSIONS if n.split(" ")[0] in LEVELS])
def test_a_unit_changes_and_back(name: str) -> None:
    conversion = CONVERSIONS[name]
    values = steady(*LEVELS[name.split(" ")[0]], 90)
    values[30:60] = conversion.apply(values[30:60])
    back = " to ".join(reversed(name.split(" to ")))
    related = [CONVERSIONS[name], CONVERSIONS[back]]
    assert [(at, c.name) for at, c in unit_changes(values, related)] == [(30, name), (60, back)]
    np.testing.assert_allclose(
        conversion.undo(values[30:60]), steady(*LEVELS[name.split()[0]], 90)[30:60]
    )


def test_readings_that_are_missing_do_not_hide_a_change() -> None:
    values = steady(88, 1.5, 60)
    values[30:] = values[30:] * 1.8 + 32
    values[[5, 29, 30, 32]] = math.nan
    assert [(at, c.name) for at, c in unit_changes(values, ALL)] == [(31, "C to F")]


@pytest.mark.parametrize("seed", range(20))
def test_wear_and_work_are_no_change_of_unit(seed: int) -> None:
    """Slow drift, a jump of a fifth, a few outliers."""
    draw = np.random.default_rng(seed)
    values = steady(88, 1.5, 300, seed) + np.linspace(0, 25, 300)
    values[200:] += 18
    values[draw.integers(0, 300, 5)] = draw.uniform(150, 220, 5)
    assert unit_changes(values, ALL) == []


def test_of_two_conversions_the_nearer_is_told() -> None:
    values = steady(88, 1.5)
    close = Conversion("nearly F", 1.8, 36.0)
    found = unit_change(values[:20], values[20:] * 1.8 + 32, [close, CONVERSIONS["C to F"]])
    assert found is CONVERSIONS["C to F"]


def test_of_too_little_nothing_is_said() -> None:
    two = np.array([88.0, 89.0, math.nan])
    assert unit_change(two, two * 1.8 + 32, ALL) is None
    assert unit_changes(np.array([]), ALL) == []
    assert unit_change(np.zeros(9), np.full(9, 32.0), ALL) is None


@pytest.mark.parametrize("judge", [frozen, dropped_out])
def test_no_run_at_all_is_refused(judge: object) -> None:
    with pytest.raises(UsageError):
        judge(np.zeros(3), 0)  # type: ignore[operator]
