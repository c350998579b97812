"""The process that learns a challenger: started, looked after, and its outcome read."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson

from streamsim.models.adapting.requests import Request
from streamsim.simulator.run.adapting.orders import command_of
from streamsim.simulator.run.adapting.priority import LOW


class Learns(Protocol):
    """What answers requests to learn, one at a time."""

    def begin(self, request: Request, champion: str) -> None:
        """Begin to answer a request."""

    @property
    def is_running(self) -> bool:
        """Whether a request was begun whose outcome was not taken."""

    def ended(self) -> dict[str, Any] | None:
        """Return the outcome once there is one; empty if there will be none."""


class Learning:
    """At most one process at a time, for one domain.

    Parameters
    ----------
    folder
        Folder of the outcomes.
    """

    def __init__(
        self, domain: str, broker: str, versions: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._domain, self._broker, self._versions = domain, broker, versions
        self._folder, self._environment = folder, dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._out = folder

    def begin(self, request: Request, champion: str) -> None:
        """Start the process that answers a request."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._out = self._folder / f"{self._domain}-{request.id}.json"
        command = command_of(
            request, domain=self._domain, champion=champion, broker=self._broker,
            run=self._versions, out=self._out, priority=LOW,
        )  # fmt: skip
        with (self._folder / f"{self._domain}-{request.id}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment
            )

    @property
    def is_running(self) -> bool:
        """Whether a process has been started whose end was not taken."""
        return self._process is not None

    def ended(self) -> dict[str, Any] | None:
        """Return the outcome once the process has ended; empty if it has left none."""
        if self._process is None or self._process.poll() is None:
            return None
        self._process = None
        try:
            found = orjson.loads(self._out.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return found if isinstance(found, dict) else {}
