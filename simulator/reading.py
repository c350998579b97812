"""Read topics: up to their current end, or continuously as records arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
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
    wanted = list(topics)
    result: dict[str, list[Record]] = {t.name: [] for t in wanted}
    for record in read_each(address, wanted):
        result[record.topic].append(record)
    return result


def read_each(
    address: str,
    topics: Iterable[TopicSpec],
    starts: Mapping[tuple[str, int], int] | None = None,
) -> Iterator[Record]:
    """Yield the records of topics up to their current end, each partition's in order.

    Parameters
    ----------
    starts
        Offsets to start at, by topic and partition; any other partition is read from its beginning.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    with _reading(address) as (loop, consumer):
        left = loop.call(_assign(consumer, _partitions(topics), starts or {}))
        while left:
            for tp, records in loop.call(consumer.getmany(timeout_ms=1000)).items():
                end = left.get(tp, 0)
                yield from (record for record in records if record.offset < end)
                if records and records[-1].offset >= end - 1:
                    left.pop(tp, None)


def deleted(address: str, topics: Iterable[TopicSpec]) -> dict[str, int]:
    """Count the records that the broker has deleted from the beginning of topics.

    Topics without deleted records are left out.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    with _reading(address) as (loop, consumer):
        firsts = loop.call(consumer.beginning_offsets(_partitions(topics)))
    counts: dict[str, int] = {}
    for tp, first in firsts.items():
        if first:
            counts[tp.topic] = counts.get(tp.topic, 0) + first
    return counts


def offsets_from(
    address: str, topics: Iterable[TopicSpec], time: int
) -> dict[tuple[str, int], int]:
    """Return the offset from which on a topic's partition may have records of a time or later.

    It is the first record with a timestamp of that time (ms) or later. Records are not in order of
    their timestamps, so earlier ones may follow it; none of that time comes before.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    wanted = _partitions(topics)
    with _reading(address) as (loop, consumer):
        ends = loop.call(consumer.end_offsets(wanted))
        found = loop.call(consumer.offsets_for_times(dict.fromkeys(wanted, max(time, 0))))
    return {
        (tp.topic, tp.partition): ends[tp] if found.get(tp) is None else found[tp].offset
        for tp in wanted
    }


@contextmanager
def _reading(address: str) -> Iterator[tuple[LoopThread, AIOKafkaConsumer]]:
    """Connect a consumer, and report its failures as :class:`BrokerError`."""
    loop = LoopThread()
    try:
        consumer = loop.call(_connected(address))
        try:
            yield loop, consumer
        finally:
            with suppress(KafkaError, OSError, CancelledError):
                loop.call(consumer.stop(), CLOSE_S)
    except (KafkaError, OSError) as error:
        raise BrokerError(f"cannot read from the broker at {address}: {error}") from error
    finally:
        loop.close()


async def _connected(address: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 << 20,
    )
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


async def _assign(
    consumer: AIOKafkaConsumer,
    partitions: list[TopicPartition],
    starts: Mapping[tuple[str, int], int],
) -> dict[TopicPartition, int]:
    """Assign the partitions that have records to read; return their ends."""
    ends = await consumer.end_offsets(partitions)
    firsts = await consumer.beginning_offsets(partitions)
    begin = {tp: max(firsts[tp], starts.get(tp, 0)) for tp in partitions}
    left = {tp: ends[tp] for tp in partitions if ends[tp] > begin[tp]}
    if left:
        consumer.assign(list(left))
        for tp in left:
            consumer.seek(tp, begin[tp])
    return left


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
        consumer = await _connected(self._address)
        try:
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
