"""When to learn anew on real series: flights with natural label delays, and fifty years of days."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from streamsim.benchmarks.policies import compared
from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.learnt_versions import LearntVersions
from streamsim.benchmarks.policies.policy_figures import PolicyFigures
from streamsim.benchmarks.policies.stream_rows import StreamRows, logged
from streamsim.benchmarks.public_data.datasets import FLIGHTS, RAINFALL
from streamsim.simulator.domain_stream import file_slices
from streamsim.streams.spec import DAY, HOUR, Adaptation, DomainSpec
from tests.example_domain import example_domain
from tests.realdata.downloads import downloaded

pytestmark = pytest.mark.slow


def judged(
    spec: DomainSpec, rows: StreamRows, first: int, step: int, lead: int
) -> dict[str, PolicyFigures]:
    grid, adaptation = Grid.over(rows.data.times, first, step, lead), Adaptation()
    versions = LearntVersions(spec, rows, grid, adaptation)
    found = {own.name: own for own in compared(spec, rows, grid, versions, adaptation)}
    best = found["best in hindsight"]
    schedules = ("never", "every 8", "every 4", "every 2", "always", "alarm on errors")
    assert all(found[name].loss.value >= best.loss.value - 1e-12 for name in schedules)
    return found


def test_on_rain_alarms_gain_most_of_what_learning_always_does() -> None:
    spec = example_domain("rain")
    rows = logged(spec, file_slices(spec, downloaded(RAINFALL) / "rainfall_data.csv"))
    assert len(rows) > 18_100
    assert rows.data.labels.mean() == pytest.approx(0.314, abs=0.001)
    found = judged(spec, rows, 5 * 365 * DAY, 365 * DAY, 4 * DAY)
    never, always, alarm = (found[name] for name in ("never", "always", "alarm on errors"))
    assert never.regret.low > 0.1
    assert always.regret.value < 0.02
    assert alarm.learnings < always.learnings / 2
    assert alarm.regret.value < never.regret.value / 2


def test_on_flights_learning_anew_gains_next_to_nothing(tmp_path: Path) -> None:
    """Of the first five months. Whom it scores highest are late nearly twice as often as all."""
    with zipfile.ZipFile(downloaded(FLIGHTS) / "flights.csv.zip") as archive:
        table = pd.read_csv(archive.open("flights.csv"))
    path = tmp_path / "flights.csv"
    table[table["month"] <= 5].to_csv(path, index=False)
    spec = example_domain("flights")
    rows = logged(spec, file_slices(spec, path))
    assert len(rows) > 130_000
    assert 0.2 < rows.data.labels.mean() < 0.3
    found = judged(spec, rows, 56 * DAY, 14 * DAY, 2 * HOUR)
    never, always = found["never"], found["always"]
    assert always.learnings >= 5
    assert abs(always.loss.value - never.loss.value) < 0.02
    assert never.lack.value < 1 - 1.8 * rows.data.labels.mean()
