"""Commands about the models of a run: what they say without a stack, and of an ended run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from streamsim.consumers.monitor.incidents.incident import Cause, Change, Incident, Signal, Turn
from streamsim.consumers.monitor.incidents.incident_records import incident_record
from streamsim.simulator.commands import running_models, watch
from streamsim.simulator.commands.running_models import change, run_at, run_set, running
from streamsim.simulator.run.life.life_requests import TOKEN
from streamsim.simulator.run.runs import Run
from streamsim.streams.errors import UsageError
from streamsim.streams.topics import OPS_ALERTS, OPS_MODELS
from tests.lives import FIRST, World

MODEL = "finance-fraud"
Find = Callable[..., None]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Find:
    """Return a function after which the commands find a run with this content of ``run.json``."""

    def set_up(**info: Any) -> None:
        run = Run(tmp_path, {"domains": ["finance"], **info})
        for module in (running_models, watch):
            monkeypatch.setattr(module, "find_run", lambda *_: run)

    monkeypatch.setattr(watch.signal, "signal", lambda *_: None)
    return set_up


def alive() -> dict[str, Any]:
    own = psutil.Process()
    return {"pid": own.pid, "created": own.create_time(), "address": "127.0.0.1:1"}


def watched(what: str, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> list[str]:
    watch.run_watch(
        what=what, domain=None, as_json=as_json, from_beginning=True, count=None, timeout=0.0,
        broker=None, run=None,
    )  # fmt: skip
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def ended(found: Find, tmp_path: Path) -> World:
    """A run in which a person has promoted a version, and that has ended."""
    found(ended="2025-01-01")
    world = World(tmp_path)
    world.own.life.run = f"streamsim-{tmp_path.name}"
    world.play(2)
    plan = world.plan
    for event, version in (("promoted", "7"), ("rolled back", "1")):
        world.own.life.change(
            event, type(plan)(world.find(version)), who="ann", why="a trial", evidence={}
        )
        world.play(2)
    champion = {
        "event": "champion", "model": MODEL, "version": "1", "threshold": 0.7,
        "effective_from": None,
    }  # fmt: skip
    lines = [champion, *world.bodies, champion]  # told again, as the run went on
    run = Run(tmp_path, {})
    run.kept(OPS_MODELS).write_bytes(b"".join(orjson.dumps(own) + b"\n" for own in lines))
    return world


def test_without_a_stack_a_change_is_refused_in_one_line(found: Find) -> None:
    found(ended="2025-01-01")
    for act in (
        lambda: change("promote", MODEL, version="7"),
        lambda: run_set("finance", ["threshold=0.2"], None, None),
    ):
        with pytest.raises(UsageError, match="no stack is running; start one: streamsim up"):
            act()


def test_another_stack_says_what_it_serves(found: Find) -> None:
    found(**alive())
    with pytest.raises(UsageError, match=f"serves {MODEL}, not water-leak"):
        running("water-leak", None)


def test_with_a_model_service_of_one_s_own_it_says_what_cannot_be(
    found: Find, tmp_path: Path
) -> None:
    found(**alive())
    with pytest.raises(UsageError, match=r"a model service of your own.*no shadow or canary"):
        running(MODEL, None)
    (tmp_path / TOKEN).write_text("secret")
    assert running(MODEL, None).path == tmp_path


@pytest.mark.parametrize("text", ["threshold", "threshold=high", "threshold=nan", "threshold=inf"])
def test_a_setting_that_is_no_number_is_not_sent(found: Find, text: str) -> None:
    found(**alive())
    with pytest.raises(UsageError, match="number"):
        run_set("finance", [text], None, None)


@pytest.mark.parametrize("text", ["horizon=30", "horizon=14d", "horizon"])
def test_a_horizon_is_refused_with_the_reason_and_what_to_do(found: Find, text: str) -> None:
    found(**alive())
    with pytest.raises(UsageError) as told:
        run_set("finance", [text], None, None)
    assert "\n" not in str(told.value)
    for part in ("horizon changes what a label means", "a new model", "streamsim train finance"):
        assert part in str(told.value)


def test_which_version_answered_at_a_time(ended: World, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = ended.bodies_of("promoted", "rolled back")
    for when, version, line in (
        ("2024-10-01", "1", "is champion from the beginning"),
        (first["effective_from"], "7", "7 is the champion in place of 1"),
        (second["effective_from"], "1", "1 is the champion again in place of 7"),
    ):
        run_at(when, MODEL, None)
        answer, told = capsys.readouterr().out.splitlines()
        assert answer == f"{MODEL} at {when}: {version} answers"
        assert line in told


@pytest.mark.parametrize("when", ["soon", "", "NaT"])
def test_a_time_that_is_none_is_refused(ended: World, when: str) -> None:
    with pytest.raises(UsageError, match="is no time like"):
        run_at(when, None, None)


def test_a_run_without_decisions_says_so(found: Find) -> None:
    found(ended="2025-01-01")
    with pytest.raises(UsageError, match="has decided nothing about any model"):
        run_at("2025-01-01", None, None)


def test_the_models_of_an_ended_run_are_told_in_order(
    ended: World, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = watched("models", capsys)
    assert [line.partition(",")[0] for line in lines[1:3]] == [
        f"{MODEL}: 7 is the champion in place of 1",
        f"{MODEL}: 1 is the champion again in place of 7",
    ]
    assert len(watched("models", capsys, as_json=True)) > len(lines)


def test_the_incidents_of_an_ended_run_are_told(
    found: Find, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found(ended="2025-01-01")
    at = FIRST * 86_400_000
    signal = Signal(Cause("finance", "metric_low", "model m"), at, True, False, 0.1, 0.2, "0.1")
    change = Change(Turn.OPENED, at, Incident(signal.cause, at, at, signal, signal, 1, 0.1, at))
    Run(tmp_path, {}).kept(OPS_ALERTS).write_bytes(incident_record(change).value + b"\n{}\n")
    first, second = watched("incidents", capsys)
    assert first.endswith("OPENED      metric low, model m: 0.1, since 00:00")
    assert second.startswith("not a record of streamsim's")


@pytest.mark.parametrize(
    "more",
    [
        {"event": "promoted"},
        {"event": "promoted", "plan": {}, "who": "a", "why": "b", "evidence": {}},
        {"event": "canary", "plan": [], "who": "a", "why": "b", "evidence": {}},
        {"event": "unchanged"},
        {"event": "learnt", "evidence": "none"},
    ],
)
def test_a_record_that_is_none_of_a_life_is_no_traceback(
    found: Find, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: dict[str, Any]
) -> None:
    found(ended="2025-01-01")
    body = {"model": MODEL, "version": "1", "threshold": 0.5, "effective_from": None, **more}
    Run(tmp_path, {}).kept(OPS_MODELS).write_bytes(orjson.dumps(body) + b"\n")
    assert watched("models", capsys)[0].startswith("not a record of streamsim's")
    with pytest.raises(UsageError, match="decided nothing"):
        run_at("2025-01-01", None, None)
