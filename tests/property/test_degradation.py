"""Degradation features equal a naive loop over each entity's readings, bit by bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.domains.logistics.degradation import LIMIT, QUANTUM, Degradation, Reference
from streamsim.streams.domains.logistics.sensors import SensorState
from streamsim.streams.errors import StateError, UsageError
from streamsim.streams.events import Floats
from tests.property.examples import examples

REFERENCE = Reference(("t", "p"), (90.0, -1.5), (2.0, 0.3))
SMALL = Degradation(REFERENCE, windows=(2, 5), half_lives=(1.5, 20.0), first=3)
USUAL = Degradation(REFERENCE)

VALUES = (
    st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 90.0, -1.5, 0.0])
    | st.floats(-5, 100)
    | st.integers(88, 92).map(float)
)


@dataclass(frozen=True)
class Reading:
    entity: int
    values: tuple[float, float]
    anew: tuple[bool, bool]


SELDOM = st.integers(0, 9).map(lambda n: n == 0)
READING = st.builds(
    Reading, st.integers(0, 2), st.tuples(VALUES, VALUES), st.tuples(SELDOM, SELDOM)
)
# Left to itself, hypothesis makes short lists, and no window would ever be full.
READINGS = st.integers(0, 60).flatmap(lambda n: st.lists(READING, min_size=n, max_size=n))


def found(
    readings: Sequence[Reading], cuts: Sequence[int] = (), definition: Degradation = SMALL
) -> Floats:
    """Apply the readings in batches; after every batch the state moves to another store."""
    state = SensorState(definition)
    parts = [np.empty((0, len(definition.names)))]
    edges = [0, *sorted(min(c, len(readings)) for c in cuts), len(readings)]
    for number, (begin, end) in enumerate(pairwise(edges)):
        parts.append(update(state, readings[begin:end], number))
        old, new = (np.array([place(e, n) for e in range(3)]) for n in (number, number + 1))
        taken = SensorState(definition)
        taken.restore(new, state.snapshot(old))
        state = taken
    return np.concatenate(parts)


def place(entity: int, number: int) -> int:
    """Return an entity's index in the state after some moves."""
    return (entity * 3 + number) % 7


def update(state: SensorState, readings: Sequence[Reading], number: int = 0) -> Floats:
    n = len(readings)
    return state.update(
        np.array([place(r.entity, number) for r in readings], np.intp),
        np.array([r.values for r in readings], np.float64).reshape(n, 2),
        np.array([r.anew for r in readings], bool).reshape(n, 2),
    )


def expected(readings: Sequence[Reading], definition: Degradation = SMALL) -> Floats:
    """Compute each entity and each sensor separately, by the definition."""
    rows = np.empty((len(readings), len(definition.names)))
    for entity in {r.entity for r in readings}:
        own = [i for i, r in enumerate(readings) if r.entity == entity]
        rows[own, 0] = range(1, len(own) + 1)
        for sensor in range(2):
            columns = [i for i, n in enumerate(definition.names) if n.endswith("tp"[sensor])]
            rows[np.ix_(own, columns)] = alone([readings[i] for i in own], sensor, definition)
    return rows


def quanta(value: float, sensor: int) -> int | None:
    if not math.isfinite(value):
        return None
    deviation = (value - REFERENCE.center[sensor]) / REFERENCE.scale[sensor]
    return round(min(max(deviation, -LIMIT), LIMIT) / QUANTUM)


def alone(readings: Sequence[Reading], sensor: int, definition: Degradation) -> list[list[float]]:
    past: list[int | None] = []
    seen: list[int] = []
    slow, weight = [0.0] * 9, [0.0] * 9
    rise = fall = 0.0
    rows = []
    for reading in readings:
        if reading.anew[sensor]:
            past, seen, slow, weight = [None] * len(past), [], [0.0] * 9, [0.0] * 9
            rise = fall = 0.0
        counted = quanta(reading.values[sensor], sensor)
        past.append(counted)
        if counted is not None:
            seen.append(counted)
        beginning = seen[: definition.first]
        own = sum(beginning) / max(len(beginning), 1) * QUANTUM
        if counted is not None:
            now = counted * QUANTUM
            for i, half_life in enumerate(definition.half_lives):
                weight[i] = weight[i] * 0.5 ** (1.0 / half_life) + 1.0
                slow[i] += (now - slow[i]) / weight[i]
            rise = max(now - own - definition.slack + rise, 0.0)
            fall = max(-(now - own) - definition.slack + fall, 0.0)
        usual = slow[len(definition.half_lives) - 1]
        windows = [past[-w:] for w in definition.windows]
        means = [mean(w, usual) for w in windows]
        rows.append(
            [
                usual if counted is None else counted * QUANTUM,
                *means,
                *map(slope, windows),
                *slow[: len(definition.half_lives)],
                *(m - own for m in means),
                rise,
                fall,
                float(counted is None),
                float(all(x is None for x in past[-max(definition.windows) :])),
            ]
        )
    return rows


def mean(window: Sequence[int | None], usual: float) -> float:
    there = [x for x in window if x is not None]
    return sum(there) / len(there) * QUANTUM if there else usual


def slope(window: Sequence[int | None]) -> float:
    pairs = [(i, x) for i, x in enumerate(window) if x is not None]
    if len(pairs) < 2:
        return 0.0
    n, first = len(pairs), sum(i for i, _ in pairs)
    above = n * sum(i * x for i, x in pairs) - first * sum(x for _, x in pairs)
    below = n * sum(i * i for i, _ in pairs) - first * first
    return above / below * QUANTUM


@examples(1)
@given(READINGS, st.lists(st.integers(0, 60), max_size=6))
def test_any_cut_finds_the_bits_of_a_plain_loop(
    readings: Sequence[Reading], cuts: Sequence[int]
) -> None:
    """The same if the state is checkpointed after every batch and restored by another worker."""
    rows = found(readings, cuts)
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows, expected(readings))


@examples(0.3)
@given(READINGS)
def test_features_know_neither_the_future_nor_other_entities(readings: Sequence[Reading]) -> None:
    rows = found(readings)
    for entity in range(3):
        own = [i for i, r in enumerate(readings) if r.entity == entity]
        half = own[: len(own) // 2]
        np.testing.assert_array_equal(found([readings[i] for i in half]), rows[half])


@pytest.mark.parametrize("definition", [SMALL, USUAL], ids=["small", "usual"])
def test_a_long_life_is_that_of_pandas(definition: Degradation) -> None:
    """The same after an absurd value has left the window: an exact sum is unaffected by it."""
    draw = np.random.default_rng(3)
    value = 90 + np.cumsum(draw.normal(0, 0.1, 700)) + draw.normal(0, 1, 700)
    value[draw.random(700) < 0.2] = np.nan
    value[120] = 1e12
    state = SensorState(definition)
    rows = state.update(np.zeros(700, np.intp), np.column_stack([value, np.full(700, np.nan)]))
    features = pd.DataFrame(rows, columns=list(definition.names))
    deviation = pd.Series(((value - 90) / 2).clip(-LIMIT, LIMIT))
    for w in definition.windows:
        rolling = deviation.rolling(w, min_periods=1)
        there = rolling.count() > 0
        close(features[f"mean_{w}_t"][there], rolling.mean()[there])
        fitted = rolling.apply(lambda x: _polyfit(np.asarray(x)), raw=True)
        close(features[f"slope_{w}_t"][there], fitted[there])
    for h in definition.half_lives:
        close(features[f"slow_{h:g}_t"], deviation.ewm(halflife=h, ignore_na=True).mean())
    assert (features["absent_p"] == 1).all()
    of_p = [n for n in definition.names if n.endswith("_p") and not n.startswith(("abs", "miss"))]
    assert (features[of_p] == 0).all(axis=None)


def close(found: pd.Series, wanted: pd.Series) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=2 * QUANTUM)


def _polyfit(window: Floats) -> float:
    there = np.flatnonzero(np.isfinite(window))
    if len(there) < 2:
        return 0.0
    return float(np.polyfit(there - there.mean(), window[there], 1)[0])


def test_what_another_definition_kept_is_refused() -> None:
    kept = SensorState(SMALL).snapshot(np.array([0, 1]))
    with pytest.raises(StateError, match="definition"):
        SensorState(USUAL).restore(np.array([0, 1]), kept)


def test_readings_of_another_width_are_refused() -> None:
    with pytest.raises(UsageError, match=r"must have the shape \(1, 2\)"):
        SensorState(SMALL).update(np.array([0]), np.zeros((1, 3)))


def test_sensors_are_found_by_name() -> None:
    columns = REFERENCE.columns({"p": [1.0, 2.0], "unheard_of": [7.0, 7.0]}, 2)
    np.testing.assert_array_equal(columns, [[math.nan, 1.0], [math.nan, 2.0]])


@pytest.mark.parametrize(
    "wrong",
    [{"windows": ()}, {"windows": (0,)}, {"windows": (5000,)}, {"half_lives": ()}, {"first": 0}],
)
def test_a_definition_of_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Degradation(REFERENCE, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan])
def test_a_reference_without_a_scale_is_refused(scale: float) -> None:
    with pytest.raises(UsageError):
        Reference(("t",), (1.0,), (scale,))
