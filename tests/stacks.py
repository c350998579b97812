"""Stacks as a user has them: started by the command line, awaited, ended, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from streamsim.streams.settings import EMBEDDED
from tests.brokers import BROKERS
from tests.guarded import GUARD

PATIENCE_S = 60.0


def streamsim(*arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "streamsim.simulator.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """Await a condition and return its value; fail if it does not come."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        pause.wait(0.05)
    return value


class Up:
    """A running ``streamsim up``; a context manager that leaves nothing behind.

    It runs on a clean broker of the kind that the session's tests run on.
    """

    def __init__(self, folder: Path, *arguments: str, domain: str = "finance") -> None:
        self.log = folder / f"up-{time.monotonic_ns()}.txt"
        self.report_file = self.log.with_suffix(".json")
        runs = Path(os.environ["STREAMSIM_HOME"]) / "runs"
        before = set(runs.glob("*"))
        self._lent = ExitStack()
        broker = self._lent.enter_context(BROKERS.for_stack())
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "streamsim.simulator.cli", "up", "--domain", domain,
                    "--headless", "--report", str(self.report_file), "--broker", broker,
                    *arguments,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        GUARD.watch(self.process)
        self.domain = domain
        self._before, self._runs = before, runs
        self._seen: dict[int, psutil.Process] = {}

    def __enter__(self) -> Up:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.family()
            self.process.kill()
        self.process.wait()
        GUARD.release(self.process)
        until(lambda: not self.left(), "the end of all processes", 15)
        self._lent.close()

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.log.read_text()

    @property
    def run(self) -> dict[str, Any]:
        """What its run file says, with its name."""
        for path in set(self._runs.glob("*")) - self._before:
            info = json.loads((path / "run.json").read_text())
            if info["pid"] == self.process.pid:
                return {**info, "name": path.name, "path": str(path)}
        return {}

    def says(self, text: str, seconds: float = PATIENCE_S) -> None:
        """Wait until it prints a text."""

        def there() -> bool:
            return text in self.text or self.process.poll() is not None

        until(there, text, seconds)
        assert text in self.text, self.text

    def flowing(self) -> Up:
        """Wait until alerts come."""
        self.says("because")
        self.family()
        return self

    def family(self) -> list[psutil.Process]:
        """Return its processes, itself left out, and remember them."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            self._seen[process.pid] = process
        return list(self._seen.values())

    def part(self, name: str) -> psutil.Process:
        """Return the process of a part: broker, service, worker, renewing or producer."""
        words = {
            "broker": "-data",
            "service": "streamsim.models.serve",
            "worker": "streamsim.consumers.worker",
            "controller": "streamsim.simulator.run.life.controlling",
            "producer": "--anchor",
            "stand-in": "streamsim.simulator.standins",
        }
        self.family()
        return next(p for p in self.alive() if words[name] in p.cmdline())

    def alive(self) -> list[psutil.Process]:
        """Return those of its processes that run."""
        return [p for p in self._seen.values() if p.is_running() and p.status() != "zombie"]

    def left(self) -> list[psutil.Process]:
        """Return those of its processes that are still there."""
        return self.alive()

    def ended(self, seconds: float = PATIENCE_S) -> int:
        """Wait for its end and return its exit code; nothing of it may be left."""
        code = self.process.wait(seconds)
        until(lambda: not self.left(), "the end of all processes", 10)
        run = self.run
        ours = ("address", "model_url") if BROKERS.kind == EMBEDDED else ("model_url",)
        for address in filter(None, map(run.get, ours)):
            assert not listening(address), f"{address} is still taken"
        return code

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    @property
    def report(self) -> dict[str, Any]:
        """Its report on the domain."""
        found: dict[str, Any] = json.loads(self.report_file.read_text())["domains"][self.domain]
        return found


def listening(address: str) -> bool:
    """Say whether somebody listens there (``HOST:PORT`` or a URL)."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0
