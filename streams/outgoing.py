"""Events of a simulated world that wait for their source's clock to be sent, by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Ints, Objects
from streamsim.streams.spec.world import Emission

_COLUMNS = ("time", "clock", "key", "value")


@dataclass(slots=True)
class Outgoing:
    """Events of one source.

    Attributes
    ----------
    time, clock
        When each happened, and the source's clock when it is sent (ms).
    key, value
        Bytes; a key may be ``None``.
    """

    time: Ints
    clock: Ints
    key: Objects
    value: Objects

    def split(self, until: int) -> tuple[Outgoing, Outgoing]:
        """Return the events that are sent before an instant, in order, and the rest."""
        now = self.clock < until
        order = np.flatnonzero(now)[np.argsort(self.clock[now], kind="stable")]
        return self.take(order), self.take(np.flatnonzero(~now))

    def take(self, rows: Ints) -> Outgoing:
        """Return some rows."""
        return Outgoing(self.time[rows], self.clock[rows], self.key[rows], self.value[rows])

    def emission(self, source: str) -> Emission:
        """Return them as an emission of a source."""
        return Emission(source, self.time, self.clock, list(self.key), list(self.value))

    @classmethod
    def concat(cls, parts: Sequence[Outgoing]) -> Outgoing:
        """Join several."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS))


def between(emission: Emission, start: int, until: int) -> Emission:
    """Take the events that are sent in ``[start, until)`` (ms)."""
    low, high = np.searchsorted(emission.clock, [start, until])
    return emission.take(slice(int(low), int(high)))
