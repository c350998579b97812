"""Send what the steps put out: prepared record batches, one per topic and partition.

Whoever sends learns when everything is confirmed, and only then says how far the input is
finished.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.events import Outbound

BATCH_BYTES = 900_000
"""Below the largest message that Kafka takes by default (1 MiB)."""
AHEAD = 8
"""Sends that may be unconfirmed at a time."""


class Output:
    """A producer that takes lists of records.

    Parameters
    ----------
    max_record
        A larger value, which only a dead letter can have, is cut off to it; the header
        ``truncated_from`` says how long it was.
    """

    def __init__(self, producer: AIOKafkaProducer, max_record: int) -> None:
        self._producer = producer
        self._max_record = max_record
        self._unconfirmed: deque[asyncio.Task[None]] = deque()

    async def send(self, records: Sequence[Outbound]) -> asyncio.Task[None]:
        """Send records; return a task that ends once they are on the broker.

        Returns when there is room for more, not when they are confirmed.

        Raises
        ------
        aiokafka.errors.KafkaError
            If this send or an earlier one failed for good.
        """
        futures = [
            await self._producer.send_batch(batch, topic, partition=partition)
            for topic, partition, batch in self._batches(records)
        ]
        confirming = asyncio.create_task(_confirm(futures))
        self._unconfirmed.append(confirming)
        while self._unconfirmed and (self._unconfirmed[0].done() or len(self._unconfirmed) > AHEAD):
            await self._unconfirmed.popleft()
        return confirming

    async def flush(self) -> None:
        """Wait until everything is confirmed."""
        while self._unconfirmed:
            await self._unconfirmed.popleft()

    def abandon(self) -> None:
        """Give up on what is unconfirmed."""
        while self._unconfirmed:
            self._unconfirmed.popleft().cancel()

    def _batches(self, records: Sequence[Outbound]) -> Iterator[tuple[str, int, Any]]:
        """Fill record batches; a record that does not fit begins the next one."""
        groups: dict[tuple[str, int], list[Outbound]] = {}
        for record in records:
            groups.setdefault((record.topic, record.partition), []).append(record)
        for (topic, partition), group in groups.items():
            batch = self._producer.create_batch()
            for record in group:
                if not self._append(batch, record):
                    yield topic, partition, batch
                    batch = self._producer.create_batch()
                    if not self._append(batch, record):
                        raise RuntimeError(f"a record for {topic} fits no batch")
            yield topic, partition, batch

    def _append(self, batch: Any, record: Outbound) -> bool:
        value, headers = record.value, record.headers
        if value is not None and len(value) > self._max_record:
            headers = [*headers, ("truncated_from", b"%d" % len(value))]
            value = value[: self._max_record]
        metadata = batch.append(
            timestamp=record.timestamp, key=record.key, value=value, headers=headers
        )
        return metadata is not None  # None: the batch is full, and says it no other way


async def _confirm(futures: Sequence[asyncio.Future[object]]) -> None:
    await asyncio.gather(*futures)
