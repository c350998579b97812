"""The benchmarks run to their end, and every contestant accounts for every record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamsim.benchmarks.compare import CONTESTANTS, as_table, summary
from streamsim.benchmarks.measuring.endurance import Minute, Usage
from streamsim.benchmarks.measuring.rounds import Round
from streamsim.benchmarks.soak import series_of, unmet
from streamsim.models.registry import Registry
from tests.stacks import streamsim


def measured(folder: Path, *arguments: str) -> dict[str, Any]:
    report = folder / "report.json"
    done = streamsim("bench", *arguments, "--report", str(report), timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unaccounted" not in done.stdout
    result: dict[str, Any] = json.loads(report.read_text())
    return result


@pytest.mark.stack
@pytest.mark.slow
def test_every_contestant_accounts_for_every_record(registry: Registry, tmp_path: Path) -> None:
    result = measured(tmp_path, "compare", "--events", "2000", "--rounds", "1")
    assert set(result) == {contestant.name for contestant in CONTESTANTS}
    for contestant in CONTESTANTS:
        entry = result[contestant.name]
        assert entry["qualified"], contestant.name
        assert entry["events"] >= 2000 * contestant.share


@pytest.mark.stack
@pytest.mark.slow
def test_latency_is_measured_to_the_end(registry: Registry, tmp_path: Path) -> None:
    arguments = "--domain", "technology", "--rates", "300", "--seconds", "3"
    result = measured(tmp_path, "latency", *arguments)
    entry = result["300"]
    assert 0.95 * entry["events"] < entry["scores"] <= entry["events"]  # some are dead or doubled
    assert entry["unaccounted"] == 0
    assert 0 < entry["broker_alone_ms"]["p50"] <= entry["broker_alone_ms"]["p99"]


@pytest.mark.stack
@pytest.mark.slow
def test_a_worker_finishes_with_durable_state_and_without(
    registry: Registry, tmp_path: Path
) -> None:
    arguments = "--domain", "retail", "--keys", "300", "--events", "3000", "--rounds", "1"
    result = measured(tmp_path, "durability", *arguments)
    assert set(result["events_per_second"]) == {"written down", "in memory"}
    assert result["throughput_left"] > 0


@pytest.mark.stack
@pytest.mark.slow
@pytest.mark.embedded
def test_a_soak_shows_every_process_and_series(registry: Registry, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = "--domain", "technology", "--seconds", "16", "--times", "1"
    streamsim("bench", "soak", *arguments, "--report", str(report), timeout=240)
    result = json.loads(report.read_text())
    last = result["minutes"][-1]
    assert set(last["parts"]) == {
        "supervisor", "broker", "service", "controller", "worker 0", "producer technology",
    }  # fmt: skip
    assert all(u["memory_mb"] > 0 and u["files"] > 0 for u in last["parts"].values())
    assert last["data_mb"] > 1
    assert last["latency_ms"]["technology"][0] > 0
    assert 0 < result["minutes"][0]["scored"]["technology"] < last["scored"]["technology"]
    assert result["report"]["domains"]["technology"]["unaccounted"] == 0


def used(memory: float, latency: float) -> Minute:
    parts = {name: Usage(memory, 10, 1.0) for name in ("broker", "worker 0")}
    return Minute(parts, 1.0, 1.0, {"water": (latency, latency)}, {"water": 5})


def test_what_grows_is_named() -> None:
    flat = [used(100.0 + n % 2, 50.0) for n in range(8)]
    assert unmet(series_of(flat, 60), flat) == []
    grown = [used(100.0 + 40 * n, 50.0 + 10 * n) for n in range(8)]
    assert unmet(series_of(grown, 60), grown) == [
        "broker grew by 200 MiB",
        "worker 0 grew by 200 MiB",
        "the broker took 380 MiB",
        "water: latency 120 ms, in the second minute 60",
    ]


def test_a_contestant_that_misses_a_record_is_disqualified() -> None:
    good, bad = Round(10, 1.0, 1.0, 1.0, 1.0, 0), Round(10, 1.0, 1.0, 1.0, 1.0, 3)
    result = summary({c.name: [bad if c.name == "take" else good] for c in CONTESTANTS})
    assert [name for name, entry in result.items() if not entry["qualified"]] == ["take"]
    assert "disqualified: 3 records unaccounted for" in as_table(result)
