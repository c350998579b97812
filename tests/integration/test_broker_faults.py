"""The embedded broker plants the faults that it is told through its pipe, and ends them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streamsim.benchmarks.fault_injection.broker_faults import (
    ANSWERS,
    FAILS_A_PARTITION,
    LEADS_NOTHING,
    REFUSES,
    SLOW,
    VARIABLE,
    make_pipe,
)
from streamsim.simulator.brokers.broker import create_topics, embedded_command, free_port
from streamsim.streams.topics import TopicSpec
from tests.brokers import BROKERS, Embedded
from tests.stacks import until

pytestmark = [pytest.mark.stack, pytest.mark.embedded]

FOR_MS = 1_500


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pipe = make_pipe(tmp_path)
    monkeypatch.setenv(VARIABLE, str(pipe))
    return pipe


@pytest.fixture
def address(pipe: Path) -> Iterator[str]:
    with Embedded() as broker:
        create_topics(broker.address, [TopicSpec("t", 2, "key", "of a test")], BROKERS.topic_config)
        yield broker.address


def plant(pipe: Path, name: str) -> None:
    pipe.write_bytes(orjson.dumps(ANSWERS[name] | {"for_ms": FOR_MS}) + b"\n")


async def written(address: str, seconds: float) -> bool:
    """Return whether a record could be written in a time; clients try again until then."""
    producer = AIOKafkaProducer(bootstrap_servers=address, retry_backoff_ms=20)
    await producer.start()
    try:
        await asyncio.wait_for(
            asyncio.shield(producer.send_and_wait("t", b"", partition=0)), seconds
        )
        return True
    except (KafkaError, TimeoutError):
        return False
    finally:
        await producer.stop()


def begun(attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Return whether an attempt fails: the broker needs a moment to read its pipe."""
    return not asyncio.run(attempt())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [REFUSES, LEADS_NOTHING, SLOW])
def test_writes_fail_or_wait_until_the_fault_is_over(address: str, pipe: Path, name: str) -> None:
    assert asyncio.run(written(address, 20))
    plant(pipe, name)
    until(lambda: begun(lambda: written(address, 0.2)), "the fault", 1.4)
    assert asyncio.run(written(address, 20))


def test_one_partition_cannot_be_read_while_the_other_can(address: str, pipe: Path) -> None:
    async def seen(partition: int) -> bool:
        consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign([TopicPartition("t", partition)])
            return bool(await consumer.getmany(timeout_ms=300))
        finally:
            await consumer.stop()

    async def write() -> Any:
        async with AIOKafkaProducer(bootstrap_servers=address) as producer:
            return [await producer.send_and_wait("t", b"", partition=p) for p in (0, 1)]

    asyncio.run(write())
    plant(pipe, FAILS_A_PARTITION)
    until(lambda: begun(lambda: seen(1)), "the fault", 1.4)
    assert asyncio.run(seen(0))
    until(lambda: asyncio.run(seen(1)), "the end of the fault")


def test_two_brokers_do_not_share_their_data() -> None:
    """A broker that outlived its supervisor may still be there when the run is resumed."""
    with Embedded() as broker:
        second = subprocess.run(
            embedded_command(free_port(), broker.data),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert second.returncode == 1
        assert f"another broker has the data in {broker.data}" in second.stderr
        broker.kill()
        broker.start()
