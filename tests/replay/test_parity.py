"""The same recording has the same outcome in process and on a broker, event by event."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.producers.recording import read_recording, write_recording
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.spec import DomainSpec
from tests.replay.likeness import Replay, alike


@pytest.mark.stack
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_broker_changes_nothing(
    replay: Replay, stack: Replay, finance: DomainSpec, registry: object, workers: int
) -> None:
    recording = record_world(finance, seed=4, days=10, cards=400, terminals=150, fraud=2)
    alone = replay(recording)
    assert len(alone.scores) > 5_000
    assert len(alone.alerts) > 5
    alike(alone, stack(recording, workers=workers))


@pytest.mark.stack
@pytest.mark.long
def test_a_small_queue_only_slows_it_down(
    replay: Replay,
    stack: Replay,
    finance: DomainSpec,
    registry: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Partitions that wait for each other must not fill a worker's queues and block it."""
    recording = record_world(finance, seed=4, days=10, cards=400, terminals=150, fraud=2)
    monkeypatch.setenv("STREAMSIM_QUEUE_ROWS", "100")
    monkeypatch.setenv("STREAMSIM_BATCH_ROWS", "256")
    alike(replay(recording), stack(recording))


def test_a_recording_survives_its_file(finance: DomainSpec, tmp_path: Path) -> None:
    recording = record_world(finance, seed=4, days=1)
    write_recording(tmp_path / "r.parquet", recording)
    again = read_recording(tmp_path / "r.parquet")
    assert again.records == recording.records
    assert again.manifest == recording.manifest


def test_the_same_seed_records_the_same_bytes(finance: DomainSpec) -> None:
    one, other = (record_world(finance, seed=9, days=2) for _ in range(2))
    assert one.manifest["topics"] == other.manifest["topics"]
    assert one.manifest["topics"] != record_world(finance, seed=10, days=2).manifest["topics"]
