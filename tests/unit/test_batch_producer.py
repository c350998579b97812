"""Record batches that are filled at once are those that kafka-python makes record by record."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.record import util
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from streamsim.producers.batch_producer import (
    BatchProducer,
    Records,
    Row,
    confirm,
    encode_headers,
)

TEXTS = st.one_of(st.none(), st.binary(max_size=200))
HEADERS = st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=20)), max_size=3)
RECORDS = st.lists(st.tuples(st.integers(0, 1 << 50), TEXTS, TEXTS, HEADERS), min_size=1)


def test_the_client_finds_the_library_for_checksums() -> None:
    """In Python they take a third of a producer's time."""
    assert util._crc32c is crc32c.crc32c


@given(RECORDS, st.integers(1, 2_000), st.integers(1, 9))
def test_a_batch_has_the_bytes_of_a_batch_made_record_by_record(
    records: list[Any], size: int, step: int
) -> None:
    one_by_one = MemoryRecordsBuilder(2, 0, size)
    fitted = 0
    while fitted < len(records) and one_by_one.append(*records[fitted]) is not None:
        fitted += 1
    rows, together, done = [_row(*record) for record in records], Records(size), 0
    while (end := together.extend(rows[: done + step], done)) > done:
        done = end
    assert done == fitted
    for batch in (one_by_one, together):
        batch.set_producer_state(7, 1, 40, False)
        batch.close()
    assert together.buffer() == one_by_one.buffer()
    assert together.extend(rows, done) == done  # closed


class Producer(BatchProducer):  # type: ignore[misc]
    """A producer that sends nothing: its batches are taken from its accumulator."""

    def __init__(self, size: int) -> None:
        self.config = {"max_request_size": 1_000}
        self._accumulator = RecordAccumulator(batch_size=size)
        self._metadata = self._sender = self
        self.woken = 0

    def __del__(self) -> None:
        pass

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1}

    partitions_for = partitions_for_topic

    def wakeup(self) -> None:
        self.woken += 1

    def waiting(self, partition: int) -> list[Any]:
        return list(self._accumulator._batches["topic", partition])


def test_records_are_appended_to_the_open_batch_and_begin_others_when_it_is_full() -> None:
    producer = Producer(300)
    rows = [_row(5, b"key", b"%03d" % n * 20, []) for n in range(9)]
    begun = producer.append("topic", 1, rows[:2])
    assert producer.append("topic", 1, rows[2:3]) == []
    begun += producer.append("topic", 1, rows[3:])
    assert producer.woken == 2
    assert producer.waiting(1) == begun
    found = []
    for batch in begun:
        batch.records.close()
        found += [r.value for part in MemoryRecords(batch.records.buffer()) for r in part]
    assert found == [row.value for row in rows]
    assert [batch.record_count for batch in begun] == [3, 3, 3]


def test_a_record_above_the_limit_and_an_unknown_partition_are_refused() -> None:
    producer = Producer(300)
    with pytest.raises(Exception, match="larger than"):
        producer.append("topic", 0, [_row(5, None, b"x" * 1_000, [])])
    with pytest.raises(Exception, match="no partition 2"):
        producer.append("topic", 2, [_row(5, None, b"x", [])])
    assert not producer.waiting(0)


def test_a_batch_that_failed_raises() -> None:
    producer = Producer(300)
    (batch,) = producer.append("topic", 0, [_row(5, None, b"x", [])])
    with pytest.raises(KafkaTimeoutError):
        confirm(batch, 0)
    batch.complete_exceptionally(ValueError("all"), lambda index: ValueError(f"record {index}"))
    with pytest.raises(ValueError, match="record 0"):
        confirm(batch, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_batch_that_was_split_is_confirmed_by_its_parts(fails: bool) -> None:
    producer = Producer(300)
    (batch,) = producer.append("topic", 0, [_row(5, None, b"%d" % n, []) for n in range(5)])
    batch.records.close()
    producer._accumulator._batches["topic", 0].clear()
    assert producer._accumulator.split_and_reenqueue(batch) == 2
    first, second = producer.waiting(0)
    first.complete(10, -1)
    if fails:
        second.complete_exceptionally(ValueError("all"), lambda index: ValueError("refused"))
        with pytest.raises(ValueError, match="refused"):
            confirm(batch, 1)
    else:
        second.complete(13, -1)
        confirm(batch, 1)


def _row(timestamp: int, key: bytes | None, value: bytes | None, headers: list[Any]) -> Row:
    return Row(timestamp, key, value, encode_headers(headers))


def test_a_batch_is_freed_without_a_garbage_collection() -> None:
    producer = Producer(300)
    gc.disable()
    try:
        (batch,) = producer.append("topic", 1, [_row(5, b"key", b"value", [])])
        assert len(batch._record_futures) == 1
        producer._accumulator._batches.clear()
        producer._accumulator._incomplete.remove(batch)
        left = weakref.ref(batch)
        del batch
        assert left() is None
    finally:
        gc.enable()
