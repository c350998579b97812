"""The benchmarks run to their end, and every contestant accounts for every record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamsim.benchmarks.compare import CONTESTANTS, as_table, summary
from streamsim.benchmarks.measuring.rounds import Round
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


def test_a_contestant_that_misses_a_record_is_disqualified() -> None:
    good, bad = Round(10, 1.0, 1.0, 1.0, 1.0, 0), Round(10, 1.0, 1.0, 1.0, 1.0, 3)
    result = summary({c.name: [bad if c.name == "take" else good] for c in CONTESTANTS})
    assert [name for name, entry in result.items() if not entry["qualified"]] == ["take"]
    assert "disqualified: 3 records unaccounted for" in as_table(result)
