"""A real model service: its own process, on a free port, with a token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import free_port
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from tests.service.programme import Programme
from tests.stacks import until

TOKEN = "a-token-for-tests"
MAX_ROWS, MAX_BODY = 2_000, 1 << 20


@dataclass(frozen=True)
class Service:
    """Where a service listens, and what it serves."""

    port: int
    signature: Signature
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Make one request; return status, decoded body and headers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            raw = response.read()
            with suppress(ValueError):
                raw = json.loads(raw)
            return response.status, raw, dict(response.getheaders())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def service(
    registry: Registry, finance: DomainSpec, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    port = free_port()
    log = tmp_path_factory.mktemp("service") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamsim.models.serve",
                "--port",
                str(port),
                "--model",
                finance.model.recipe.name,
            ],
            env={
                **os.environ,
                "STREAMSIM_TOKEN": TOKEN,
                "STREAMSIM_MAX_ROWS": str(MAX_ROWS),
                "STREAMSIM_MAX_BODY": str(MAX_BODY),
                "OMP_NUM_THREADS": "1",
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    version = registry.champion(finance.model.recipe.name)
    assert version is not None
    found = Service(port, registry.release(finance.model.recipe.name, version).signature, log)
    try:
        _await(f"{found.url}/v2/health/ready", process)
        yield found
    finally:
        process.terminate()
        process.wait(10)
    assert "Traceback" not in log.read_text()


@pytest.fixture
def programme() -> Iterator[Programme]:
    with Programme() as programme:
        yield programme


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    def ready() -> bool:
        assert process.poll() is None, "the service ended"
        with suppress(OSError), urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
        return False

    until(ready, "the service")
