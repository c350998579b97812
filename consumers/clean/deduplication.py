"""Deduplication: event ids that a partition has already received."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import Ints, Mask, as_objects, stretches

_CHUNK = 1024


class Deduplication:
    """Event ids per partition, with an expiry by the partition's clock.

    Parameters
    ----------
    remember
        An id expires when the clock is further than this past its event time (ms).
    """

    def __init__(self, partitions: int, remember: int, *, journal: bool = False) -> None:
        self._remember = remember
        self._changes = Changes(partitions, kept=journal)
        self._ids: list[dict[str, int]] = [{} for _ in range(partitions)]
        self._ages: list[deque[tuple[int, list[str]]]] = [deque() for _ in range(partitions)]

    def __len__(self) -> int:
        return sum(map(len, self._ids))

    def first_time(self, partition: Ints, ids: Iterable[str], times: Ints, clock: Ints) -> Mask:
        """Say for each event whether its id is new, and remember the id.

        Parameters
        ----------
        times, clock
            The events' times, and their partitions' clocks when they were received (ms).
        """
        fresh = np.ones(len(times), bool)
        items = as_objects(ids)
        for p, rows in stretches(partition):
            own = items[rows].tolist()
            fresh[rows] = self._first_time(p, own, times[rows].tolist(), clock[rows].tolist())
        self._changes.add(partition[fresh], {"id": items[fresh], "time": times[fresh]})
        return fresh

    def _first_time(
        self, partition: int, ids: list[str], times: list[int], clock: list[int]
    ) -> list[bool]:
        """Do the same within one partition."""
        known = self._ids[partition]
        if len(set(ids)) == len(ids) and known.keys().isdisjoint(ids):
            known.update(zip(ids, times, strict=True))
            self._ages[partition].append((max(times), ids))
            return [True] * len(ids)
        fresh = []
        for event_id, time, now in zip(ids, times, clock, strict=True):
            before = known.get(event_id)
            fresh.append(before is None or now - before > self._remember)
            if fresh[-1]:
                known[event_id] = time
        new = [row for row, first in enumerate(fresh) if first]
        if new:
            newest = max(times[row] for row in new)
            self._ages[partition].append((newest, [ids[row] for row in new]))
        return fresh

    def forget(self, clock: Ints) -> None:
        """Delete ids that have expired by the partitions' clocks (ms); it only saves memory."""
        for p, now in enumerate(clock.tolist()):
            ages, known, limit = self._ages[p], self._ids[p], now - self._remember
            while ages and ages[0][0] < limit:
                for event_id in ages.popleft()[1]:
                    if known.get(event_id, now) < limit:
                        del known[event_id]

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        known = self._ids[partition]
        return {"id": list(known), "time": np.fromiter(known.values(), np.int64, len(known))}

    def delta(self) -> dict[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        ids, times = parts.texts("id"), parts.ints("time")
        self._ids[partition].update(zip(ids, times.tolist(), strict=True))
        order = np.argsort(times, kind="stable").tolist()
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            self._ages[partition].append((int(times[rows[-1]]), [ids[row] for row in rows]))

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return None
