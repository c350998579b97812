"""Healthcare: send queue of a hospital's systems, with late, duplicate and broken events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Ints, Mask, Objects, as_objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec import HOUR
from streamsim.streams.spec.world import Emission

_TWICE, _LATE, _TOO_LATE, _BROKEN, _ENCODED = 0.004, 0.02, 0.0004, 0.0015, 0.0006


@dataclass(slots=True)
class Queue:
    """Events of one source that are still to be sent, by column.

    Parameters
    ----------
    lateness
        Allowed lateness of its events (ms).
    defects
        Rate of defects (0: none).
    """

    source: str
    seed: int
    lateness: int
    defects: float
    time: Ints
    clock: Ints
    key: Objects
    value: Objects

    @classmethod
    def empty(cls, source: str, seed: int, lateness: int, defects: float) -> Queue:
        """Return an empty queue."""
        times, keys = np.empty(0, np.int64), np.empty(0, object)
        return cls(source, seed, lateness, defects, times, times.copy(), keys, keys.copy())

    def put(self, day: int, time: Ints, key: Objects, value: Sequence[bytes]) -> None:
        """Add the events of a day."""
        n, values, keys = len(time), as_objects(value), key.copy()
        clock = time.copy()
        if self.defects and n:
            draw = stream(self.seed, f"defects of {self.source}", day)
            chance, by = draw.random(n), draw.random(n) ** 2
            late, lost = chance < _LATE * self.defects, chance < _TOO_LATE * self.defects
            clock = clock + np.where(late, by * self.lateness, 0).astype(np.int64)
            clock = clock + np.where(lost, self.lateness + HOUR, 0)
            for row in np.flatnonzero(draw.random(n) < _BROKEN * self.defects).tolist():
                values[row], keys[row] = values[row][: len(values[row]) * 2 // 3], None
            for row in np.flatnonzero(draw.random(n) < _ENCODED * self.defects).tolist():
                values[row], keys[row] = (
                    values[row][:-1] + ',"by":"Dr. Mühl"}'.encode("latin-1"),
                    None,
                )
            twice = np.flatnonzero(draw.random(n) < _TWICE * self.defects)
            again = clock[twice] + draw.integers(1, HOUR, len(twice))
            time, clock = np.concatenate([time, time[twice]]), np.concatenate([clock, again])
            keys = np.concatenate([keys, keys[twice]])
            values = np.concatenate([values, values[twice]])
        self.time = np.concatenate([self.time, time])
        self.clock = np.concatenate([self.clock, clock])
        self.key = np.concatenate([self.key, keys])
        self.value = np.concatenate([self.value, values])

    def until(self, end: int) -> Emission:
        """Remove and return the events that are sent before an instant (ms), in order."""
        now = self.clock < end
        order = np.flatnonzero(now)[np.argsort(self.clock[now], kind="stable")]
        out = Emission(
            self.source, self.time[order], self.clock[order],
            list(self.key[order]), list(self.value[order]),
        )  # fmt: skip
        rest: Mask = ~now
        self.time, self.clock = self.time[rest], self.clock[rest]
        self.key, self.value = self.key[rest], self.value[rest]
        return out
