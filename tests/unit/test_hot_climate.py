"""A hotter climate and sensors of another make, from a known time on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import orjson

from streamsim.streams.domains.logistics.fleet import COOLANT, OIL, SENSORS, VIBRATION, VOLTAGE
from streamsim.streams.domains.logistics.hot_climate import OPTIONS, UNCHANGED, HotClimate
from streamsim.streams.domains.logistics.simulate import world
from streamsim.streams.spec import DAY, MINUTE

AT = 60
"""Minute of the change."""
CHANGE = {**OPTIONS, "change_day": AT * MINUTE / DAY}


def _measured() -> Any:
    return np.tile(np.array([85.0, 300.0, 1.0, 1.0, 880.0, 50.0, 60.0]), (60, 4, 1))


def test_the_air_is_hotter_from_its_minute_on_and_over_the_ramp() -> None:
    minutes = np.array([0, AT - 1, AT, AT + 30, AT + 60, AT + 600])
    assert HotClimate(1, CHANGE).warmth(minutes).tolist() == [0, 0, 20, 20, 20, 20]
    slow = HotClimate(1, {**CHANGE, "change_ramp_days": AT * MINUTE / DAY})
    assert np.round(slow.warmth(minutes), 9).tolist() == [0, 0, 0, 10, 20, 20]
    assert UNCHANGED.warmth(minutes).tolist() == [0] * 6


def test_heat_shows_in_coolant_and_voltage_beyond_its_limit_only() -> None:
    outside = np.array([5.0, 25.0, 30.0, 35.0])
    climate = HotClimate(1, {**CHANGE, "change_sensors": 0.0})
    assert climate.strain(AT - 1, outside).tolist() == [0] * 4
    cool, limit, hot, hotter = climate.strain(AT, outside).tolist()
    assert cool == limit == 0 < hot < hotter
    values = climate.sensed(_measured(), AT, outside)
    assert (np.diff(values[0, 1:, VOLTAGE]) < 0).all()
    others = [i for i in range(len(SENSORS)) if i != VOLTAGE]
    assert (values[:, :, others] == _measured()[:, :, others]).all()


def test_the_new_sensors_read_more_and_less_precisely() -> None:
    climate = HotClimate(1, {**CHANGE, "change_heat": 0.0})
    outside = np.full(4, 35.0)
    before = climate.sensed(_measured(), AT - 1, outside)
    assert (before == _measured()).all()
    after = climate.sensed(_measured(), AT, outside)
    for sensor in (COOLANT, VIBRATION):
        assert (after[:, :, sensor].mean() > before[:, :, sensor]).all()
        assert after[:, :, sensor].std() > 0
    assert (after[:, :, [OIL, VOLTAGE]] == before[:, :, [OIL, VOLTAGE]]).all()
    assert (climate.sensed(_measured(), AT, outside) == after).all()


def test_the_weather_of_the_world_is_hotter_from_then_on() -> None:
    still, hot = (_outside({"vehicles": 4.0, "change_day": day}) for day in (0.0, 5 * MINUTE / DAY))
    warmer = {key: hot[key] - still[key] for key in still}
    assert {minute for _, minute in still} >= set(range(10))
    assert {gain for (_, minute), gain in warmer.items() if minute < 5} == {0.0}
    assert {round(gain, 6) for (_, minute), gain in warmer.items() if minute >= 5} == {20.0}


def _outside(options: Mapping[str, float]) -> dict[tuple[str, int], float]:
    bodies = [
        orjson.loads(value)
        for piece in islice(world(2, options).slices(), 40)
        for emission in piece.emissions
        if emission.source == "environment"
        for value in emission.values
    ]
    return {
        (body["vehicle_id"], int(body["event_id"].rpartition("-")[2])): body["outside_temp"]
        for body in bodies
    }
