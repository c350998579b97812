"""The same recording, in process and on a broker: the same, event by event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from producers.recording import read_recording, write_recording
from simulator.testing.outcome import Outcome
from simulator.testing.replay import record_world
from streams.registry import load_domain
from streams.spec import DomainSpec

Replay = Callable[..., Outcome]


def alike(a: Outcome, b: Outcome) -> None:
    assert a.scores == b.scores
    assert a.alerts == b.alerts
    assert sorted(a.dead, key=str) == sorted(b.dead, key=str)
    assert sorted(a.late, key=str) == sorted(b.late, key=str)
    assert {k: b.account[k] for k in a.account} == dict(a.account)


@pytest.mark.stack
@pytest.mark.parametrize("workers", [1, 2])
def test_a_broker_changes_nothing(
    replay: Replay, stack: Replay, finance: DomainSpec, registry: object, workers: int
) -> None:
    recording = record_world(finance, seed=4, days=10, cards=400, terminals=150, fraud=2)
    alone = replay(recording)
    assert len(alone.scores) > 5_000
    assert len(alone.alerts) > 5
    alike(alone, stack(recording, workers=workers))


@pytest.mark.stack
@pytest.mark.parametrize(
    ("domain", "days", "world", "scored", "joined"),
    [
        ("retail", 60, {"households": 150, "lapses": 6}, 3_000, 500),
        ("logistics", 1 / 24, {"vehicles": 12, "failures": 6}, 10_000, 50),
        ("technology", 30, {"users": 150, "changes": 6}, 3_000, 100),
        ("healthcare", 40, {"patients": 6_000}, 300, 5_000),
    ],
)
def test_nor_does_it_to_any_domain(
    replay: Replay,
    stack: Replay,
    registry: object,
    domain: str,
    days: float,
    world: dict[str, float],
    scored: int,
    joined: int,
) -> None:
    """Context comes on topics of its own, and each at its own pace; entities are tracked."""
    recording = record_world(load_domain(domain), seed=4, days=days, **world)
    alone = replay(recording)
    assert len(alone.scores) > scored
    assert alone.account["context"]["applied"] > joined
    assert alone.alerts
    alike(alone, stack(recording, workers=2))


@pytest.mark.stack
@pytest.mark.parametrize("workers", [1, 2])
def test_nor_does_it_where_the_model_is_renewed(
    replay: Replay, stack: Replay, registry: object, workers: int
) -> None:
    """Each version answers the same events, whoever makes it and whoever asks it."""
    technology = load_domain("technology")
    recording = record_world(technology, seed=4, days=27, users=120)
    alone = replay(recording)
    assert len(alone.scores) > 5_000
    assert len({score.version for score in alone.scores}) == 5  # the champion's is one of them
    alike(alone, stack(recording, workers=workers))
    small = replay(recording, rows=500)
    assert small.scores == alone.scores


@pytest.mark.stack
def test_a_small_queue_only_slows_it_down(
    replay: Replay,
    stack: Replay,
    finance: DomainSpec,
    registry: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Partitions that wait for each other must not fill a worker up so that nothing moves."""
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
