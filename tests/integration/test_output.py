"""The output on a real broker: every record arrives once, in order, and a failure is raised."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

from streamsim.consumers.worker.output import AHEAD, BATCH_BYTES, Output, Place
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.reading import read_whole
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import SCORES, TopicSpec, topic, topics_of
from tests.brokers import BROKERS

pytestmark = pytest.mark.stack

LONGEST = 2_000


@pytest.fixture
def scores(broker: str, finance: DomainSpec) -> TopicSpec:
    topics = [t for t in topics_of(finance) if t.name == topic(finance.name, SCORES)]
    create_topics(broker, topics, BROKERS.topic_config)
    return topics[0]


@asynccontextmanager
async def output(address: str) -> AsyncIterator[Output]:
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", max_batch_size=BATCH_BYTES, max_request_size=4 << 20
    )
    await producer.start()
    try:
        yield Output(producer, LONGEST)
    finally:
        await producer.stop()


def record(to: TopicSpec, partition: int, value: bytes) -> Outbound:
    return Outbound(to.name, partition, b"k", value, 1_700_000_000_000, [("a", b"b")])


def by_place(records: list[Outbound]) -> dict[Place, list[bytes]]:
    places = defaultdict(list)
    for r in records:
        assert r.value is not None
        places[r.topic, r.partition].append(r.value)
    return places


def there(address: str, where: TopicSpec) -> dict[Place, list[bytes]]:
    places = defaultdict(list)
    for found in read_whole(address, [where])[where.name]:
        places[where.name, found.partition].append(found.value)
    return places


def test_records_of_any_size_arrive_once_and_in_order(broker: str, scores: TopicSpec) -> None:
    draw = Random(5)
    made = [
        [
            record(scores, draw.randrange(3), b"%d:%d" % (send, n) + b"x" * draw.choice((0, 1900)))
            for n in range(draw.choice((0, 1, 30, 1500)))
        ]
        for send in range(40)
    ]

    async def send() -> None:
        async with output(broker) as out:
            sent = []
            for records in made:
                sent.append(out.send(records))
                if draw.random() < 0.3:
                    await asyncio.sleep(0)
                await out.room()
            await asyncio.gather(*sent)

    asyncio.run(send())
    assert there(broker, scores) == by_place([r for records in made for r in records])


def test_a_send_is_confirmed_with_the_last_of_its_records(broker: str, scores: TopicSpec) -> None:
    async def send() -> None:
        async with output(broker) as out:
            many = [record(scores, n % 3, b"x" * 1900) for n in range(3_000)]
            first = out.send(many)
            second = out.send([record(scores, 7, b"alone")])
            await second
            assert not first.done()
            await first

    asyncio.run(send())
    assert sum(map(len, there(broker, scores).values())) == 3_001


def test_a_sender_that_is_far_ahead_waits(broker: str, scores: TopicSpec) -> None:
    async def send() -> None:
        async with output(broker) as out:
            await out.room()
            sent = out.send([record(scores, n % 8, b"x") for n in range(AHEAD + 1)])
            waiting = asyncio.create_task(out.room())
            await asyncio.sleep(0)
            assert not waiting.done()
            await waiting
            await sent

    asyncio.run(send())


def test_a_record_that_is_too_long_is_truncated_and_marked(broker: str, scores: TopicSpec) -> None:
    async def send() -> None:
        async with output(broker) as out:
            await out.send([record(scores, 0, b"y" * (LONGEST + 5))])

    asyncio.run(send())
    (found,) = read_whole(broker, [scores])[scores.name]
    assert found.value == b"y" * LONGEST
    assert dict(found.headers)["truncated_from"] == b"%d" % (LONGEST + 5)


def test_a_failure_is_raised_in_present_and_later_calls(broker: str, scores: TopicSpec) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
        await producer.start()
        out = Output(producer, LONGEST)
        await out.send([record(scores, 0, b"good")])
        await producer.stop()
        with pytest.raises(ProducerClosed):
            await out.send([record(scores, 0, b"too late")])
        with pytest.raises(ProducerClosed):
            await out.room()
        with pytest.raises(ProducerClosed):
            await out.send([record(scores, 1, b"later still")])

    asyncio.run(send())
    assert list(there(broker, scores).values()) == [[b"good"]]
