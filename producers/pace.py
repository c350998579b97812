"""Pacing: when each record is due, by time compression or by rate, relative to one anchor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from streamsim.producers.batches import Batch
from streamsim.streams.clock import Anchor, Clock
from streamsim.streams.events import Floats

SLOT_MS = 50
"""Width of a slot (ms)."""


class Slots:
    """Slots of wall time. What is due within a slot is sent together, when the slot begins.

    Slots of one width are the same in all processes of a machine. So a worker gets the records of
    several producers at once, and not each producer's at another moment.

    Parameters
    ----------
    width_ms
        Width of a slot (ms).

    Examples
    --------
    >>> slots = Slots(50)
    >>> slots.begin(1_234.5), slots.end(1_234.5)
    (1200.0, 1250.0)
    """

    def __init__(self, width_ms: int = SLOT_MS) -> None:
        self._width_ms = width_ms

    def begin(self, ms: float) -> float:
        """Return when the slot of an instant begins."""
        return ms // self._width_ms * self._width_ms

    def end(self, ms: float) -> float:
        """Return when the slot after that of an instant begins."""
        return self.begin(ms) + self._width_ms


class Pace(Protocol):
    """Protocol of a pace, which is called with all batches in order."""

    def due_ms(self, batch: Batch) -> Floats | None:
        """Return the wall time at which each record is due (ms), ``None`` for immediately."""
        ...


class AtOnce:
    """As fast as possible."""

    def due_ms(self, batch: Batch) -> Floats | None:
        """See :class:`Pace`."""
        return None


class BySpeed:
    """By time compression: event time runs ``speed`` times as fast as the wall clock.

    The first record is due at ``wall_ms``.
    """

    def __init__(self, wall_ms: int, speed: float) -> None:
        self._wall_ms, self._speed = wall_ms, speed
        self._anchor: Anchor | None = None

    def due_ms(self, batch: Batch) -> Floats | None:
        """See :class:`Pace`."""
        if self._anchor is None:
            self._anchor = Anchor(self._wall_ms, int(batch.due[0]), self._speed)
        anchor = self._anchor
        return anchor.wall_ms + (batch.due - anchor.event_ms) / anchor.speed


class ByRate:
    """By rate: ``rate`` events per second, regardless of event time; heartbeats do not count."""

    def __init__(self, wall_ms: int, rate: float) -> None:
        self._wall_ms, self._rate = wall_ms, rate
        self._sent = 0

    def due_ms(self, batch: Batch) -> Floats | None:
        """See :class:`Pace`."""
        events = np.cumsum(~np.array(batch.heartbeat, bool))
        due = self._wall_ms + (self._sent + events - 1).clip(0) * (1000.0 / self._rate)
        self._sent += int(events[-1])
        return due


class AfterWarmUp:
    """As fast as possible up to an event time, and paced from there on.

    Parameters
    ----------
    until_ms
        The event time.
    paced
        Makes the pace that follows, given the wall time at which it starts (ms).
    """

    def __init__(self, until_ms: int, clock: Clock, paced: Callable[[int], Pace]) -> None:
        self._until_ms, self._clock, self._make = until_ms, clock, paced
        self._paced: Pace | None = None

    def due_ms(self, batch: Batch) -> Floats | None:
        """See :class:`Pace`."""
        if self._paced is None:
            if not len(batch) or batch.due[-1] < self._until_ms:
                return None
            self._paced = self._make(self._clock.now_ms())
        return self._paced.due_ms(batch)
