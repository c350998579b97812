"""All records that one fetch returned of one partition, as aiokafka has unpacked them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords


class WholeBatches:
    """The records that one fetch returned of one partition, without aiokafka's copy of each.

    aiokafka would check each record, and copy it into a larger one with fields that are not used
    here. The first batch may begin before the wanted offset:
    :class:`~streamsim.consumers.worker.offset_sequence.OffsetSequence` drops those records.
    Transactions need no care: the isolation level is ``read_uncommitted``.
    """

    def __init__(self, packed: PartitionRecords) -> None:
        self._place = _Place(packed._tp, packed.next_fetch_offset)  # noqa: SLF001
        self._unpacked = _unpack(packed._records, self._place)  # noqa: SLF001
        # Its own generator refers back to it. Until the garbage collector comes by, seldom, such a
        # pair would hold all that was fetched.
        packed._records_iterator = None  # noqa: SLF001

    @property
    def next_fetch_offset(self) -> int:
        """Offset behind the batches that were read."""
        return self._place.next_offset

    def __iter__(self) -> Iterator[Any]:
        return self._unpacked


@dataclass(slots=True)
class _Place:
    """A partition, and the offset up to which it has been read."""

    tp: TopicPartition
    next_offset: int


def _unpack(packed: MemoryRecords, place: _Place) -> Iterator[Any]:
    """Unpack batch by batch. A generator ends when it raises: a corrupt batch is the last."""
    while packed.has_next():
        batch = packed.next_batch()
        if not batch.validate_crc():
            where = f"partition {place.tp.partition} of {place.tp.topic}"
            raise CorruptRecordException(f"{where}, offset {place.next_offset}")
        if not batch.is_control_batch:
            yield from batch
        place.next_offset = batch.next_offset
