"""Follower of topics: reads all their partitions, in every worker.

It has no consumer group and no back-pressure, since events wait for its records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


async def follow(
    bootstrap: str,
    topics: Sequence[str],
    partitions: int,
    handle: Callable[[str, Sequence[Any]], None],
    starts: Mapping[tuple[str, int], int] | None = None,
) -> None:
    """Pass every record of the topics to ``handle``, as lists per partition, until cancelled.

    Parameters
    ----------
    starts
        Offsets to start at, by topic and partition; any other partition is read from its beginning.

    Raises
    ------
    aiokafka.errors.OffsetOutOfRangeError
        If a record that has not been read is deleted.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 << 20,
    )
    try:
        await consumer.start()
        places = [TopicPartition(t, p) for t in topics for p in range(partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            if starts and place in starts:
                # After a power cut the broker may have fewer records than were read.
                consumer.seek(place, min(starts[place], ends[place]))
            else:
                await consumer.seek_to_beginning(place)
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            for tp, records in fetched.items():
                handle(tp.topic, records)
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
