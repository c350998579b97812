"""End offsets of partitions, correct on every broker.

The embedded broker answers ``ListOffsets`` for the latest offset with the base offset of the last
batch plus one, regardless of the batch's length. The high watermark in a fetch response is correct
on every broker, so this module uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaTimeoutError, for_code
from aiokafka.protocol.fetch import FetchRequest

PROBE_BYTES = 1
"""Bytes to fetch per partition: a fetch returns at least one whole batch, which is enough."""
WAIT_MS, LONGEST_WAIT_MS = 10, 5_000
"""The embedded broker leaves partitions out of a response that it could not complete in time: they
are requested again, with a longer wait."""


async def fetch_end_offsets(
    bootstrap: str, partitions: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """Return the end offset of each partition: the offset of the next record to be written.

    Raises
    ------
    aiokafka.errors.KafkaError
        If a partition does not exist, or the broker does not answer.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await consumer.start()
        return await end_offsets(consumer, [TopicPartition(t, p) for t, p in partitions])
    finally:
        await consumer.stop()


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> dict[tuple[str, int], int]:
    """Return end offsets through a consumer that is already connected."""
    wanted = list(partitions)
    if not wanted:
        return {}
    near = await consumer.end_offsets(wanted)
    client: AIOKafkaClient = consumer._client  # noqa: SLF001 - there is no public way to ask
    ends: dict[tuple[str, int], int] = {}
    wait_ms = WAIT_MS
    while missing := {tp: offset for tp, offset in near.items() if tuple(tp) not in ends}:
        by_leader: dict[int, dict[str, list[tuple[int, int, int]]]]
        by_leader = defaultdict(lambda: defaultdict(list))
        for tp, offset in missing.items():
            leader = client.cluster.leader_for_partition(tp)
            by_leader[leader][tp.topic].append((tp.partition, offset, PROBE_BYTES))
        for leader, topics in by_leader.items():
            request = FetchRequest(wait_ms, 1, 1 << 20, 0, list(topics.items()), rack_id="")
            response = await client.send(leader, request)
            for topic, parts in response.topics:
                for partition, error, highwater, *_ in parts:
                    if error:
                        raise for_code(error)(f"{topic}:{partition}")
                    ends[topic, partition] = highwater
        if wait_ms > LONGEST_WAIT_MS:
            raise KafkaTimeoutError(f"no end offset for {sorted(map(tuple, missing))[:5]}")
        wait_ms *= 2
    return ends
