"""A domain with two third parties, defined in its folder alone and asked over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from typing import Any

import orjson
import pytest

import streamsim.streams.domains
from streamsim.simulator.processes.children import Children
from streamsim.simulator.reach import Reach
from streamsim.simulator.run.probes import listens
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.standin_processes import StandIns
from streamsim.simulator.standins.__main__ import find_party
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import AnswerError, SettingError, UsageError
from streamsim.streams.settings import Settings, as_markdown, read_settings
from streamsim.streams.spec import HOUR, DomainSpec
from streamsim.streams.spec.world import Slice
from tests.stacks import until
from tests.third_party_domain import TEST, write

HOURS, METERS = 30, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("third") / "domains", "wells")
    return write(folder, "springs", both=True)


@pytest.fixture(autouse=True)
def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the two domains known during a test, in this process and in child processes."""
    path = [*streamsim.streams.domains.__path__, str(folder)]
    monkeypatch.setattr(streamsim.streams.domains, "__path__", path)
    monkeypatch.setenv("STREAMSIM_DOMAINS", str(folder))


def hours(slices: Iterable[Slice], spec: DomainSpec) -> Iterator[Slice]:
    end = spec.world.epoch + HOURS * HOUR
    return takewhile(lambda piece: piece.until <= end, slices)


def said(spec: DomainSpec, settings: Settings | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the answers by their source, without their arrival times."""
    world = spec.world.make(7, {**spec.world.options, "meters": METERS})
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in Reach(settings).with_context(spec, hours(world.slices(), spec)):
        for emission in piece.emissions:
            found.setdefault(emission.source, []).extend(map(orjson.loads, emission.values))
    for name, bodies in found.items():
        found[name] = sorted(
            ({k: v for k, v in body.items() if k != "event_time"} for body in bodies),
            key=lambda body: str(body["event_id"]),
        )
    return found


@contextmanager
def stand_ins(spec: DomainSpec, settings: Settings, path: Path) -> Iterator[StandIns]:
    """Run the stand-ins as a stack does."""
    children = Children(path / "logs")
    try:
        running = StandIns(Plan((spec,), settings, {}), children)
        running.start(settings.environment())
        until(lambda: children.check() or all(map(listens, running.urls)), "the stand-ins")
        yield running
    finally:
        children.stop_all(5)


def test_answers_are_events_and_facts_are_not_sent() -> None:
    spec = load_domain("wells")
    found = said(spec)
    assert set(found) == {"readings", "repairs", "truth", "connections"}
    people = {body["meter_id"]: body["people"] for body in found["connections"]}
    assert people == {f"m{i:04}": 1 + i % 5 for i in range(METERS)}
    assert len(found["connections"]) == METERS  # each is asked about once in 30 days


def test_the_page_s_test_passes() -> None:
    names: dict[str, Any] = {}
    exec(TEST.replace("domains.water.", "domains.wells."), names)
    names["test_the_register_is_asked"]()
    with pytest.raises(AnswerError, match="send a list of objects"):
        names["Register"]().learn({})


def test_two_third_parties_are_asked_over_http_each_by_its_own_settings(
    tmp_path: Path, folder: Path
) -> None:
    spec = load_domain("springs")
    own = {
        "STREAMSIM_HOME": str(tmp_path),
        "STREAMSIM_DOMAINS": str(folder),
        "STREAMSIM_REGISTER_WAIT_S": "30",
    }
    settings = read_settings(environ=own)
    with stand_ins(spec, settings, tmp_path) as running:
        environment = running.environment("springs")
        names = [f"STREAMSIM_{n}_{k}" for n in ("PLUMBERS", "REGISTER") for k in ("KEY", "TOKEN")]
        assert len({environment[name] for name in names}) == 4
        assert len(set(running.urls)) == 2
        found = said(spec, read_settings(environ=own | environment))
        assert running.environment("finance") == {}
    assert found == said(spec)
    assert len(found["connections"]) == METERS
    assert len(found["visits"]) > METERS  # once a day
    assert {body["visits"] for body in found["visits"]} == {1, 2, 3, 4, 5}
    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert "register of meters on" in logs["springs-register.log"]
    assert "guild of plumbers on" in logs["springs-plumbers.log"]


def test_a_real_third_party_is_asked_and_sent_no_facts(tmp_path: Path, folder: Path) -> None:
    """One third party has an address of its own; the stand-in of the other gets its facts."""
    spec = load_domain("springs")
    with Real.serve() as (url, asked):
        own = {
            "STREAMSIM_HOME": str(tmp_path),
            "STREAMSIM_DOMAINS": str(folder),
            "STREAMSIM_REGISTER_URL": url,
            "STREAMSIM_REGISTER_KEY": "the-users-own",
            "STREAMSIM_REGISTER_WAIT_S": "30",
        }
        settings = read_settings(environ=own)
        with stand_ins(spec, settings, tmp_path) as running:
            assert len(running.urls) == 1
            environment = settings.environment() | running.environment("springs")
            found = said(spec, read_settings(environ=environment))
    assert {body["people"] for body in found["connections"]} == {77}
    assert {body["visits"] for body in found["visits"]} == {1, 2, 3, 4, 5}
    assert {method for method, _, _ in asked} == {"GET"}
    assert {key for _, _, key in asked} == {"the-users-own"}
    assert {path for _, path, _ in asked} == {f"/v1/meters/m{i:04}" for i in range(METERS)}


class Real(BaseHTTPRequestHandler):
    """A register that is no stand-in: 77 people at every meter."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.headers["X-Api-Key"]))
        body = json.dumps({"people": 77}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
        asked: list[tuple[str, str, str | None]] = []
        with ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (cls,), {"asked": asked})) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}", asked
            server.shutdown()
            thread.join(10)


def test_its_settings_are_settings_like_all_others() -> None:
    environ = {"STREAMSIM_PLUMBERS_WAIT_S": "7", "STREAMSIM_SEED": "3"}
    settings = read_settings(environ=environ)
    plumbers = find_party("springs/plumbers")
    assert settings.of(plumbers.wait) == 7.0
    assert settings.of(find_party("wells").wait) == 0.5
    assert read_settings(environ=settings.environment()) == settings
    assert "| `STREAMSIM_PLUMBERS_KEY` |  | secret | API key of the guild of plumbers |" in (
        as_markdown()
    )
    for wrong in ({"STREAMSIM_PLUMBERS_WAIT_S": "-1"}, {"STREAMSIM_PLUMBER_KEY": "x"}):
        with pytest.raises(SettingError, match=next(iter(wrong))):
            read_settings(environ=wrong)


def test_one_of_several_third_parties_has_to_be_named() -> None:
    assert find_party("wells").name == find_party("wells/register").name == "register"
    with pytest.raises(UsageError, match="springs/register, springs/plumbers"):
        find_party("springs")
    with pytest.raises(UsageError, match="finance asks none"):
        find_party("finance")
