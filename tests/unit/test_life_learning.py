"""The process that learns a challenger: its outcome, and an end without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streamsim.models.adapting.requests import Request
from streamsim.simulator.run.life import learning
from streamsim.simulator.run.life.learning import Learning
from streamsim.streams.spec.adapting import Trigger

REQUEST = Request("1-20250101T000000", (Trigger.METRIC,), ("worse",), 9, 1, 5, 9)


def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> object:
    """Return the outcome of a process that runs this code, with the place of the outcome."""

    def command(request: Request, *, out: Path, **_: object) -> list[str]:
        return [sys.executable, "-c", code, str(out)]

    monkeypatch.setattr(learning, "command_of", command)
    own = Learning("finance", "broker:1", tmp_path / "models", tmp_path / "learning", {})
    assert (own.ended(), own.is_running) == (None, False)
    own.begin(REQUEST, "1")
    assert own.is_running
    assert own._process is not None
    own._process.wait(30)
    outcome = own.ended()
    assert (own.ended(), own.is_running) == (None, False)
    return outcome


WRITE = "import sys; open(sys.argv[1], 'w').write({!r})"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (WRITE.format('{"ended": "better"}'), {"ended": "better"}),
        ("import os; os.kill(os.getpid(), 9)", {}),
        ("raise SystemExit(3)", {}),
        (WRITE.format('{"ended": "bet'), {}),
        (WRITE.format("[1]"), {}),
    ],
)
def test_an_outcome_is_read_once_and_an_end_without_one_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, outcome: object
) -> None:
    assert ended(tmp_path, monkeypatch, code) == outcome


def test_what_the_process_says_is_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(tmp_path, monkeypatch, "print('too few events')")
    (log,) = (tmp_path / "learning").glob("finance-*.log")
    assert log.read_text() == "too few events\n"
