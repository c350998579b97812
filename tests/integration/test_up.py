"""The whole stack as real processes, started by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.cli import entry
from tests.stacks import Up, streamsim

pytestmark = pytest.mark.stack


def test_up_scores_every_event_of_the_world_and_closes_its_account(
    registry: Registry, tmp_path: Path, stack_broker: str
) -> None:
    report = tmp_path / "report.json"
    done = streamsim(
        "up", "--domain", "finance", "--headless", "--days", "4", "--speed", "max",
        "--report", str(report), "--broker", stack_broker,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    finance = json.loads(report.read_text())["domains"]["finance"]
    assert finance["in"] == finance["scored"] > 5_000
    assert finance["unaccounted"] == finance["labels"]["unaccounted"] == 0
    assert finance["alerts"] > 0
    assert "CRITICAL" in done.stdout


@pytest.mark.long
def test_a_rate_that_is_too_high_is_not_held_and_that_is_said_once(
    registry: Registry, tmp_path: Path
) -> None:
    """The producer waits for the workers: few records are ever behind them."""
    with Up(tmp_path, "--rate", "1000000", "--duration", "60") as up:
        up.says("finance runs at ")
        up.interrupt()
        assert up.ended(120) == 0
        report, text = up.report, up.text
    assert text.count(" of its speed, so that scores do not come later and later: ") == 1
    assert "is busy" in text or "are busy" in text or "needs more" in text
    assert report["unaccounted"] == report["labels"]["unaccounted"] == 0
    assert report["in"] == report["scored"] > 1_000


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["up", "--speed", "fast"], "--speed takes a positive number or max"),
        (["up", "--domain", "nowhere"], "no domain 'nowhere'"),
        (["up", "--source", "finance=/no/such/file"], "no such file"),
        (["up", "--broker", "somewhere"], "HOST:PORT"),
        (["up", "--workers", "0"], "workers must be between 1 and 64"),
        (["up", "--rate", "5", "--speed", "5"], "exclude each other"),
        (["up", "--rate", "finance=5", "--speed", "finance=5"], "exclude each other"),
        (["up", "--rate", "finance=many"], "--rate takes a positive number"),
        (["up", "--domain", "finance", "--rate", "retail=5"], "'retail', which is not run"),
        (["watch", "alerts"], "no stack has been run"),
        (["unheard-of"], "No such command"),
    ],
)
def test_a_mistake_in_usage_is_one_clear_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In this process; the next test runs the program."""
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["streamsim", *arguments])
    with pytest.raises(SystemExit) as ended:
        entry()
    said = capfd.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert complaint in said


@pytest.mark.embedded
def test_a_mistake_in_usage_ends_the_program_with_that_line() -> None:
    done = streamsim("up", "--speed", "fast")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--speed takes a positive number or max" in done.stderr
