"""When to learn anew on real series: flights with natural label delays, and fifty years of days."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from streamsim.benchmarks.policies import policies
from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.learnt_versions import LearntVersions
from streamsim.benchmarks.policies.played import play
from streamsim.benchmarks.policies.policy_figures import PolicyFigures, figures, loss_table
from streamsim.benchmarks.policies.stream_rows import StreamRows, logged
from streamsim.benchmarks.public_data.datasets import FLIGHTS, RAINFALL
from streamsim.models.adapting.gates import metric_of
from streamsim.simulator.domain_stream import file_slices
from streamsim.streams.spec import DAY, HOUR, Adaptation, DomainSpec
from tests.example_domain import example_domain
from tests.realdata.downloads import downloaded

pytestmark = pytest.mark.slow
NAMES = ("never", "every 4", "always", "errors")


def judged(
    spec: DomainSpec, rows: StreamRows, first: int, step: int, lead: int
) -> dict[str, PolicyFigures]:
    grid, adaptation = Grid.over(rows.data.times, first, step, lead), Adaptation()
    versions = LearntVersions(spec, rows, grid, adaptation)
    chosen = policies(spec, grid, versions, adaptation)
    with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
        played = {name: play(chosen[name], rows, grid, versions) for name in NAMES}
        losses = loss_table(rows, grid, versions)
        found = figures(metric_of(spec), played, losses, rows, grid, versions)
    assert all(own.loss.value >= found[-1].loss.value - 1e-12 for own in found)
    return {own.name: own for own in found}


def test_on_rain_alarms_gain_most_of_what_learning_always_does() -> None:
    spec = example_domain("rain")
    rows = logged(spec, file_slices(spec, downloaded(RAINFALL) / "rainfall_data.csv"))
    assert len(rows) > 18_100
    assert rows.data.labels.mean() == pytest.approx(0.314, abs=0.001)
    found = judged(spec, rows, 5 * 365 * DAY, 365 * DAY, 4 * DAY)
    never, always, alarm = (found[name] for name in ("never", "always", "errors"))
    assert never.regret.low > 0.1
    assert always.regret.value < 0.02
    assert alarm.learnings < always.learnings / 2
    assert alarm.regret.value < never.regret.value / 2


def test_on_flights_learning_anew_gains_next_to_nothing(tmp_path: Path) -> None:
    """Of the first four months. Whom it scores highest are late nearly twice as often as all."""
    with zipfile.ZipFile(downloaded(FLIGHTS) / "flights.csv.zip") as archive:
        table = pd.read_csv(archive.open("flights.csv"))
    path = tmp_path / "flights.csv"
    table[table["month"] <= 4].to_csv(path, index=False)
    spec = example_domain("flights")
    rows = logged(spec, file_slices(spec, path))
    assert len(rows) > 100_000
    assert 0.2 < rows.data.labels.mean() < 0.3
    found = judged(spec, rows, 56 * DAY, 14 * DAY, 2 * HOUR)
    never, always = found["never"], found["always"]
    assert always.learnings >= 3
    assert abs(always.loss.value - never.loss.value) < 0.02
    assert never.lack.value < 1 - 1.8 * rows.data.labels.mean()
