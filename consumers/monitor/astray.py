"""Events astray: those that were behind their partition's watermark when they were received.

A clock has leapt there. What is published by buckets of event time leaves them out: which of them
were in time would depend on the batches. They are noted as they are received and asked for when
they are scored.
"""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Events, Ints, Mask


class Astray:
    """Offsets of such events, per partition, until they are scored.

    Examples
    --------
    >>> astray = Astray(2)
    >>> astray.restore(1, np.array([7, 5]))
    >>> astray.of(1).tolist(), astray.of(0).tolist(), bool(astray)
    ([5, 7], [], True)
    """

    def __init__(self, partitions: int) -> None:
        self._offsets: list[set[int]] = [set() for _ in range(partitions)]

    def __bool__(self) -> bool:
        return any(self._offsets)

    def note(self, events: Events, least: Ints) -> Ints:
        """Note the events before a time, each its own (ms); return their partitions."""
        rows = np.flatnonzero(events.event_time < least)
        for row in rows.tolist():
            self._offsets[int(events.partition[row])].add(int(events.offset[row]))
        return events.partition[rows]

    def take(self, events: Events) -> Mask:
        """Say which scored events were noted, and forget these."""
        found = np.zeros(len(events), bool)
        places = zip(events.partition.tolist(), events.offset.tolist(), strict=True)
        for row, (p, offset) in enumerate(places):
            if offset in self._offsets[p]:
                self._offsets[p].remove(offset)
                found[row] = True
        return found

    def of(self, partition: int) -> Ints:
        """Return a partition's offsets, sorted."""
        return np.array(sorted(self._offsets[partition]), np.int64)

    def restore(self, partition: int, offsets: Ints) -> None:
        """Replace a partition's offsets."""
        self._offsets[partition] = set(offsets.tolist())
