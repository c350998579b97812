"""A challenger is learnt from the topics, held against the champion, and released once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from streamsim.models.checking import trial
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.writer import Message
from streamsim.simulator.run.adapting import retraining
from streamsim.simulator.run.adapting.retraining import main
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import ModelError
from streamsim.streams.spec import DAY, HOUR, MINUTE
from streamsim.streams.spec.renewals import cut_of
from tests.guarded import GUARD
from tests.logged import BEGIN, Rows, fill, invented, record, release_champion, scores
from tests.stacks import until

pytestmark = pytest.mark.stack
N = 2_000
UNTIL = BEGIN + N * 60_000
KNOWN_UNTIL = UNTIL + SPEC.labels.delay


def chargebacks(rows: Rows) -> Iterator[Message]:
    for row in rows.labels.nonzero()[0].tolist():
        time, entity = int(rows.times[row]), rows.entities[row]
        body = {
            "event_id": f"c{row}", "transaction_id": str(row), "terminal_id": "t1",
            "transaction_time": "2023-11-14T22:00:00.000Z", "amount_cents": 100,
        }  # fmt: skip
        yield record(SPEC, "chargebacks", entity, time + HOUR, body, time + HOUR)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    registry = Registry(tmp_path_factory.mktemp("home"))
    release_champion(SPEC, registry, invented(SPEC, N, telling=0, seed=1))
    return registry


@pytest.fixture
def begun(broker: str, tmp_path: Path, home: Registry) -> tuple[str, Path]:
    """A broker with scores since a change that the champion has not seen."""
    shutil.copytree(home.root, tmp_path / "home")
    champion = home.release("finance-fraud", "1").signature
    rows = invented(SPEC, N, telling=1, seed=2)
    fill(broker, SPEC, [*scores(SPEC, rows, champion), *chargebacks(rows)])
    return broker, tmp_path


def command(broker: str, folder: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "streamsim.simulator.run.adapting.retraining",
        "--domain", "finance", "--champion", "1", "--broker", broker,
        "--since", str(BEGIN), "--until", str(UNTIL), "--known-until", str(KNOWN_UNTIL),
        "--run", str(folder / "run"), "--registry", str(folder / "home"),
        "--request", "1-test", "--out", str(folder / "outcome.json"), "--priority", "normal",
        "--set", "least_rows=500", "--set", f"gap={HOUR}", *more,
    ]  # fmt: skip


def run(broker: str, folder: Path, *more: str) -> dict[str, Any]:
    assert main(command(broker, folder, *more)[3:]) == 0
    found: dict[str, Any] = orjson.loads((folder / "outcome.json").read_bytes())
    return found


@pytest.mark.slow
def test_it_may_be_killed_and_is_done_once(begun: tuple[str, Path]) -> None:
    broker, folder = begun
    first = subprocess.Popen(
        command(broker, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    GUARD.watch(first)
    tried = folder / ".outcome.json.trial"
    until(lambda: tried.exists() or first.poll() is not None, "it is in the midst of its work")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    GUARD.release(first)
    assert not (folder / "outcome.json").exists()

    done = subprocess.run(command(broker, folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    outcome = orjson.loads((folder / "outcome.json").read_bytes())
    assert done.stdout == f"1-test: better: {outcome['why']}\n"
    gates = {gate["name"]: gate for gate in outcome["verdict"]["gates"]}
    assert set(gates) == {
        "better", "calibration", "brier", "segment", "latency", "size", "loads", "signature",
    }  # fmt: skip
    assert gates["better"]["value"] > 0.2
    assert outcome["rows"]["scored"] == N
    assert outcome["rows"]["rows"] + outcome["rows"]["holdout_rows"] + 60 == N
    assert not tried.exists()

    own = Registry(folder / "run")
    (version,) = own.versions("finance-fraud")
    assert outcome["version"] == version
    assert version.startswith("1-20231")
    estimator, signature = own.load("finance-fraud", version)
    assert signature.threshold == outcome["threshold"]
    assert estimator is not None
    card = own.card("finance-fraud", version)
    assert f"# finance-fraud {version}" in card
    assert gates["better"]["text"] in card
    assert f"fitted once more, to all {N:,} events" in card
    assert cut_of(version) == UNTIL // MINUTE * MINUTE

    # Its outcome is lost, but not what it has released: that answers, and nothing is learnt again.
    (folder / "outcome.json").unlink()
    assert run(broker, folder) == outcome
    shutil.rmtree(folder / "run")
    assert run("127.0.0.1:1", folder) == outcome  # from its file: no broker is asked


def test_one_that_cannot_be_fitted_to_all_events_stays_as_it_was_judged(
    begun: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object, **named: object) -> None:
        raise ModelError("it does not fit")

    monkeypatch.setattr(retraining, "refit", fails)
    outcome = run(*begun)
    version = outcome["version"]
    assert outcome["ended"] == "better"
    assert cut_of(version) < UNTIL - DAY / 4
    card = Registry(begun[1] / "run").card("finance-fraud", version)
    assert "fitted once more" not in card


def test_what_cannot_be_learnt_is_said_in_a_line(
    begun: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broker, folder = begun
    few = run(broker, folder, "--request", "3", "--set", "least_rows=4000")
    assert few["ended"] == "failed"
    assert few["why"] == "2,000 labelled events, at least 4,000 are needed"
    assert main([*command(broker, folder)[3:-2], "--set", "speed=1"]) == 2
    assert capsys.readouterr().err.startswith(
        "streamsim.simulator.run.adapting.retraining: no number 'speed' of an adaptation"
    )
    early = str(BEGIN + 2 * HOUR + SPEC.labels.delay)
    none = run(broker, folder, "--request", "4", "--known-until", early)
    assert none["rows"] == {"scored": N, "unlabelled": N - 120, "skipped": 0}
    assert none["why"] == "120 labelled events, at least 500 are needed"
    hole = f"{BEGIN}:{UNTIL - DAY}"
    away = run(broker, folder, "--request", "5", "--without", hole, "--set", "better=0.9")
    assert away["rows"]["scored"] == 24 * 60
    assert away["ended"] == "refused"
    assert "at least +0.9 and above 0" in away["why"]
    card = Registry(folder / "run").card("finance-fraud", away["version"])
    assert "It is not better than version 1" in card
    taken = run(broker, folder, "--request", "5b", "--without", hole)
    assert taken["why"].startswith(f"version {away['version']} is there already")
    least = run(broker, folder, "--request", "6", "--set", "least_positives=1000")
    assert "of them positive: at least 1000 of each class are needed" in least["why"]
    assert Registry(folder / "run").versions("finance-fraud") == [away["version"]]

    def slow(command: list[str], timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(trial, "subprocess", SimpleNamespace(
        run=slow, TimeoutExpired=subprocess.TimeoutExpired, DEVNULL=subprocess.DEVNULL
    ))  # fmt: skip
    shutil.rmtree(folder / "run")
    stuck = run(broker, folder, "--request", "7", "--without", hole)
    assert (stuck["ended"], stuck["version"]) == ("refused", None)
    assert f"{away['version']} did not answer within 600 s in its trial" in stuck["why"]
    assert Registry(folder / "run").versions("finance-fraud") == []
