"""A fetch is unpacked in whole batches, and a corrupt batch ends the reading."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack_into

import pytest
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from faust.types import TP

from streamsim.consumers.worker.whole_batches import WholeBatches

CONTROL = 1 << 5
"""The bit in a batch's attributes (https://kafka.apache.org/documentation/#recordbatch)."""


def batch(first: int, *values: bytes) -> bytearray:
    builder = BatchBuilder(1 << 16, 0, is_transactional=False)
    for value in values:
        builder.append(timestamp=1_700_000_000_000, key=b"k", value=value, headers=[("a", b"b")])
    data = bytearray(builder._build())
    pack_into(">q", data, 0, first)
    return data


def packed(*batches: bytes, wanted: int = 0) -> PartitionRecords:
    data = MemoryRecords(b"".join(batches))
    return PartitionRecords(TP("t", 3), data, [], wanted, None, None, True, READ_UNCOMMITTED)


def fetched(*batches: bytes, wanted: int = 0) -> WholeBatches:
    return WholeBatches(packed(*batches, wanted=wanted))


@contextmanager
def no_collection() -> Iterator[None]:
    """Leave all to reference counts."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_all_batches_come_as_they_were_written_and_the_next_fetch_follows_on_them() -> None:
    records = fetched(batch(7, b"a", b"b"), batch(9, b"c"), wanted=7)
    assert records.next_fetch_offset == 7
    found = [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in records]
    stamp = 1_700_000_000_000
    assert found == [
        (offset, stamp, b"k", value, [("a", b"b")])
        for offset, value in ((7, b"a"), (8, b"b"), (9, b"c"))
    ]
    assert records.next_fetch_offset == 10


def test_a_corrupt_batch_is_said_and_fetched_again() -> None:
    bad = batch(9, b"c")
    bad[-1] ^= 1
    records = fetched(batch(7, b"a", b"b"), bad, batch(10, b"d"))
    coming = iter(records)
    assert [next(coming).value for _ in range(2)] == [b"a", b"b"]
    with pytest.raises(CorruptRecordException, match="partition 3 of t, offset 9"):
        next(coming)
    assert list(records) == []
    assert records.next_fetch_offset == 9


def test_the_brokers_own_records_are_left_out() -> None:
    marker = batch(9, b"x")
    marker[22] |= CONTROL
    pack_into(">I", marker, 17, calc_crc32c(marker[21:]))
    records = fetched(batch(8, b"a"), marker, batch(10, b"b"))
    assert [r.value for r in records] == [b"a", b"b"]


@pytest.mark.parametrize("read", [0, 1, 3], ids=["unread", "half read", "read"])
def test_what_was_fetched_is_freed_without_a_garbage_collection(read: int) -> None:
    with no_collection():
        client = packed(batch(7, b"a", b"b"), batch(9, b"c"), wanted=7)
        records = WholeBatches(client)
        coming = iter(records)
        assert len([next(coming) for _ in range(read)]) == read
        left = weakref.ref(client), weakref.ref(records), weakref.ref(coming)
        del client, records, coming
        assert [reference() for reference in left] == [None, None, None]
