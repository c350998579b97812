"""Snapshots of the shared state on a real broker: the newest whole one is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiokafka import AIOKafkaProducer

from streamsim.consumers.state.checkpoint_chain import (
    FULL,
    ChangelogRecord,
    CheckpointHeader,
    Epoch,
)
from streamsim.consumers.state.store import Columns
from streamsim.consumers.worker.changelog import PART_BYTES, SNAPSHOT_AFTER
from streamsim.consumers.worker.output import BATCH_BYTES
from streamsim.consumers.worker.shared.snapshots import SharedSnapshots, newest
from streamsim.consumers.worker.trimming import Trimmer
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.reading import deleted
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topics_of
from tests.brokers import BROKERS

ROWS = PART_BYTES // 8 * 2 + 5
"""Rows of three parts."""


def record(content: str, part: int, parts: int) -> ChangelogRecord:
    header = CheckpointHeader(FULL, content, "", part, parts, 0, Epoch(0, 0), "own", "state")
    return ChangelogRecord(0, header, f"{content}{part}".encode())


def test_the_newest_one_counts_whose_parts_are_all_there() -> None:
    assert newest([]) is None
    mixed = [record("a", 0, 2), record("b", 0, 2), record("a", 1, 2), record("c", 0, 2)]
    assert newest(mixed) == b"a0a1"
    assert newest([*mixed, record("b", 1, 2)]) == b"b0b1"


@asynccontextmanager
async def snapshots(
    address: str, spec: DomainSpec, group: str = "own"
) -> AsyncIterator[SharedSnapshots]:
    producer = AIOKafkaProducer(
        bootstrap_servers=address, acks="all", max_batch_size=BATCH_BYTES, max_request_size=4 << 20
    )
    trimmer = Trimmer(address)
    await producer.start()
    await trimmer.start()
    try:
        yield SharedSnapshots(spec, producer, group, trimmer.before)
    finally:
        await trimmer.stop()
        await producer.stop()


@pytest.mark.stack
def test_a_worker_reads_what_another_has_written(broker: str, finance: DomainSpec) -> None:
    create_topics(broker, topics_of(finance), BROKERS.topic_config)

    async def write(number: int, group: str = "own") -> None:
        async with snapshots(broker, finance, group) as own:
            await own.write({"rows": np.arange(ROWS) + number, "names": ["x"]})

    async def read(group: str = "own") -> Columns | None:
        async with snapshots(broker, finance, group) as own:
            return await own.read(broker)

    assert asyncio.run(read()) is None
    for number in (1, 2):
        asyncio.run(write(number))
    found = asyncio.run(read())
    assert found is not None
    assert list(found["rows"]) == list(range(2, ROWS + 2))
    assert deleted(broker, topics_of(finance)) == {"finance.shared": 3}
    assert asyncio.run(read("other")) is None


def test_it_is_due_after_as_many_bytes_as_the_last_one_had(finance: DomainSpec) -> None:
    own = SharedSnapshots(finance, None, "own", None)  # type: ignore[arg-type]
    assert not own.is_due(SNAPSHOT_AFTER)
    assert own.is_due(1)
