"""NASA's engines: the promised error of the remaining life, and honest chances of failure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamsim.benchmarks.public_data.engines import define, features, read_engines, take
from streamsim.streams.domains.logistics.sensors import SensorState
from tests.stacks import streamsim

pytestmark = [pytest.mark.slow, pytest.mark.nightly]


def test_the_promised_error_is_kept(turbofans: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = streamsim(
        "bench", "turbofan", "--data", str(turbofans), "--report", str(report), timeout=1500
    )
    print(done.stdout)
    assert report.exists(), done.stderr
    figures = json.loads(report.read_text())["figures"]
    assert max(figures["rmse_by_seed"]) <= 10.5
    assert figures["rmse"]["low"] < figures["rmse"]["value"] < figures["rmse"]["high"]
    assert figures["rmse_cut_off"]["value"] < 12
    assert figures["rmse"]["value"] < figures["rmse_age"]["low"] / 2
    failure, age = figures["failure"], figures["failure_age"]
    assert failure["brier"]["high"] < age["brier"]["low"] / 3
    assert failure["auc"]["low"] > age["auc"]["high"]
    assert failure["average_precision"]["value"] > 0.97
    assert failure["ece"]["value"] < 0.01
    assert "another protocol" in done.stdout


def test_an_engine_cut_off_has_the_features_of_its_whole_life(turbofans: Path) -> None:
    engines = read_engines(turbofans)
    measure = define(engines)
    whole = features(measure, engines)
    early = np.flatnonzero(engines.cycle <= 77)
    np.testing.assert_array_equal(features(measure, take(engines, early)), whole[early])


def test_a_stream_of_all_engines_has_the_features_of_each_alone(turbofans: Path) -> None:
    """One cycle is a day, engines start staggered, and the state is put away every so often."""
    engines = read_engines(turbofans)
    measure = define(engines)
    whole = features(measure, engines)
    order = np.argsort(engines.cycle + 3 * (engines.engine % 41), kind="stable")
    state, found = SensorState(measure.definition), np.empty_like(whole)
    for at in range(0, len(order), 997):
        rows = order[at : at + 997]
        batch = take(engines, rows)
        found[rows] = state.update(batch.engine, measure.deviations(batch))
        every = np.unique(engines.engine)
        kept, state = state.snapshot(every), SensorState(measure.definition)
        state.restore(every, kept)
    np.testing.assert_array_equal(found, whole)
