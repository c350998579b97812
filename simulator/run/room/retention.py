"""Retention: keep the embedded broker's data within a budget, at no reader's cost.

The oldest segments of all topics are deleted first. A record that a process of the run has still to
read is never deleted, even if the budget is exceeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from streamsim.simulator.brokers.segments import Segment, read_segments
from streamsim.streams.errors import BrokerError

BEGIN, END = 0.9, 0.8
"""Deleting begins at the first share of the budget, and ends at the second."""
TIMEOUT_S = 10.0

Needed = Callable[[str, int], float]
"""``(topic, partition) -> first offset that a process has still to read``; infinite for none."""


class Retention:
    """Keeps the data of one broker within a budget.

    Parameters
    ----------
    address
        Of the broker.
    data
        Its data folder.
    budget
        Bytes.
    needed
        What has still to be read.
    """

    def __init__(self, address: str, data: Path, budget: int, needed: Needed) -> None:
        self._address, self._data, self._budget, self._needed = address, data, budget, needed
        self.exceeded = False
        """Whether the data took more than the budget at the last :meth:`apply`, all needed."""

    def apply(self) -> int:
        """Delete the oldest records if the data are near the budget; return the bytes deleted.

        Raises
        ------
        BrokerError
            If the broker does not delete them.
        """
        segments, total = read_segments(self._data)
        if total <= BEGIN * self._budget:
            self.exceeded = False
            return 0
        chosen = oldest(segments, total - int(END * self._budget), self._needed)
        freed = sum(segment.size for segment in chosen)
        self.exceeded = total - freed > self._budget
        before: dict[tuple[str, int], int] = {}
        for one in chosen:
            place = one.topic, one.partition
            before[place] = max(one.until, before.get(place, 0))
        if before:
            delete_before(self._address, before)
        return freed


def oldest(segments: Iterable[Segment], excess: int, needed: Needed) -> list[Segment]:
    """Choose the oldest segments that no process needs, until they have ``excess`` bytes.

    Examples
    --------
    >>> old, new = Segment("t", 0, 10, 700, 1.0), Segment("t", 0, 20, 700, 2.0)
    >>> [s.until for s in oldest([new, old], 500, lambda topic, partition: 15)]
    [10]
    >>> [s.until for s in oldest([new, old], 900, lambda topic, partition: 15)]
    [10]
    """
    chosen: list[Segment] = []
    left = excess
    for segment in sorted(segments, key=lambda one: (one.written, one.until)):
        if left <= 0:
            break
        if segment.until <= needed(segment.topic, segment.partition):
            chosen.append(segment)
            left -= segment.size
    return chosen


def delete_before(address: str, offsets: Mapping[tuple[str, int], int]) -> None:
    """Delete the records of partitions before offsets.

    Raises
    ------
    BrokerError
        If the broker refuses or does not answer.
    """
    try:
        asyncio.run(_delete(address, offsets))
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerError(f"the broker at {address} did not delete records: {error!r}") from error


async def _delete(address: str, offsets: Mapping[tuple[str, int], int]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    try:
        await admin.start()
        places = {TopicPartition(*tp): RecordsToDelete(o) for tp, o in offsets.items()}
        await asyncio.wait_for(admin.delete_records(places), TIMEOUT_S)
    finally:
        await admin.close()
