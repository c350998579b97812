"""A clock for tests: it stands still until a test sets it or sleeps on it."""

from __future__ import annotations


class VirtualClock:
    """Implements :class:`streamsim.streams.clock.Clock` without waiting."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now = float(now_ms)

    def now_ms(self) -> int:
        """Return the time that was set."""
        return int(self._now)

    def sleep(self, seconds: float) -> None:
        """Advance by that much."""
        self._now += max(0.0, seconds) * 1000
