"""Child processes of a stack: start them with their logs, watch, restart and stop them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamsim.streams.errors import StackError

TAIL_LINES = 12
RESTARTS, RESTARTS_S = 5, 60.0
"""A process may be restarted ``RESTARTS`` times in ``RESTARTS_S`` seconds; more is a failure."""


@dataclass(slots=True, eq=False)
class Child:
    """A process of the stack, leader of a process group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    command: Sequence[str]
    env: Mapping[str, str]
    begun: list[float] = field(default_factory=list)
    """Times of its restarts (monotonic clock, s)."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def tail(self) -> str:
        """Return the last lines of its log, without those of level INFO."""
        with suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
            telling = [line for line in lines if "[INFO]" not in line] or lines
            return "\n".join(telling[-TAIL_LINES:])
        return ""


class Children:
    """All processes of one stack, and the guard that ends them if this process dies.

    They run in the folder of their logs, and import nothing from it: a file of the user's that is
    called like a module is never run.

    Parameters
    ----------
    logs
        Folder for their logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._logs.mkdir(parents=True, exist_ok=True)
        self._all: list[Child] = []
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py"))],
            cwd=logs,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> Child:
        """Start a process with its output in a log.

        Raises
        ------
        StackError
            If it cannot be started.
        """
        log = self._logs / f"{name}.log"
        log.unlink(missing_ok=True)
        child = Child(name, self._spawn(name, log, command, env), log, list(command), dict(env))
        self._all.append(child)
        self._tell_guard(f"+{child.process.pid}\n")
        return child

    def start_again(self, child: Child, *more: str) -> None:
        """Restart a process that has ended, with additional options.

        Raises
        ------
        StackError
            If it has been restarted too often recently.
        """
        now = time.monotonic()
        child.begun = [at for at in child.begun if now - at < RESTARTS_S]
        if len(child.begun) >= RESTARTS:
            raise self.ended(child)
        child.begun.append(now)
        _signal_group(child, signal.SIGKILL)  # processes that it has left behind
        self._tell_guard(f"-{child.process.pid}\n")
        child.process = self._spawn(child.name, child.log, [*child.command, *more], child.env)
        self._tell_guard(f"+{child.process.pid}\n")

    def _spawn(
        self, name: str, log: Path, command: Sequence[str], env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        try:
            with log.open("ab") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PYTHONSAFEPATH": "1", **env},
                    cwd=self._logs,
                    start_new_session=True,
                )
        except OSError as error:
            raise StackError(f"cannot start {name}: {error}") from error

    def is_guarded(self) -> bool:
        """Say whether the guard still runs."""
        return self._guard.poll() is None

    def dead(self) -> list[Child]:
        """Return the processes that have ended unexpectedly."""
        return [child for child in self._all if not child.alive]

    def running(self) -> list[tuple[str, int]]:
        """Return name and process id of each process that runs."""
        return [(child.name, child.process.pid) for child in self._all if child.alive]

    def named(self, name: str) -> Child:
        """Return the process of that name."""
        return next(child for child in self._all if child.name == name)

    def check(self) -> None:
        """Raise :class:`StackError` if a process has ended unexpectedly."""
        for child in self.dead():
            raise self.ended(child)

    def ended(self, child: Child) -> StackError:
        """Return the error that says how a process has ended, with the end of its log."""
        return StackError(
            f"{child.name} ended with exit code {child.process.returncode}; "
            f"its log ({child.log}) ends:\n{child.tail()}"
        )

    def stop(self, child: Child, grace_s: float) -> int:
        """Stop a process: SIGTERM, and SIGKILL after ``grace_s``; return its exit code."""
        if child.alive:
            _signal_group(child, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(grace_s)
        _signal_group(child, signal.SIGKILL)  # processes that it has left behind
        code = child.process.wait()
        self.release(child)
        return code

    def kill(self, child: Child) -> None:
        """Kill a process; it counts as ended unexpectedly."""
        _signal_group(child, signal.SIGKILL)
        child.process.wait()

    def release(self, child: Child) -> None:
        """Stop watching a process that has ended as expected."""
        if child in self._all:
            self._all.remove(child)
            self._tell_guard(f"-{child.process.pid}\n")

    def stop_all(self, grace_s: float) -> None:
        """Stop the remaining processes, last started first, and then the guard."""
        for child in reversed(list(self._all)):
            self.stop(child, grace_s)
        if self._guard.stdin is not None:
            with suppress(BrokenPipeError):  # it was killed
                self._guard.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(5)

    def _tell_guard(self, line: str) -> None:
        stdin = self._guard.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):
                stdin.write(line.encode())
                stdin.flush()


def _signal_group(child: Child, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)
