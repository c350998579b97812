"""The end of a stack: no process is left, and exit code and account show what happened."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from streamsim.simulator.brokers.segments import read_segments
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.processes.children import RESTARTS
from streamsim.simulator.reading import deleted
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.topics import topics_of
from tests.stacks import Up, streamsim, until

DISK_MB = 64


def events_of_world(days: float) -> int:
    """Count the events of the first days of the world of seed 0."""
    spec = load_domain("finance")
    return sum(
        len(emission)
        for piece in world_slices(spec, 0, spec.world.options, days)
        for emission in piece.emissions
        if emission.source == spec.trigger.name
    )


pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("registry")]


@pytest.mark.long
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_request_to_stop_finishes_what_was_sent(tmp_path: Path, number: signal.Signals) -> None:
    with Up(tmp_path, "--rate", "2000") as up:
        up.flowing()
        up.process.send_signal(number)
        assert up.ended() == 0
        assert up.report["unaccounted"] == 0
        assert up.report["in"] == up.report["scored"] > 0
        assert "[closed]" in up.text


@pytest.mark.slow
def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.flowing()
        up.part("worker").suspend()  # so that it can finish nothing
        up.interrupt()
        up.says("finishing what was sent")
        up.interrupt()
        assert up.ended(20) == 3
        assert "stopped at once" in up.text
        assert "Traceback" not in up.text


@pytest.mark.long
def test_killing_the_supervisor_leaves_nothing(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.flowing()
        name = up.run["name"]
        assert {up.part(name) for name in ("worker", "service", "producer")} <= set(up.family())
        up.process.kill()
        assert up.ended() == -signal.SIGKILL
        # Its stored alerts can still be read, and other commands know that it has ended.
        seen = streamsim("watch", "alerts", "--run", name)
        assert seen.returncode == 0
        assert "because" in seen.stdout
        gone = streamsim("watch", "scores", "--run", name)
        assert gone.returncode == 2
        assert "no stack is running" in gone.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "part",
    [
        "worker",
        pytest.param("broker", marks=pytest.mark.embedded),
        pytest.param("service", marks=pytest.mark.slow),
        pytest.param("producer", marks=pytest.mark.slow),
    ],
)
def test_a_part_that_dies_is_restarted_and_no_event_is_lost(tmp_path: Path, part: str) -> None:
    with Up(tmp_path, "--workers", "2", "--days", "6", "--rate", "1000") as up:
        up.flowing()
        up.part(part).kill()
        up.says("it is started again")
        assert up.ended(120) == 0
        report = up.report
        assert report["unaccounted"] == report["labels"]["unaccounted"] == 0
        # A killed broker forgets how far its producers were: it may write a batch again.
        assert report["duplicate"] == 0 or part == "broker"
        assert report["in"] - report["duplicate"] == report["scored"] == events_of_world(6)
        assert "Traceback" not in up.text


@pytest.mark.slow
@pytest.mark.embedded
def test_nobody_misses_what_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reader goes on with what it remembers, and the account closes all the same."""
    monkeypatch.setenv("STREAMSIM_BROKER_DISK_MB", str(DISK_MB))
    # Of several topics, that of the scores is not the first one to lose records.
    topics = [own for own in topics_of(load_domain("technology")) if own.name.endswith(".scores")]
    with Up(tmp_path, "--rate", "1500", domain="technology") as up:
        up.flowing()
        data = Path(os.environ["STREAMSIM_HOME"]) / "runs" / up.run["name"] / "broker"
        until(lambda: deleted(up.run["address"], topics), "deleted records", 180)
        for part, name in (
            ("service", "service"), ("controller", "controller"),
            ("producer", "producer-technology"),
            ("worker", "worker-0"), ("broker", "broker"),
        ):  # fmt: skip
            up.part(part).kill()
            up.says(f"{name} ended with exit code -9; it is started again")
        size = read_segments(data)[1]
        until(lambda: read_segments(data)[1] != size, "more records")
        up.interrupt()
        assert up.ended(180) == 0
        report = up.report
        assert report["unaccounted"] == report["labels"]["unaccounted"] == 0
        assert report["judged"]["deleted"]["technology.scores"] > 0
        assert 0 < report["judged"]["scores"] < report["scored"]
        assert "judged " in up.text
        assert "take more than" not in up.text
        assert "Traceback" not in up.text


@pytest.mark.long
def test_a_run_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    with Up(tmp_path, "--workers", "2", "--days", "6", "--rate", "1000") as up:
        up.flowing()
        name = up.run["name"]
        again = streamsim("up", "--resume", name)
        assert again.returncode == 2
        assert f"run {name} is still running" in again.stderr
        up.process.kill()
        assert up.ended() == -signal.SIGKILL
        report = tmp_path / "resumed.json"
        resumed = streamsim("up", "--headless", "--resume", name, "--report", str(report))
        assert resumed.returncode == 0, resumed.stderr
        found = json.loads(report.read_text())["domains"]["finance"]
        assert found["unaccounted"] == found["labels"]["unaccounted"] == 0
        assert found["in"] == found["scored"] == events_of_world(6)
        folder = Path(os.environ["STREAMSIM_HOME"], "runs", name)
        alerts = (folder / "finance.alerts.jsonl").read_text().splitlines()
        assert len(set(alerts)) == found["alerts"] > 0
        assert not (folder / "broker").exists()
        assert "was not cut short" in streamsim("up", "--resume", name).stderr


@pytest.mark.slow
def test_a_part_that_dies_again_and_again_ends_the_run(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.flowing()
        for times in range(1, RESTARTS + 2):
            service = up.part("service")
            service.kill()
            if times <= RESTARTS:
                until(lambda n=times: up.text.count("it is started again") == n, "a new start")
        assert up.ended() == 3
        assert "streamsim: service ended" in up.text


@pytest.mark.long
def test_a_part_that_refuses_its_settings_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSIM_PRIVACY_KEY", "ab" * 32)
    with Up(tmp_path, domain="healthcare") as up:
        assert up.ended(120) == 3
        assert "a key has at least 32 random bytes" in up.text
        assert "started again" not in up.text


@pytest.mark.slow
def test_two_stacks_run_side_by_side(tmp_path: Path) -> None:
    with Up(tmp_path, "--seed", "1") as one, Up(tmp_path, "--seed", "2") as other:
        for up in (one, other):
            up.flowing()
        assert one.run["address"] != other.run["address"]
        which = streamsim("watch", "alerts", "--count", "1")
        assert which.returncode == 2
        assert one.run["name"] in which.stderr
        assert other.run["name"] in which.stderr
        named = streamsim(
            "watch", "alerts", "--run", other.run["name"], "--from-beginning", "--count", "1"
        )
        assert named.returncode == 0
        assert "card" in named.stdout
        one.interrupt()
        assert one.ended() == 0
        assert psutil.pid_exists(other.part("worker").pid)
        before = other.text.count("because")
        until(lambda: other.text.count("because") > before, "more alerts of the other one")
        other.interrupt()
        assert other.ended() == 0
        assert one.report["unaccounted"] == other.report["unaccounted"] == 0
