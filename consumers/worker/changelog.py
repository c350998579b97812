"""The changelog: where the state of partitions is kept, and read back from.

It is the one truth about how far a partition is finished. One content is written at a time and
confirmed before the next; how to find the state among what is written is
:mod:`streamsim.consumers.state.checkpoint_chain`'s.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streamsim.consumers.core.stores import state_fingerprint
from streamsim.consumers.state.checkpoint_chain import (
    FULL,
    INCREMENTAL,
    Epoch,
    Link,
    Mark,
    Written,
    follow_chain,
)
from streamsim.consumers.state.store import Columns
from streamsim.consumers.worker.end_offsets import end_offsets
from streamsim.streams.errors import StateError
from streamsim.streams.packing import pack, unpack
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import CHANGELOG, topic

PART_BYTES = 800_000
"""Largest value of a record; what is larger comes in parts."""
SNAPSHOT_AFTER = 4 << 20
"""Bytes of deltas after which a snapshot takes their place, unless the last snapshot was larger."""
FETCH_WAIT_MS, FETCH_BYTES = 500, 16 << 20


@dataclass(slots=True)
class Lane:
    """Where the writer of one partition is."""

    epoch: Epoch
    base: int = 0
    after: str = ""
    writer: str = field(default_factory=lambda: secrets.token_hex(6))
    written: int = 0
    delta_bytes: int = 0
    snapshot_bytes: int = 0


class Changelog:
    """The changelog of one domain, for one consumer group.

    Parameters
    ----------
    trim
        Lets the broker forget what lies before an offset of a partition, where it can do that:
        called with topic, partition and the offset at which a snapshot begins.
    """

    def __init__(
        self,
        spec: DomainSpec,
        producer: AIOKafkaProducer,
        group: str,
        trim: Callable[[str, int, int], Awaitable[None]] | None = None,
    ) -> None:
        self._trim = trim
        self._topic = topic(spec.name, CHANGELOG)
        self._state = state_fingerprint(spec)
        self._producer, self._group = producer, group
        self._lanes: dict[int, Lane] = {}

    async def restore(
        self, bootstrap: str, partitions: Iterable[int], generation: int
    ) -> dict[int, list[Columns]]:
        """Read partitions' contents back, and take over as their writer.

        Raises
        ------
        StateError
            If what is there cannot be read as the state of this domain.
        """
        wanted = sorted(partitions)
        records = await read_records(bootstrap, self._topic, wanted, self._group)
        self._lanes = {}
        found: dict[int, list[Columns]] = {}
        for p in wanted:
            try:
                links = follow_chain(records.get(p, []))
                found[p] = [unpack(link.data) for link in links]
            except StateError as error:
                raise StateError(f"{self._topic}, partition {p}: {error}") from error
            for link in links:
                if link.mark.state != self._state:
                    raise StateError(
                        f"{self._topic}, partition {p}, was written by another definition of the "
                        "domain; begin with a new consumer group or an empty topic"
                    )
            self._lanes[p] = _lane_after(links, generation)
        return found

    def wants_snapshot(self, partition: int) -> bool:
        """Say whether a partition's deltas have grown large enough to be replaced."""
        lane = self._lanes[partition]
        return lane.delta_bytes > max(SNAPSHOT_AFTER, lane.snapshot_bytes)

    async def write(self, deltas: Mapping[int, Columns], snapshots: Mapping[int, Columns]) -> None:
        """Write contents, all partitions at once; returns when they are confirmed.

        Raises
        ------
        aiokafka.errors.KafkaError
            If one could not be written.
        """
        await asyncio.gather(
            *(self._write(p, INCREMENTAL, content) for p, content in deltas.items()),
            *(self._write(p, FULL, content) for p, content in snapshots.items()),
        )

    async def _write(self, partition: int, kind: str, content: Columns) -> None:
        lane, data = self._lanes[partition], pack(content)
        name = f"{lane.writer}:{lane.written}"
        lane.written += 1
        parts = [data[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES)]
        sent = []
        for number, part in enumerate(parts):
            mark = Mark(
                kind, name, lane.after, number, len(parts), lane.base, lane.epoch, self._group,
                self._state,
            )  # fmt: skip
            sent.append(await self._send(partition, part, mark))
        offsets = [(await future).offset for future in sent]
        lane.after = name
        if kind == FULL:
            lane.base, lane.snapshot_bytes, lane.delta_bytes = min(offsets), len(data), 0
            if self._trim is not None:
                await self._trim(self._topic, partition, lane.base)
        else:
            lane.delta_bytes += len(data)

    async def _send(self, partition: int, part: bytes, mark: Mark) -> asyncio.Future[Any]:
        batch = self._producer.create_batch()
        fitted = batch.append(
            timestamp=int(time.time() * 1000),
            key=b"%d" % partition,
            value=part,
            headers=mark.headers(),
        )
        if fitted is None:
            raise RuntimeError("a part of a changelog's content fits no batch")
        sent: asyncio.Future[Any] = await self._producer.send_batch(
            batch, self._topic, partition=partition
        )
        return sent


def _lane_after(links: Sequence[Link], generation: int) -> Lane:
    if not links:
        return Lane(Epoch(0, generation))
    tip, first = links[-1].mark, links[0]
    is_snapshot = first.mark.kind == FULL
    sizes = [len(link.data) for link in links]
    return Lane(
        tip.epoch.next(generation),
        base=first.offset if is_snapshot else tip.base,
        after=tip.content,
        delta_bytes=sum(sizes[is_snapshot:]),
        snapshot_bytes=sizes[0] if is_snapshot else 0,
    )


async def read_records(
    bootstrap: str, topic_name: str, partitions: Sequence[int], group: str
) -> dict[int, list[Written]]:
    """Read what may be the state of partitions: from the last snapshot known at the end on."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        await consumer.start()
        tps = [TopicPartition(topic_name, p) for p in partitions]
        ends = await end_offsets(consumer, tps)
        ends_by = {p: ends[topic_name, p] for p in partitions if ends[topic_name, p] > 0}
        last = await _read(
            consumer, topic_name, {p: end - 1 for p, end in ends_by.items()}, ends_by
        )
        starts = {
            p: records[-1].mark.base
            if records and records[-1].mark.group == group
            else 0  # somebody else has written since: our last snapshot is anywhere
            for p, records in last.items()
        }
        read = await _read(consumer, topic_name, starts, ends_by)
        return {p: [r for r in records if r.mark.group == group] for p, records in read.items()}
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, name: str, starts: Mapping[int, int], ends: Mapping[int, int]
) -> dict[int, list[Written]]:
    """Read partitions from given offsets to given ends."""
    found: dict[int, list[Written]] = {p: [] for p in starts}
    left = set(starts)
    if not left:
        return found
    consumer.assign([TopicPartition(name, p) for p in left])
    for p, start in starts.items():
        consumer.seek(TopicPartition(name, p), start)
    while left:
        fetched = await consumer.getmany(timeout_ms=1000)
        for tp, records in fetched.items():
            found[tp.partition] += [
                _written(tp, r) for r in records if r.offset < ends[tp.partition]
            ]
            if records and records[-1].offset >= ends[tp.partition] - 1:
                left.discard(tp.partition)
    return found


def _written(tp: TopicPartition, record: Any) -> Written:
    try:
        mark = Mark.read(record.headers)
    except StateError as error:
        raise StateError(
            f"{tp.topic}, partition {tp.partition}, offset {record.offset}: {error}; nobody but "
            "workers may write there: find out who did, delete the topic, and the sources are "
            "worked again from their beginning"
        ) from error
    return Written(record.offset, mark, record.value or b"")
