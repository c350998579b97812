"""Requests to stop: the first finishes what was sent, the second ends the run at once.

A console that is closed sends SIGHUP: the run then ends as after SIGTERM, and what it prints goes
nowhere. A program that was started with ``nohup`` ignores SIGHUP, and so does this.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType


class Stop(Exception):
    """The user has asked to stop the stack at once."""


class StopSignals:
    """Counts SIGINT, SIGTERM and SIGHUP; a context manager that handles them.

    Attributes
    ----------
    count
        How many have arrived.
    interruptible
        Whether the second one raises :class:`Stop`.
    """

    def __init__(self) -> None:
        self.count = 0
        self.interruptible = True

    def __enter__(self) -> StopSignals:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if number == signal.SIGHUP:
            _print_nowhere()
        if self.count > 1 and self.interruptible:
            raise Stop


def _print_nowhere() -> None:
    """Let what is printed go nowhere: writing to a console that is gone fails."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            if stream.isatty():
                os.dup2(nowhere, stream.fileno())
