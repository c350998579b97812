"""However a stack ends, nothing of it is left, and the exit code and the account tell."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.stacks import Up, streamsim, until

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("registry")]


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


def test_killing_the_supervisor_leaves_nothing(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.flowing()
        name = up.run["name"]
        assert len(up.family()) >= 5
        up.process.kill()
        assert up.ended() == -signal.SIGKILL
        # What it had seen is still there to be read, and it is known to be over.
        seen = streamsim("watch", "alerts", "--run", name)
        assert seen.returncode == 0
        assert "because" in seen.stdout
        gone = streamsim("watch", "scores", "--run", name)
        assert gone.returncode == 2
        assert "no stack is running" in gone.stderr


@pytest.mark.parametrize(
    "part",
    [
        "worker",
        pytest.param("broker", marks=pytest.mark.slow),
        pytest.param("service", marks=pytest.mark.slow),
        pytest.param("producer", marks=pytest.mark.slow),
    ],
)
def test_the_death_of_a_part_ends_the_run_and_names_it(tmp_path: Path, part: str) -> None:
    with Up(tmp_path) as up:
        up.flowing()
        up.part(part).kill()
        assert up.ended() == 3
        assert f"streamsim: {part}" in up.text
        assert "Traceback" not in up.text
        assert Path(up.run["path"], "finance.alerts.jsonl").stat().st_size > 0


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
