"""Follower of a topic: reads all its partitions from the beginning, in every worker.

It has no consumer group and no back-pressure, since events wait for its records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streamsim.consumers.worker.fetch_wait import AdaptiveFetchWait, FetchWait
from streamsim.consumers.worker.offset_sequence import OffsetSequence

QUIET_MS = 20
"""Shortest wait of a fetch. The records are needed only days of event time later, and each empty
fetch costs broker and worker a fifth of a millisecond."""


async def follow(
    bootstrap: str,
    topics: Sequence[str],
    partitions: int,
    wait: FetchWait,
    handle: Callable[[str, Sequence[Any]], None],
) -> None:
    """Pass every record of the topics to ``handle``, as lists per topic, until cancelled."""
    wait = replace(wait, base_ms=max(wait.base_ms, QUIET_MS))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=wait.base_ms,
        max_partition_fetch_bytes=4 << 20,
    )
    fetch_wait, sequence = AdaptiveFetchWait(consumer, wait), OffsetSequence()
    try:
        await consumer.start()
        consumer.assign([TopicPartition(t, p) for t in topics for p in range(partitions)])
        while True:
            fetch_wait.adapt()
            fetched = await consumer.getmany(timeout_ms=1000)
            for tp, found in fetched.items():
                records, again = sequence.take(tp, found)
                if records:
                    handle(tp.topic, records)
                if again is not None:
                    consumer.seek(tp, again)
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
