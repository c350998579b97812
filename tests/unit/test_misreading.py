"""A change of unit is distinguished from wear and from load."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from streamsim.streams.domains.logistics.misreading import (
    CONVERSIONS,
    Conversion,
    unit_change,
)
from streamsim.streams.events import Floats

ALL = list(CONVERSIONS.values())
LEVELS = {
    "C": (88.0, 1.5),
    "kPa": (240.0, 5.0),
    "V": (13.8, 0.1),
    "km/h": (80.0, 2.0),
    "m/s2": (2.0, 0.1),
}


def steady(level: float, noise: float, n: int = 40, seed: int = 0) -> Floats:
    return level + noise * np.random.default_rng(seed).normal(size=n)


def unit_changes(
    values: Floats, conversions: Sequence[Conversion], before: int = 20, after: int = 3
) -> list[tuple[int, Conversion]]:
    """Call :func:`unit_change` at each reading of a sensor; return where it found which change."""
    there = np.flatnonzero(np.isfinite(values))
    seen, since, changes = values[there], 0, []
    for at in range(after, len(seen) - after + 1):
        if at - since < after:
            continue
        found = unit_change(seen[max(since, at - before) : at], seen[at : at + after], conversions)
        if found is not None:
            changes.append((int(there[at]), found))
            since = at
    return changes


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
    assert unit_change(np.zeros(9), np.full(9, 32.0), ALL) is None
