"""Calendar: days of the week, and the day on which simulated worlds begin."""

from __future__ import annotations

from typing import TypeVar

from streamsim.streams.events import Ints
from streamsim.streams.spec.spans import DAY

EPOCH = 1_735_689_600_000
"""2025-01-01T00:00:00Z, a Wednesday: the default beginning of a world (ms)."""

Time = TypeVar("Time", int, Ints)


def weekday(time_ms: Time) -> Time:
    """Return the day of the week in UTC: 0 is Monday, 6 is Sunday.

    >>> weekday(EPOCH)
    2
    """
    return (time_ms // DAY + 3) % 7  # 1970-01-01 was a Thursday
