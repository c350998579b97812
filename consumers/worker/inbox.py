"""Inbox: bounded queues of fetched records, one per topic and partition."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence, Set
from typing import Any

import numpy as np
from faust.types import TP

from streamsim.streams.events import Records

_SETTLE_S = 0.001
"""Within this time all partitions of one fetch arrive."""


class Inbox:
    """Records that one domain's agents have received and its pipeline has not taken yet.

    Parameters
    ----------
    sources
        Name of the source, by topic.
    budget
        Records of one partition from which on it counts as full; it can be changed.
    """

    def __init__(self, sources: dict[str, str], budget: int) -> None:
        self._sources = sources
        self.budget = budget
        self._queues: dict[TP, deque[list[Any]]] = {}
        self._rows: dict[TP, int] = {}
        self._arrived = asyncio.Event()
        self._turned = 0.0

    def __len__(self) -> int:
        return sum(self._rows.values())

    def put(self, tp: TP, records: list[Any]) -> None:
        """Add fetched records of a partition."""
        self._queues.setdefault(tp, deque()).append(records)
        self._rows[tp] = self._rows.get(tp, 0) + len(records)
        self._arrived.set()

    def clear(self) -> None:
        """Drop all records."""
        self._queues.clear()
        self._rows.clear()

    def rows(self, tp: TP) -> int:
        """Return how many records of a partition are waiting."""
        return self._rows.get(tp, 0)

    def is_full(self, tp: TP) -> bool:
        """Say whether a partition has used up its budget."""
        return self.rows(tp) >= self.budget

    def wake(self) -> None:
        """Wake the task in :meth:`wait`."""
        self._arrived.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for records or a call of :meth:`wake`; return whether either came in time."""
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return False
        self._arrived.clear()
        return True

    async def gather(self, seconds: float, enough: int, apart_s: float) -> None:
        """Wait until there are records to take.

        Small amounts linger, so that many small fetches become one batch. After a pause of
        ``apart_s`` records are taken without this delay.

        Parameters
        ----------
        seconds
            Longest wait for the first record.
        enough
            Number of records that are taken at once.
        apart_s
            Least time between two calls that return with fewer records (s).
        """
        if await self.wait(seconds) and len(self) < enough:
            due = self._turned + apart_s - time.monotonic()
            await asyncio.sleep(max(due, _SETTLE_S))
        self._turned = time.monotonic()

    def take(self, rows: int, held: Set[tuple[str, int]] = frozenset()) -> list[Records]:
        """Take about ``rows`` records, from all partitions; return one batch per source.

        Parameters
        ----------
        held
            Sources and partitions to skip.
        """
        free = [
            tp
            for tp, queue in self._queues.items()
            if queue and (self._sources[tp.topic], tp.partition) not in held
        ]
        taken: dict[str, list[tuple[int, list[Any]]]] = {}
        # The shortest queue goes first, and leaves the rest of its share to the others.
        for position, tp in enumerate(sorted(free, key=self.rows)):
            share = max(1, rows // (len(free) - position))
            for records in self._up_to(tp, share):
                taken.setdefault(self._sources[tp.topic], []).append((tp.partition, records))
                rows -= len(records)
        if any(self._queues[tp] for tp in free):
            self._arrived.set()
        return [to_records(source, parts) for source, parts in taken.items()]

    def _up_to(self, tp: TP, rows: int) -> Iterator[list[Any]]:
        """Take the first ``rows`` records of a partition, in the lists of their fetches."""
        queue = self._queues[tp]
        while queue and rows > 0:
            records = queue.popleft()
            if len(records) > rows:
                queue.appendleft(records[rows:])
                records = records[:rows]
            rows -= len(records)
            self._rows[tp] -= len(records)
            yield records


def to_records(source: str, parts: Sequence[tuple[int, list[Any]]]) -> Records:
    """Turn fetched records of one source into columns; a part is a partition and its records."""
    records = [record for _, part in parts for record in part]
    return Records(
        source,
        np.repeat([p for p, _ in parts], [len(part) for _, part in parts]),
        np.array([r.offset for r in records], np.int64),
        [r.timestamp for r in records],
        [r.key for r in records],
        [r.value for r in records],
        [r.headers for r in records],
    )
