"""All records that one fetch returned of one partition, as aiokafka has unpacked them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException


class WholeBatches:
    """The records that one fetch returned of one partition, without aiokafka's copy of each.

    aiokafka would check each record, and copy it into a larger one with fields that are not used
    here. The first batch may begin before the wanted offset:
    :class:`~streamsim.consumers.worker.offset_sequence.OffsetSequence` drops those records.
    Transactions need no care: the isolation level is ``read_uncommitted``.
    """

    def __init__(self, packed: PartitionRecords) -> None:
        self._tp, self._packed = packed._tp, packed._records  # noqa: SLF001
        self.next_fetch_offset: int = packed.next_fetch_offset
        # A generator ends when it raises: nothing is read behind a corrupt batch.
        self._unpacked = self._unpack()

    def __iter__(self) -> Iterator[Any]:
        return self._unpacked

    def _unpack(self) -> Iterator[Any]:
        while self._packed.has_next():
            batch = self._packed.next_batch()
            if not batch.validate_crc():
                where = f"partition {self._tp.partition} of {self._tp.topic}"
                raise CorruptRecordException(f"{where}, offset {self.next_fetch_offset}")
            if not batch.is_control_batch:
                yield from batch
            self.next_fetch_offset = batch.next_offset
