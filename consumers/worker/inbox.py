"""Fetched records on their way to the pipeline: a queue per topic and partition, each bounded."""

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
"""In that time all partitions of one fetch arrive."""


class Inbox:
    """What one domain's agents have received and its pipeline has not taken yet.

    Parameters
    ----------
    sources
        Topic to name of the source.
    budget
        Records that one partition may hold before it counts as full; it may be set anew.
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
        """Take in what was fetched from a partition."""
        self._queues.setdefault(tp, deque()).append(records)
        self._rows[tp] = self._rows.get(tp, 0) + len(records)
        self._arrived.set()

    def clear(self) -> None:
        """Forget everything."""
        self._queues.clear()
        self._rows.clear()

    def rows(self, tp: TP) -> int:
        """Return how many records of a partition are waiting."""
        return self._rows.get(tp, 0)

    def is_full(self, tp: TP) -> bool:
        """Say whether a partition has used up its budget."""
        return self.rows(tp) >= self.budget

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._arrived.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until something has arrived, or someone has called :meth:`wake`."""
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return False
        self._arrived.clear()
        return True

    async def gather(self, seconds: float, enough: int, apart_s: float) -> None:
        """Wait until there is something to take.

        Where it is little, turns are kept apart by a while, so that many small fetches become one
        batch; whoever comes after a pause waits for nobody.

        Parameters
        ----------
        seconds
            How long to wait at the most.
        enough
            So many records are worth a turn at once.
        apart_s
            Time between two turns that take less.
        """
        if await self.wait(seconds) and len(self) < enough:
            due = self._turned + apart_s - time.monotonic()
            await asyncio.sleep(max(due, _SETTLE_S))
        self._turned = time.monotonic()

    def take(self, rows: int, held: Set[tuple[str, int]] = frozenset()) -> list[Records]:
        """Take about so many records, from all partitions in turn; one batch per source.

        Parameters
        ----------
        held
            Sources and partitions of which nothing is to be taken now.
        """
        free = [
            tp
            for tp, queue in self._queues.items()
            if queue and (self._sources[tp.topic], tp.partition) not in held
        ]
        taken: dict[str, list[tuple[int, list[Any]]]] = {}
        # Whoever has least goes first, and leaves the others what it does not need.
        for position, tp in enumerate(sorted(free, key=self.rows)):
            share = max(1, rows // (len(free) - position))
            for records in self._up_to(tp, share):
                taken.setdefault(self._sources[tp.topic], []).append((tp.partition, records))
                rows -= len(records)
        if any(self._queues[tp] for tp in free):
            self._arrived.set()
        return [to_records(source, parts) for source, parts in taken.items()]

    def _up_to(self, tp: TP, rows: int) -> Iterator[list[Any]]:
        """Take the first so many records of a partition, in the lists in which they came."""
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
