"""A whole stack to inject faults into: ``streamsim up`` as a process, observed from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from streamsim.simulator.brokers.broker import end_offsets
from streamsim.simulator.reading import Tail
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.own_outputs import read_metrics
from streamsim.streams.errors import BrokerError, StackError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import METRICS, topic, topics_of

PATIENCE_S = 120.0
PARTS = {
    "broker": "-data",
    "service": "streamsim.models.serve",
    "worker": "streamsim.consumers.worker",
    "producer": "--anchor",
    "controller": "streamsim.simulator.run.life.controlling",
}


class Target:
    """A running stack of one domain; a context manager that ends all its processes.

    Parameters
    ----------
    folder
        Folder for the files of the run.
    options
        Options of ``streamsim up``.
    environment
        Additional environment variables.
    """

    def __init__(
        self,
        spec: DomainSpec,
        folder: Path,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self.report_file, self.recording_file = folder / "report.json", folder / "whole.parquet"
        self._log = folder / "up.txt"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "streamsim.simulator.cli", "up", "--domain", spec.name,
                    "--headless", "--report", str(self.report_file),
                    "--record", str(self.recording_file), *options,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "STREAMSIM_METRICS_S": "0.2", **(environment or {})},
                start_new_session=True,
            )  # fmt: skip
        home = (environment or {}).get("STREAMSIM_HOME") or os.environ.get("STREAMSIM_HOME")
        self._home = Path(home or "~/.local/state/streamsim").expanduser()
        self._joined: list[subprocess.Popen[bytes]] = []
        self._ledger = Ledger(spec)
        self._tail: Tail | None = None
        self.address = self.model_url = ""
        self.peak_mb = 0.0
        self.most_waiting = 0

    def __enter__(self) -> Target:
        try:
            self._until(self._found, "its run file")
            metrics = [t for t in topics_of(self.spec) if t.name == topic(self.spec.name, METRICS)]
            self._tail = Tail(self.address, metrics).__enter__()
            self._until(lambda: self._scored() > 0, "the first scores")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._unfollow()
        for process in self._joined:
            process.kill()
            process.wait()
        self._process.kill()
        self._process.wait()

    @property
    def text(self) -> str:
        """The output of the stack so far."""
        return self._log.read_text(errors="replace")

    def parts(self, name: str) -> list[psutil.Process]:
        """Return the stack's processes of a kind: broker, service, worker, producer or renewing."""
        found = []
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if PARTS[name] in process.cmdline():
                    found.append(process)
        return found

    def join(self) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        command = self.parts("worker")[0].cmdline()
        command[command.index("--worker") + 1] = str(90 + len(self._joined))
        environment = {**os.environ, **self.parts("worker")[0].environ()}
        with self._log.with_name(f"joined-{len(self._joined)}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        self._joined.append(process)
        return process

    def watch(self, seconds: float) -> None:
        """Wait for some seconds, and sample the stack meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._look(min(left, 0.1))

    def freeze(self, process: psutil.Process, seconds: float) -> None:
        """Let a process stand still for some seconds."""
        send(process, signal.SIGSTOP)
        self.watch(seconds)
        send(process, signal.SIGCONT)

    def caught_up(self) -> float:
        """Wait until all records sent so far are finished; return the time that took (s)."""
        began = time.monotonic()
        ends: dict[tuple[str, int], int] = {}

        def known() -> bool:
            with suppress(BrokerError):  # it may just be starting again
                sources = [t for t in topics_of(self.spec) if t.role is not None]
                ends.update(end_offsets(self.address, sources))
            return bool(ends)

        self._until(known, "the broker")
        self._until(lambda: self._ledger.finished(ends) or self._ended(), "what was sent")
        return time.monotonic() - began

    def stop(self) -> None:
        """Stop the sources, as Ctrl-C does; the stack finishes what they have sent, and ends."""
        self._process.send_signal(signal.SIGINT)

    @property
    def scored(self) -> int:
        """Number of events that the workers have counted as scored."""
        return self._scored()

    def end(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait for the end of the run and return its report on the domain.

        Parameters
        ----------
        patience_s
            How long to wait: a long run takes minutes to be recorded.

        Raises
        ------
        StackError
            If the stack does not end, or ends without a report.
        """
        self._unfollow()  # the broker goes with the stack
        self._until(self._ended, "the end", patience_s)
        if not self.report_file.exists():
            raise StackError(f"the stack ended with {self._process.returncode}:\n{self.text}")
        found: dict[str, Any] = json.loads(self.report_file.read_text())["domains"][self.spec.name]
        return found

    def _found(self) -> bool:
        for path in (self._home / "runs").glob("*/run.json"):
            with suppress(OSError, ValueError):
                info = json.loads(path.read_text())
                if info["pid"] == self._process.pid and info.get("address"):
                    self.address = info["address"]
                    self.model_url = info.get("model_url") or ""
        return bool(self.address)

    def _unfollow(self) -> None:
        if self._tail is not None:
            self._tail.__exit__(None, None, None)
            self._tail = None

    def _scored(self) -> int:
        return self._ledger.counts(self.spec.trigger.name).get("scored", 0)

    def _ended(self) -> bool:
        return self._process.poll() is not None

    def _look(self, seconds: float) -> None:
        if self._tail is None or self._ended():
            time.sleep(seconds)
            return
        for record in self._tail.poll(seconds):
            self._ledger.take(read_metrics(self.spec, record.value))
        self.most_waiting = max(self.most_waiting, self._ledger.pending())
        with suppress(psutil.Error):
            sizes = [p.memory_info().rss / 2**20 for p in self.parts("worker")]
            self.peak_mb = max([self.peak_mb, *sizes])

    def _until(
        self, condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S
    ) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            if self._ended() and not condition():
                raise StackError(f"the stack ended before {what}:\n{self.text}")
            if time.monotonic() > deadline:
                raise StackError(f"waited {patience_s:g} s in vain for {what}:\n{self.text}")
            self._look(0.1)


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Signal a process that may have ended."""
    with suppress(psutil.Error):
        process.send_signal(number)
