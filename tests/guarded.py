"""Ends what the tests have started, even if the process that runs them is killed."""

from __future__ import annotations

import subprocess
import sys

from streamsim.simulator.processes import guard


class Guard:
    """Tells the guard of a stack, a process of its own, which process groups are the tests'."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and its group with the tests; it was started with a session of its own."""
        self._tell(f"+{process.pid}\n")

    def release(self, process: subprocess.Popen[bytes]) -> None:
        """Forget a process that has ended."""
        self._tell(f"-{process.pid}\n")

    def close(self) -> None:
        """End what is left, and the guard."""
        if self._process is not None:
            self._process.communicate(timeout=2 * guard.GRACE_S)
            self._process = None

    def _tell(self, line: str) -> None:
        if self._process is None:
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(
                [sys.executable, "-E", "-S", guard.__file__],
                stdin=subprocess.PIPE,
                stdout=quiet,
                stderr=quiet,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()


GUARD = Guard()
"""That of this process; ``conftest.py`` closes it."""
