"""Clocks: wall time, and the anchor that maps event time to it.

All waiting goes through a :class:`Clock`: tests pass a virtual one and never sleep.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Wall time in ms and a way to wait for it."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        ...


class WallClock:
    """The machine's clock.

    Its time never decreases: it follows the monotonic clock from the wall time at which the object
    was made, so a jump of the system's clock does not disturb pacing.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        return int((time.monotonic() + self._offset) * 1000)

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of wall time."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Maps event time to wall time by one pair of instants and a speed.

    Because every due time is computed from the same pair, waiting errors do not add up.

    Parameters
    ----------
    wall_ms, event_ms
        The two instants that coincide.
    speed
        Event seconds per wall second; infinite means as fast as it goes.

    Examples
    --------
    >>> anchor = Anchor(wall_ms=0, event_ms=86_400_000, speed=60.0)
    >>> anchor.due_ms(86_400_000 + 120_000)
    2000.0
    """

    wall_ms: int
    event_ms: int
    speed: float

    def due_ms(self, event_ms: int) -> float:
        """Return the wall time that an event time maps to (ms)."""
        if self.speed == float("inf"):
            return float(self.wall_ms)
        return self.wall_ms + (event_ms - self.event_ms) / self.speed
