"""The stack's clients on either kind of broker."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streamsim.simulator.brokers.broker import create_topics, end_offsets, free_port
from streamsim.simulator.reading import read_whole
from streamsim.streams.errors import BrokerError, TopicMismatch
from streamsim.streams.topics import TopicSpec
from tests.brokers import BROKERS

pytestmark = pytest.mark.stack


def declared(name: str, partitions: int) -> TopicSpec:
    return TopicSpec(name, partitions, "key", "of a test")


async def write_batches(address: str, topic: str, partition: int, sizes: list[int]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all")
    await producer.start()
    try:
        sent = []
        for size in sizes:
            batch = producer.create_batch()
            for _ in range(size):
                assert batch.append(key=None, value=b"x" * 50, timestamp=0) is not None
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def test_end_offsets_count_the_records_of_the_last_batch(broker: str) -> None:
    topic = declared("t", 3)
    create_topics(broker, [topic], BROKERS.topic_config)
    asyncio.run(write_batches(broker, "t", 1, [5, 100, 7]))
    asyncio.run(write_batches(broker, "t", 2, [1]))
    assert end_offsets(broker, [topic]) == {("t", 0): 0, ("t", 1): 112, ("t", 2): 1}
    assert len(read_whole(broker, [topic])["t"]) == 113


def test_a_topic_of_another_size_is_refused(broker: str) -> None:
    create_topics(broker, [declared("t", 3)], BROKERS.topic_config)
    create_topics(broker, [declared("t", 3)], BROKERS.topic_config)
    with pytest.raises(TopicMismatch, match="t has 3 partitions and is declared with 4"):
        create_topics(broker, [declared("t", 4)], BROKERS.topic_config)


def test_a_missing_broker_is_reported() -> None:
    with pytest.raises(BrokerError, match="does not say its end offsets"):
        end_offsets(f"127.0.0.1:{free_port()}", [declared("t", 1)])


@pytest.mark.slow
def test_many_batches_do_not_starve_a_reader(broker: str) -> None:
    n, partitions = 10_000, [TopicPartition("t", p) for p in range(4)]
    topic = declared("t", 4)
    create_topics(broker, [topic], BROKERS.topic_config)

    async def write() -> None:
        await asyncio.gather(
            *(write_batches(broker, "t", tp.partition, [1] * n) for tp in partitions)
        )

    asyncio.run(write())

    async def read() -> tuple[int, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=broker)
        await consumer.start()
        try:
            consumer.assign(partitions)
            for tp in partitions:
                consumer.seek(tp, 0)
            seen = polls = 0
            while seen < 4 * n and polls < 500:
                seen += sum(map(len, (await consumer.getmany(timeout_ms=5_000)).values()))
                polls += 1
            return seen, polls
        finally:
            await consumer.stop()

    seen, polls = asyncio.run(asyncio.wait_for(read(), 60))
    assert seen == 4 * n
    assert polls < 400
    assert end_offsets(broker, [topic]) == {("t", p): n for p in range(4)}
