"""The oldest segments are deleted that no reader needs, and no other record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamsim.simulator.brokers.segments import Segment, read_segments, segment_bytes
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.run.room import retention
from streamsim.simulator.run.room.needed import StillNeeded
from streamsim.simulator.run.room.retention import Retention, oldest
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.stored.snapshot_files import load_snapshot, save_snapshot, saved_positions

KIB = 1 << 10


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two partitions: one of three segments, of which the last is written to; one of one."""
    for place, bases in (("d.scores-0", (0, 40, 90)), ("d.scores-1", (0,))):
        folder = tmp_path / "partitions" / place
        folder.mkdir(parents=True)
        for base in bases:
            for suffix, size in ((".dat", 60 * KIB), (".idx", 4 * KIB)):
                file = folder / f"{base}{suffix}"
                file.write_bytes(os.urandom(size))
                os.utime(file, (1000 + base, 1000 + base))
        (folder / "snapshot.json").write_text("{}")
    (tmp_path / "groups.log").write_bytes(os.urandom(8 * KIB))
    return tmp_path


def test_segments_are_those_that_are_not_written_to_any_more(data: Path) -> None:
    found, total = read_segments(data)
    assert [(s.topic, s.partition, s.until, s.size, s.written) for s in found] == [
        ("d.scores", 0, 40, 64 * KIB, 1000.0), ("d.scores", 0, 90, 64 * KIB, 1040.0),
    ]  # fmt: skip
    assert total >= (4 * 64 + 8) * KIB
    assert read_segments(data / "nothing") == ([], 0)


def test_all_newest_segments_together_take_a_quarter() -> None:
    for budget, partitions in ((2 << 30, 256), (64 << 20, 45), (100 << 30, 8)):
        assert segment_bytes(budget, partitions) * partitions <= budget / 4
    assert segment_bytes(64 << 20, 10_000) == 64 * KIB


def test_what_is_needed_stays_even_if_it_is_the_oldest() -> None:
    old, needed, new = (
        Segment("a", 0, 10, 5, 1.0), Segment("b", 0, 10, 5, 0.0), Segment("a", 0, 20, 5, 2.0),
    )  # fmt: skip
    wanted = {"a": 20.0, "b": 9.0}
    assert oldest([needed, old, new], 5, lambda t, p: wanted[t]) == [old]
    assert oldest([needed, old, new], 99, lambda t, p: wanted[t]) == [old, new]


def test_it_begins_near_the_budget_and_says_what_it_cannot_delete(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[tuple[str, int], int]] = []
    monkeypatch.setattr(retention, "delete_before", lambda _, offsets: asked.append(offsets))
    total = read_segments(data)[1]
    idle = Retention("", data, 2 * total, lambda *_: 1e9)
    assert (idle.apply(), idle.exceeded, asked) == (0, False, [])
    near = Retention("", data, total, lambda *_: 1e9)
    assert (near.apply(), near.exceeded) == (64 * KIB, False)
    held = Retention("", data, total // 2, lambda *_: 40)
    assert (held.apply(), held.exceeded) == (64 * KIB, True)
    assert asked == [{("d.scores", 0): 40}] * 2


def test_nothing_is_free_that_a_process_has_still_to_read(tmp_path: Path) -> None:
    spec = load_domain("technology")
    ledger, read = Ledger(spec), {("technology.alerts", 1): 7}
    file = tmp_path / "technology.learner"
    needed = StillNeeded({"technology": ledger}, read, {"technology.views": file})
    assert needed("technology.late", 0) == float("inf")
    assert [needed("technology.alerts", p) for p in (0, 1)] == [0, 7]
    for name in ("views", "outcomes", "changelog", "shared", "labelled", "feeds", "metrics"):
        assert needed(f"technology.{name}", 0) == 0
    assert needed("ops.models", 0) == 0
    ledger.saved["technology.labelled"] = 5
    assert needed("technology.labelled", 0) == 5
    save_snapshot(file, {}, {("technology.views", 0): 9})
    assert needed("technology.views", 0) == 0  # no worker has read anything


def test_profiles_are_kept_for_their_one_reader_alone(tmp_path: Path) -> None:
    ledgers, file = {"technology": Ledger(load_domain("technology"))}, tmp_path / "technology.watch"
    assert StillNeeded(ledgers, {}, {})("technology.profiles", 0) == float("inf")
    needed = StillNeeded(ledgers, {}, {"technology.profiles": file})
    assert needed("technology.profiles", 0) == 0
    save_snapshot(file, {}, {("technology.profiles", 0): 9})
    assert needed("technology.profiles", 0) == 9


def test_alerts_are_kept_until_both_of_their_readers_have_read_them(tmp_path: Path) -> None:
    ledgers, file = {"technology": Ledger(load_domain("technology"))}, tmp_path / "technology.life"
    place = ("technology.alerts", 1)
    needed = StillNeeded(ledgers, {place: 7}, {"technology.alerts": file})
    assert needed(*place) == 0
    save_snapshot(file, {}, {place: 3})
    assert needed(*place) == 3
    save_snapshot(file, {}, {place: 9})
    assert needed(*place) == 7


def test_positions_are_those_of_the_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "d.rows"
    assert (load_snapshot(file), saved_positions(file)) == (None, {})
    save_snapshot(file, {"user": ["a"]}, {("d.scores", 3): 8})
    assert load_snapshot(file) == ({"user": ["a"]}, {("d.scores", 3): 8})
    assert saved_positions(file) == {("d.scores", 3): 8}
