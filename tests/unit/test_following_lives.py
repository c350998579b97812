"""What a run keeps and says of the lives of its models, and of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from streamsim.consumers.monitor.incidents.incident import Cause, Change, Incident, Signal, Turn
from streamsim.consumers.monitor.incidents.incident_records import incident_record
from streamsim.consumers.monitor.incidents.silences import Silence
from streamsim.simulator.reading import Tail
from streamsim.simulator.run import following as following_module
from streamsim.simulator.run.following import Following
from streamsim.simulator.run.kept_run import Keeper
from streamsim.simulator.run.life.life_requests import new_request
from streamsim.simulator.run.runs import Run
from streamsim.simulator.run.view import Reasons, View
from streamsim.streams.topics import OPS_ALERTS, OPS_MODELS
from tests.lives import SPEC, World

REQUEST = new_request("run", "finance-fraud", "promote", version="7", who="ann", why="a trial")
AT = 1_736_726_400_000


class Told(NamedTuple):
    topic: str
    value: bytes | None
    partition: int = 0
    offset: int = 0


class Said(View):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.dead = Reasons()

    def say(self, text: str) -> None:
        self.lines.append(text)


class Records(Tail):
    """Replacement of a topic's end."""

    def __init__(self, records: Sequence[Told]) -> None:
        self._told = list(records)

    def poll(self, seconds: float) -> list[Any]:
        told, self._told = self._told, []
        return told


def followed(folder: Path, records: Sequence[Told]) -> tuple[list[str], Run]:
    view, run = Said(), Run(folder, {})
    following = Following([SPEC], view)
    with Keeper(run, following.kept, view.lines.append) as keeper:
        following.keeper = keeper
        following.take(Records(records))
    return view.lines, run


def incident(silence: Silence | None = None, turn: Turn = Turn.OPENED) -> bytes:
    signal = Signal(Cause("finance", "metric_low", "model m"), AT, True, False, 0.1, 0.2, "0.1")
    opened = Incident(signal.cause, AT, AT, signal, signal, 1, 0.1, AT)
    return incident_record(Change(turn, AT, opened), silence).value


def test_what_stays_open_is_said_once_a_minute_at_most_and_kept_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(following_module.time, "monotonic", lambda: now[0])
    view, run = Said(), Run(tmp_path, {})
    following = Following([SPEC], view)
    turns = [Turn.OPENED, *[Turn.RENOTIFIED] * 5]
    with Keeper(run, following.kept, view.lines.append) as keeper:
        following.keeper = keeper
        for turn in turns:
            following.take(Records([Told(OPS_ALERTS, incident(turn=turn))]))
            now[0] += 25.0
    assert [line.split()[2] for line in view.lines] == ["OPENED", "STILL"]
    assert len(run.kept(OPS_ALERTS).read_bytes().splitlines()) == len(turns)


def test_decisions_are_kept_and_said_and_what_tells_people_nothing_is_neither(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.play(2)
    world.own.life.carry_out(REQUEST)
    bodies = [*world.bodies, REQUEST.as_record("secret")]
    assert {own["event"] for own in bodies} == {"unchanged", "promoted", "asked"}
    said, run = followed(tmp_path, [Told(OPS_MODELS, orjson.dumps(own)) for own in bodies])
    assert len(said) == 1
    assert "7 is the champion in place of 1" in said[0]
    kept = [orjson.loads(own)["event"] for own in run.kept(OPS_MODELS).read_bytes().splitlines()]
    assert kept == ["promoted", "asked"]


def test_a_silenced_incident_is_kept_and_not_said(tmp_path: Path) -> None:
    silence = Silence(rule="metric_low", who="ann", why="known", until_event_time=2 * AT)
    told = [Told(OPS_ALERTS, incident()), Told(OPS_ALERTS, incident(silence))]
    said, run = followed(tmp_path, told)
    assert len(said) == 1
    assert "metric low, model m" in said[0]
    assert len(run.kept(OPS_ALERTS).read_bytes().splitlines()) == 2


def test_records_of_other_programs_are_neither_kept_nor_said(tmp_path: Path) -> None:
    promoted = {
        "event": "promoted", "model": "m", "version": "1", "threshold": 0.5,
        "effective_from": None,
    }  # fmt: skip
    values = [
        None,
        b"",
        b"\xff",
        b"[]",
        orjson.dumps(promoted),
        orjson.dumps({**promoted, "plan": {}}),
    ]
    told = [Told(name, value) for name in (OPS_MODELS, OPS_ALERTS) for value in values]
    said, run = followed(tmp_path, told)
    assert said == []
    assert run.kept(OPS_MODELS).read_bytes() == run.kept(OPS_ALERTS).read_bytes() == b""
