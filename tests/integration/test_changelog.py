"""The changelog on a real broker: state is restored, also beside the records of other writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaProducer

from streamsim.consumers.state.store import Columns
from streamsim.consumers.worker.changelog import PART_BYTES, Changelog
from streamsim.consumers.worker.output import BATCH_BYTES
from streamsim.consumers.worker.trimming import Trimmer
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import create_topics
from streamsim.streams.errors import StateError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import CHANGELOG, topic, topics_of
from tests.brokers import BROKERS
from tests.stacks import Up

pytestmark = pytest.mark.stack


@pytest.fixture
def address(broker: str, finance: DomainSpec) -> str:
    create_topics(broker, topics_of(finance), BROKERS.topic_config)
    return broker


@asynccontextmanager
async def changelog(
    address: str, spec: DomainSpec, group: str = "own", trim: Any = None
) -> AsyncIterator[Changelog]:
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", max_batch_size=BATCH_BYTES, max_request_size=4 << 20
    )
    await producer.start()
    try:
        yield Changelog(spec, producer, group, trim)
    finally:
        await producer.stop()


def content(number: int, rows: int = 3) -> Columns:
    return {"rows": np.arange(rows) + number, "names": [f"n{number}"]}


def numbers(contents: list[Columns]) -> list[int]:
    return [int(c["rows"][0]) for c in contents]


async def restored(address: str, spec: DomainSpec, group: str, generation: int) -> list[list[int]]:
    async with changelog(address, spec, group) as log:
        found = await log.restore(address, [0, 1, 5], generation)
        return [numbers(found[p]) for p in (0, 1, 5)]


async def write(
    address: str, spec: DomainSpec, group: str, generation: int, *steps: tuple[str, int]
) -> None:
    async with changelog(address, spec, group) as log:
        await log.restore(address, [0, 1], generation)
        for kind, number in steps:
            made = {0: content(number), 1: content(number + 1000, PART_BYTES // 3)}
            await (log.write(made, {}) if kind == "cut" else log.write({}, made))


def test_what_is_written_is_read_back_from_its_last_snapshot(
    address: str, finance: DomainSpec
) -> None:
    async def story() -> None:
        await write(address, finance, "own", 1, ("cut", 1), ("cut", 2))
        assert await restored(address, finance, "own", 2) == [[1, 2], [1001, 1002], []]
        await write(address, finance, "own", 3, ("cut", 3), ("snapshot", 4), ("cut", 5))
        assert await restored(address, finance, "own", 4) == [[4, 5], [1004, 1005], []]
        await write(address, finance, "other", 1, ("cut", 9))
        assert await restored(address, finance, "own", 5) == [[4, 5], [1004, 1005], []]
        assert await restored(address, finance, "other", 2) == [[9], [1009], []]

    asyncio.run(story())


def test_a_writer_that_has_lost_its_partitions_is_not_believed(
    address: str, finance: DomainSpec
) -> None:
    async def story() -> None:
        async with changelog(address, finance) as old, changelog(address, finance) as new:
            await old.restore(address, [0], 1)
            await old.write({0: content(1)}, {})
            assert numbers((await new.restore(address, [0], 2))[0]) == [1]
            await old.write({0: content(2)}, {})  # it does not know yet
            await new.write({0: content(3)}, {})
            await old.write({}, {0: content(4)})
            assert await restored(address, finance, "own", 3) == [[1, 3], [], []]

    asyncio.run(story())


def test_the_state_of_another_definition_is_refused(address: str, finance: DomainSpec) -> None:
    windows = (replace(finance.features.windows[0], value="event_time"),)
    other = replace(finance, features=replace(finance.features, windows=windows))

    async def story() -> None:
        await write(address, finance, "own", 1, ("cut", 1))
        with pytest.raises(StateError, match="another definition"):
            await restored(address, other, "own", 2)

    asyncio.run(story())


def send_stranger(address: str, name: str, partition: int) -> int:
    """Write a record of another program; return its offset."""
    producer = KafkaProducer(bootstrap_servers=address)
    try:
        sent = producer.send(name, value=b"hello", partition=partition).get(timeout=20)
        return int(sent.offset)
    finally:
        producer.close(timeout=5)


def test_the_record_of_a_stranger_is_named_wherever_it_lies(
    address: str, finance: DomainSpec
) -> None:
    name = topic(finance.name, CHANGELOG)

    async def story() -> None:
        async with changelog(address, finance) as log:
            await log.restore(address, [0, 1], 1)
            await log.write({0: content(1), 1: content(1)}, {})
            offset = send_stranger(address, name, 1)
            told = f"{name}, partition 1, offset {offset}: .*delete the topic"
            with pytest.raises(StateError, match=told):  # at the end
                await restored(address, finance, "own", 2)
            await log.write({1: content(2)}, {})
        with pytest.raises(StateError, match=told):  # in the middle
            await restored(address, finance, "own", 2)
        async with changelog(address, finance) as log:
            assert numbers((await log.restore(address, [0], 2))[0]) == [1]
        with pytest.raises(StateError, match=told):
            await restored(address, finance, "other", 1)

    asyncio.run(story())


@pytest.mark.slow
def test_the_record_of_a_stranger_ends_a_run_with_a_sentence(
    registry: Registry, finance: DomainSpec, tmp_path: Path
) -> None:
    name = topic(finance.name, CHANGELOG)
    with Up(tmp_path, "--days", "60", "--rate", "300") as up:
        up.flowing()
        offset = send_stranger(up.run["address"], name, 3)
        up.part("worker").kill()
        assert up.ended() == StateError.exit_code
        assert f"streamsim: {name}, partition 3, offset {offset}: " in up.text
        assert "delete the topic" in up.text.splitlines()[-1]
        assert "Traceback" not in up.text


def test_a_snapshot_lets_the_broker_forget_what_was_before_it(
    address: str, finance: DomainSpec
) -> None:
    async def story() -> None:
        trimmer = Trimmer(address)
        await trimmer.start()
        try:
            async with changelog(address, finance, trim=trimmer.before) as log:
                await log.restore(address, [0], 1)
                for number in range(5):
                    await log.write({0: content(number)}, {})
                await log.write({}, {0: content(5)})
                assert await first_offset(address, topic(finance.name, CHANGELOG)) == 5
                assert await restored(address, finance, "own", 2) == [[5], [], []]
                await log.write({0: content(6)}, {})
                assert await restored(address, finance, "own", 3) == [[5, 6], [], []]
                assert await restored(address, finance, "other", 1) == [[], [], []]
        finally:
            await trimmer.stop()

    asyncio.run(story())


async def first_offset(address: str, name: str) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await consumer.start()
    try:
        place = TopicPartition(name, 0)
        return int((await consumer.beginning_offsets([place]))[place])
    finally:
        await consumer.stop()
