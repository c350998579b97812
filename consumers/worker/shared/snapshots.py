"""Snapshots of the state that the workers of a domain share, in the topic ``<domain>.shared``.

A snapshot counts for itself: a worker starts with the newest one whose parts are all there, whoever
wrote it. A new snapshot is confirmed before the ones before it are deleted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import AIOKafkaProducer

from streamsim.consumers.core.stores import state_fingerprint
from streamsim.consumers.state.checkpoint_chain import (
    FULL,
    ChangelogRecord,
    CheckpointHeader,
    Epoch,
)
from streamsim.consumers.state.store import Columns
from streamsim.consumers.worker.changelog import PART_BYTES, SNAPSHOT_AFTER, read_records
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import SHARED, topic

log = logging.getLogger(__name__)
PARTITION = 0


class SharedSnapshots:
    """The snapshots of one domain, for one consumer group.

    Parameters
    ----------
    trim
        Deletes the records before an offset: called with topic, partition and offset.
    """

    def __init__(
        self,
        spec: DomainSpec,
        producer: AIOKafkaProducer,
        group: str,
        trim: Callable[[str, int, int], Awaitable[None]],
    ) -> None:
        self._topic, self._state = topic(spec.name, SHARED), state_fingerprint(spec)
        self._producer, self._group, self._trim = producer, group, trim
        self._size = 0
        self._since = 0

    async def read(self, bootstrap: str) -> Columns | None:
        """Return the newest snapshot, ``None`` without one; skip what no worker has written."""
        records = await read_records(
            bootstrap, self._topic, [PARTITION], self._group, _warn_of_foreign
        )
        data = newest([r for r in records.get(PARTITION, []) if r.header.state == self._state])
        if data is None:
            return None
        self._size = len(data)
        return unpack(data)

    def is_due(self, read: int) -> bool:
        """Count bytes that were read since the last snapshot; say whether the next one is due."""
        self._since += read
        return self._since > max(SNAPSHOT_AFTER, self._size)

    async def write(self, columns: Columns) -> None:
        """Write a snapshot; return when it is confirmed and its predecessors are deleted.

        Raises
        ------
        aiokafka.errors.KafkaError
            If it could not be written.
        """
        data, name = pack(columns), secrets.token_hex(6)
        self._since, self._size = 0, len(data)
        parts = [data[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES)]
        sent = [
            await self._producer.send(
                self._topic,
                part,
                partition=PARTITION,
                timestamp_ms=int(time.time() * 1000),
                headers=CheckpointHeader(
                    FULL, name, "", number, len(parts), 0, Epoch(0, 0), self._group, self._state
                ).encode(),
            )
            for number, part in enumerate(parts)
        ]
        confirmed = await asyncio.gather(*sent)
        await self._trim(self._topic, PARTITION, min(record.offset for record in confirmed))


def _warn_of_foreign(said: str) -> None:
    log.warning("skipped: %s", said)


def newest(records: Sequence[ChangelogRecord]) -> bytes | None:
    """Return the data of the newest snapshot whose parts are all there, ``None`` without one."""
    parts: dict[str, dict[int, bytes]] = {}
    whole: bytes | None = None
    for record in records:
        own = parts.setdefault(record.header.content, {})
        own[record.header.part] = record.data
        if len(own) == record.header.parts:
            whole = b"".join(own[number] for number in sorted(own))
    return whole
