"""Changelog: a topic with the checkpoints of all partitions, from which their state is restored.

It alone decides up to which offset a partition is finished. Each partition has one writer, and each
checkpoint is confirmed before the next. :mod:`streamsim.consumers.state.checkpoint_chain` finds the
state among the records.
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
    ChangelogRecord,
    Checkpoint,
    CheckpointHeader,
    Epoch,
    follow_chain,
)
from streamsim.consumers.state.store import Columns
from streamsim.streams.errors import StateError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import CHANGELOG, topic

PART_BYTES = 800_000
"""Largest value of a record; a larger checkpoint is split into parts."""
SNAPSHOT_AFTER = 4 << 20
"""Bytes of deltas after which a snapshot is written, unless the last snapshot was larger."""
FETCH_BYTES = 16 << 20


@dataclass(slots=True)
class PartitionWriter:
    """State of the writer of one partition."""

    epoch: Epoch
    base: int = 0
    after: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    written: int = 0
    delta_bytes: int = 0
    snapshot_bytes: int = 0


class Changelog:
    """The changelog of one domain, for one consumer group.

    Parameters
    ----------
    trim
        Deletes the records before an offset, if the broker supports it: called with topic,
        partition and the offset at which a snapshot begins.
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
        self._writers: dict[int, PartitionWriter] = {}

    async def restore(
        self, bootstrap: str, partitions: Iterable[int], generation: int
    ) -> dict[int, list[Columns]]:
        """Read the checkpoints of partitions, and take over as their writer.

        Raises
        ------
        StateError
            If the records are not the state of this domain.
        """
        wanted = sorted(partitions)
        records = await read_records(bootstrap, self._topic, wanted, self._group)
        self._writers = {}
        found: dict[int, list[Columns]] = {}
        for p in wanted:
            try:
                chain = follow_chain(records.get(p, []))
                found[p] = [unpack(checkpoint.data) for checkpoint in chain]
            except StateError as error:
                raise StateError(f"{self._topic}, partition {p}: {error}") from error
            for checkpoint in chain:
                if checkpoint.header.state != self._state:
                    raise StateError(
                        f"{self._topic}, partition {p}, was written by another definition of the "
                        "domain or an earlier version of streamsim; begin with a new consumer "
                        "group or an empty topic"
                    )
            self._writers[p] = _writer_after(chain, generation)
        return found

    def wants_snapshot(self, partition: int) -> bool:
        """Say whether a partition's deltas are large enough to be replaced by a snapshot."""
        writer = self._writers[partition]
        return writer.delta_bytes > max(SNAPSHOT_AFTER, writer.snapshot_bytes)

    async def write(self, deltas: Mapping[int, Columns], snapshots: Mapping[int, Columns]) -> None:
        """Write checkpoints of all partitions concurrently; return when they are confirmed.

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
        writer, data = self._writers[partition], pack(content)
        name = f"{writer.id}:{writer.written}"
        writer.written += 1
        parts = [data[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES)]
        sent = []
        for number, part in enumerate(parts):
            header = CheckpointHeader(
                kind, name, writer.after, number, len(parts), writer.base, writer.epoch,
                self._group, self._state,
            )  # fmt: skip
            sent.append(await self._send(partition, part, header))
        offsets = [(await future).offset for future in sent]
        writer.after = name
        if kind == FULL:
            writer.base, writer.snapshot_bytes, writer.delta_bytes = min(offsets), len(data), 0
            if self._trim is not None:
                await self._trim(self._topic, partition, writer.base)
        else:
            writer.delta_bytes += len(data)

    async def _send(
        self, partition: int, part: bytes, header: CheckpointHeader
    ) -> asyncio.Future[Any]:
        batch = self._producer.create_batch()
        fitted = batch.append(
            timestamp=int(time.time() * 1000),
            key=b"%d" % partition,
            value=part,
            headers=header.encode(),
        )
        if fitted is None:
            raise RuntimeError("a part of a checkpoint is too large for a record batch")
        sent: asyncio.Future[Any] = await self._producer.send_batch(
            batch, self._topic, partition=partition
        )
        return sent


def _writer_after(chain: Sequence[Checkpoint], generation: int) -> PartitionWriter:
    if not chain:
        return PartitionWriter(Epoch(0, generation))
    tip, first = chain[-1].header, chain[0]
    is_snapshot = first.header.kind == FULL
    sizes = [len(checkpoint.data) for checkpoint in chain]
    return PartitionWriter(
        tip.epoch.next(generation),
        base=first.offset if is_snapshot else tip.base,
        after=tip.content,
        delta_bytes=sum(sizes[is_snapshot:]),
        snapshot_bytes=sizes[0] if is_snapshot else 0,
    )


async def read_records(
    bootstrap: str,
    topic_name: str,
    partitions: Sequence[int],
    group: str,
    skipped: Callable[[str], None] | None = None,
) -> dict[int, list[ChangelogRecord]]:
    """Read the records of partitions, each from the snapshot that its last record refers to.

    Parameters
    ----------
    skipped
        Called with what to say of a record that no worker has written.

    Raises
    ------
    StateError
        If there is such a record, and ``skipped`` is not given.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        await consumer.start()
        tps = [TopicPartition(topic_name, p) for p in partitions]
        ends = await consumer.end_offsets(tps)
        ends_by = {tp.partition: end for tp, end in ends.items() if end > 0}
        last = await _read(
            consumer, topic_name, {p: end - 1 for p, end in ends_by.items()}, ends_by, skipped
        )
        starts = {
            p: records[-1].header.base
            if records and records[-1].header.group == group
            else 0  # another group wrote the last record: our last snapshot may be anywhere
            for p, records in last.items()
        }
        read = await _read(consumer, topic_name, starts, ends_by, skipped)
        return {p: [r for r in records if r.header.group == group] for p, records in read.items()}
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer,
    name: str,
    starts: Mapping[int, int],
    ends: Mapping[int, int],
    skipped: Callable[[str], None] | None,
) -> dict[int, list[ChangelogRecord]]:
    """Read partitions from given offsets to given ends."""
    found: dict[int, list[ChangelogRecord]] = {p: [] for p in starts}
    left = set(starts)
    if not left:
        return found
    consumer.assign([TopicPartition(name, p) for p in left])
    for p, start in starts.items():
        consumer.seek(TopicPartition(name, p), start)
    while left:
        fetched = await consumer.getmany(timeout_ms=1000)
        for tp, records in fetched.items():
            for record in records:
                if record.offset < ends[tp.partition]:
                    try:
                        found[tp.partition].append(_record(tp, record))
                    except StateError as error:
                        if skipped is None:
                            raise StateError(f"{error}{_ADVICE}") from error
                        skipped(str(error))
            if records and records[-1].offset >= ends[tp.partition] - 1:
                left.discard(tp.partition)
    return found


_ADVICE = (
    "; only workers may write to this topic. Find the other writer and delete the topic: the "
    "workers then process the sources from the beginning"
)


def _record(tp: TopicPartition, record: Any) -> ChangelogRecord:
    try:
        header = CheckpointHeader.read(record.headers)
    except StateError as error:
        raise StateError(
            f"{tp.topic}, partition {tp.partition}, offset {record.offset}: {error}"
        ) from error
    return ChangelogRecord(record.offset, header, record.value or b"")
