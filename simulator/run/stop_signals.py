"""Requests to stop: the first finishes what was sent, the second ends the run at once."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class Stop(Exception):
    """The user has asked to stop the stack at once."""


class StopSignals:
    """Counts SIGINT and SIGTERM; a context manager that handles them.

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
        numbers = (signal.SIGINT, signal.SIGTERM)
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
        if self.count > 1 and self.interruptible:
            raise Stop
