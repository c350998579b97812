"""``streamsim controller``: what it refuses before it decides anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.registry import Registry
from streamsim.simulator.commands import control
from streamsim.simulator.commands.control import run_controller
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import UsageError
from tests.property.chained import signature

BROKER = "127.0.0.1:9"


class Foreign(BaseHTTPRequestHandler):
    """A model service that is no service of ours."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Foreign) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return the command, in a home with one champion, and with a broker that answers."""
    monkeypatch.setenv("STREAMSIM_HOME", str(tmp_path))
    monkeypatch.setattr(control, "wait_for_broker", lambda *_: None)
    own = replace(signature(SPEC), model=SPEC.model.recipe.name)
    registry = Registry(tmp_path / "registry")
    blank = LogisticRegression().fit([[0.0] * len(own.features), [1.0] * len(own.features)], [0, 1])
    registry.add(blank, own, metrics={}, data={}, card="", created="now")
    registry.promote(own.model, "1")

    def act(url: str = "", domain: str = "finance", run: str = "own") -> None:
        monkeypatch.setenv("STREAMSIM_MODEL_URL", url)
        run_controller(domain=[domain], broker=BROKER, run=run)

    return act


def test_what_is_missing_is_named_in_one_line(begin: Callable[..., None]) -> None:
    with pytest.raises(UsageError, match="set STREAMSIM_MODEL_URL"):
        begin()
    with pytest.raises(UsageError, match="no champion of retail-return"):
        begin("http://127.0.0.1:9", domain="retail")
    with pytest.raises(UsageError, match=r"'\.\./x' is no name of a run"):
        begin("http://127.0.0.1:9", run="../x")


def test_a_service_that_decides_by_itself_is_refused(
    begin: Callable[..., None], service: str
) -> None:
    with pytest.raises(UsageError, match="which version answers is decided there") as told:
        begin(service)
    assert "\n" not in str(told.value)
