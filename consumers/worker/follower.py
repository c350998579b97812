"""Follower of a topic: reads all its partitions from the beginning, in every worker.

It has no consumer group and no back-pressure, since events wait for its records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


async def follow(
    bootstrap: str,
    topics: Sequence[str],
    partitions: int,
    handle: Callable[[str, Sequence[Any]], None],
) -> None:
    """Pass every record of the topics to ``handle``, as lists per topic, until cancelled."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
    )
    try:
        await consumer.start()
        consumer.assign([TopicPartition(t, p) for t in topics for p in range(partitions)])
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            for tp, records in fetched.items():
                handle(tp.topic, records)
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
