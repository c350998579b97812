"""Read topics: up to their current end, or continuously as records arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamsim.simulator.brokers.loop_thread import LoopThread
from streamsim.streams.errors import BrokerError
from streamsim.streams.topics import TopicSpec

Record = Any
"""A record of the Kafka client: topic, partition, offset, timestamp, key, value, headers."""

CONNECT_S = 40.0
CLOSE_S = 5.0


def read_whole(address: str, topics: Iterable[TopicSpec]) -> dict[str, list[Record]]:
    """Read topics from the beginning to their current end.

    Returns
    -------
    Per topic its records, each partition's in order.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    try:
        return asyncio.run(_read_whole(address, list(topics)))
    except (KafkaError, OSError) as error:
        raise BrokerError(f"cannot read from the broker at {address}: {error}") from error


async def _read_whole(address: str, topics: list[TopicSpec]) -> dict[str, list[Record]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 << 20,
    )
    try:
        await consumer.start()
        result: dict[str, list[Record]] = {t.name: [] for t in topics}
        partitions = _partitions(topics)
        ends = await consumer.end_offsets(partitions)
        left = {tp for tp in partitions if ends[tp] > 0}
        if not left:
            return result
        consumer.assign(list(left))
        while left:
            for tp, records in (await consumer.getmany(timeout_ms=1000)).items():
                result[tp.topic] += [r for r in records if r.offset < ends[tp]]
                if records and records[-1].offset >= ends[tp] - 1:
                    left.discard(tp)
        return result
    finally:
        await consumer.stop()


def _partitions(topics: Iterable[TopicSpec]) -> list[TopicPartition]:
    return [TopicPartition(t.name, p) for t in topics for p in range(t.partitions)]


class Tail:
    """Follows topics; a context manager.

    Parameters
    ----------
    from_beginning
        Whether to read from the beginning; if not, only records written from now on are read.
    """

    def __init__(
        self, address: str, topics: Iterable[TopicSpec], *, from_beginning: bool = True
    ) -> None:
        self._address = address
        self._topics = list(topics)
        self._from_beginning = from_beginning
        self._loop: LoopThread | None = None
        self._consumer: AIOKafkaConsumer | None = None

    def __enter__(self) -> Tail:
        self._loop = LoopThread()
        try:
            self._consumer = self._loop.call(self._start(), CONNECT_S)
        except (KafkaError, OSError) as error:
            self._loop.close()
            raise BrokerError(f"no Kafka broker answers at {self._address}: {error}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._consumer is not None:
            # Stopping a consumer whose broker is gone ends in a cancellation.
            with suppress(KafkaError, OSError, CancelledError):
                self._loop.call(self._consumer.stop(), CLOSE_S)
            self._loop.close()

    async def _start(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=8 << 20,
        )
        try:
            await consumer.start()
            partitions = _partitions(self._topics)
            ends = {} if self._from_beginning else await consumer.end_offsets(partitions)
            consumer.assign(partitions)
            if self._from_beginning:
                await consumer.seek_to_beginning(*partitions)
            for tp, offset in ends.items():
                consumer.seek(tp, offset)
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    def poll(self, seconds: float) -> Iterator[Record]:
        """Yield the records that have arrived, after waiting at most ``seconds``.

        Raises
        ------
        BrokerError
            If the broker does not answer any more.
        """
        assert self._loop is not None
        try:
            fetched = self._loop.call(self._fetch(seconds))
        except (KafkaError, OSError) as error:
            raise BrokerError(f"the broker at {self._address} is gone: {error}") from error
        for records in fetched:
            yield from records

    async def _fetch(self, seconds: float) -> Sequence[Sequence[Record]]:
        assert self._consumer is not None
        found = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=5000)
        return list(found.values())
