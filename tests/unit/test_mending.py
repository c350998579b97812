"""Online cleaning of readings: changed units, jumps and frozen sensors."""

from __future__ import annotations

import numpy as np
import pytest

from streamsim.streams.domains.logistics.mending import Mended, Mending, Sensor
from streamsim.streams.domains.logistics.misreading import CONVERSIONS
from streamsim.streams.errors import StateError
from streamsim.streams.events import Floats
from streamsim.streams.seeds import stream

COOLANT = Sensor("coolant", -40, 150, leap=12, still=60, conversions=(CONVERSIONS["C to F"],))
OIL = Sensor(
    "oil", 20, 1000, leap=120, still=60,
    conversions=(CONVERSIONS["kPa to psi"], CONVERSIONS["kPa to bar"]),
)  # fmt: skip


def mend(values: Floats, sensor: Sensor = COOLANT) -> Mended:
    """Clean the readings of one machine's sensor."""
    return Mending([sensor]).update(np.zeros(len(values), np.intp), values[:, None])


def warm(n: int, seed: int = 1) -> Floats:
    return np.round(90 + stream(seed, "coolant").normal(0, 0.6, n), 1)


def test_what_is_right_is_left_alone() -> None:
    values = warm(500)
    np.testing.assert_allclose(mend(values).values[:, 0], values)


@pytest.mark.parametrize("name", ["C to F"])
def test_a_temperature_in_another_unit_is_turned_back_and_again(name: str) -> None:
    truth = warm(900)
    told = truth.copy()
    told[300:600] = np.round(CONVERSIONS[name].apply(truth[300:600]), 1)
    found = mend(told)
    known = np.isfinite(found.values[:, 0])
    assert (~known).sum() == 4  # two before each change is accepted
    np.testing.assert_allclose(found.values[known, 0], truth[known], atol=0.06)
    assert found.unit[310:590].all()
    assert not found.unit[:299].any()
    assert not found.unit[610:].any()


@pytest.mark.parametrize("name", ["kPa to psi", "kPa to bar"])
def test_a_pressure_in_another_unit_is_told_which(name: str) -> None:
    truth = 400 + stream(2, "oil").normal(0, 15, 600)
    told = truth.copy()
    told[300:] = CONVERSIONS[name].apply(truth[300:])
    found = mend(told, OIL)
    np.testing.assert_allclose(found.values[310:, 0], truth[310:], rtol=1e-6)
    assert set(found.unit[310:, 0].tolist()) == {1 if name == "kPa to psi" else 2}


def test_an_engine_that_comes_hot_in_fahrenheit_from_the_first_is_understood() -> None:
    truth = warm(100)
    found = mend(CONVERSIONS["C to F"].apply(truth))
    np.testing.assert_allclose(found.values[5:, 0], truth[5:])


def test_an_engine_that_runs_hot_is_believed() -> None:
    values = warm(400)
    values[200:] += 25
    found = mend(values).values[:, 0]
    np.testing.assert_allclose(found[202:], values[202:])


def test_a_single_absurd_reading_is_left_out() -> None:
    values = warm(400)
    values[[100, 200, 201]] = 6553.5
    found = mend(values).values[:, 0]
    assert np.isnan(found[[100, 200, 201]]).all()
    assert np.isfinite(np.delete(found, [100, 200, 201])).all()


def test_a_sensor_that_stands_still_is_frozen_until_it_moves() -> None:
    values = warm(400)
    values[100:300] = values[100]
    found = mend(values)
    assert np.flatnonzero(found.frozen[:, 0]).tolist() == list(range(160, 300))
    np.testing.assert_array_equal(np.isnan(found.values[:, 0]), found.frozen[:, 0])


def test_batches_and_other_machines_and_a_restart_change_nothing() -> None:
    draw = stream(3, "mixed")
    n, machines = 3000, 5
    slots = draw.integers(0, machines, n)
    values = np.column_stack([90 + draw.normal(0, 1, n), 400 + draw.normal(0, 10, n)])
    values[draw.random((n, 2)) < 0.02] = np.nan
    values[1500:] = np.column_stack(
        [CONVERSIONS["C to F"].apply(values[1500:, 0]), values[1500:, 1]]
    )
    whole = Mending([COOLANT, OIL]).update(slots, values)
    part, found, at = Mending([COOLANT, OIL]), [], 0
    while at < n:
        size = int(draw.integers(1, 400))
        found.append(part.update(slots[at : at + size], values[at : at + size]).values)
        at += size
        every = np.arange(machines)
        kept = part.snapshot(every)
        part = Mending([COOLANT, OIL])
        part.restore(every[::-1], {k: v[::-1] for k, v in kept.items()})
    np.testing.assert_array_equal(np.concatenate(found), whole.values)
    for machine in range(machines):
        own = slots == machine
        alone = Mending([COOLANT, OIL]).update(np.zeros(own.sum(), np.intp), values[own])
        np.testing.assert_array_equal(alone.values, whole.values[own])


def test_what_was_kept_of_other_sensors_is_refused() -> None:
    kept = Mending([COOLANT]).snapshot(np.arange(2))
    with pytest.raises(StateError):
        Mending([COOLANT, OIL]).restore(np.arange(2), kept)
