"""Record batches of kafka-python, filled with many records at a time.

``KafkaProducer.send`` takes one record, with some ten objects and three locks for each. Here the
records of a partition are appended to its open batch together, and the batch alone has a future.
Batches are gathered, numbered, sent and repeated by kafka-python as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.producer.future import FutureRecordMetadata
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition

_VERSION = 2
"""Version of the format of records: the one with headers."""
_OVERHEAD: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(None, None, [])


class Row(NamedTuple):
    """One record; ``headers`` are in Kafka's format, see :func:`encode_headers`."""

    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: bytes


@lru_cache(maxsize=1 << 16)
def varint(number: int) -> bytes:
    """Return a signed number in Kafka's format of variable length.

    >>> [varint(n).hex() for n in (0, -1, 1, 64, -(2**40))]
    ['00', '01', '02', '8001', 'ffffffffff3f']
    """
    left = (number << 1) ^ (number >> 63)
    found = bytearray()
    while left > 0x7F:
        found.append(0x80 | left & 0x7F)
        left >>= 7
    found.append(left)
    return bytes(found)


def encode_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    r"""Return headers in Kafka's format, with their number in front; no value becomes no bytes.

    >>> encode_headers([("clock", b"12")])
    b'\x02\nclock\x0412'
    """
    parts = [varint(len(headers))]
    for name, value in headers:
        text = value or b""
        parts += (_name(name), varint(len(text)), text)
    return b"".join(parts)


@lru_cache(maxsize=1 << 10)
def _name(name: str) -> bytes:
    raw = name.encode()
    return varint(len(raw)) + raw


class Builder(DefaultRecordBatchBuilder):  # type: ignore[misc]  # kafka-python has no types
    """Builds one record batch; see :meth:`extend`."""

    def extend(self, rows: Sequence[Row], begin: int) -> int:
        """Append rows from ``begin`` on, as many as fit; return the row after the last one.

        The first record of a batch fits, of any size.
        """
        offset: int = self._num_records  # type: ignore[has-type]
        if begin < len(rows) and not offset:
            self._first_timestamp = self._max_timestamp = rows[begin].timestamp
        first, room = self._first_timestamp, self._batch_size - len(self._buffer)
        parts: list[bytes] = []
        end = begin
        for timestamp, key, value, headers in rows[begin:] if begin else rows:
            body = b"".join(
                (
                    b"\0",
                    varint(timestamp - first),
                    varint(offset),
                    b"\1" if key is None else varint(len(key)) + key,
                    b"\1" if value is None else varint(len(value)) + value,
                    headers,
                )
            )
            length = varint(len(body))
            room -= len(length) + len(body)
            if room < 0 and offset:
                break
            parts += (length, body)
            offset += 1
            end += 1
        if end > begin:
            self._buffer += b"".join(parts)
            self._num_records, self._last_offset = offset, offset - 1
            latest = max(row.timestamp for row in rows[begin:end])
            self._max_timestamp = max(self._max_timestamp, latest)
        return end


class Records(MemoryRecordsBuilder):  # type: ignore[misc]
    """The records of one batch, as kafka-python handles them."""

    def __init__(self, size: int) -> None:
        super().__init__(_VERSION, 0, size)
        self._builder = Builder(_VERSION, 0, False, -1, -1, -1, size)

    def extend(self, rows: Sequence[Row], begin: int) -> int:
        """See :meth:`Builder.extend`; a closed batch takes none."""
        if self._closed:
            return begin
        end: int = self._builder.extend(rows, begin)
        self._next_offset += end - begin
        return end


class RecordFutures:
    """A future for each record of a batch, made when kafka-python splits the batch.

    It does so if the broker takes only smaller ones. The futures then belong to the parts.
    """

    def __init__(self, records: Records, whole: Any) -> None:
        # Not the batch, which has this as an attribute: such a pair would be freed by the garbage
        # collector only, which runs seldom.
        self._records, self._whole = records, whole
        self.made: list[FutureRecordMetadata] = []

    def __len__(self) -> int:
        return int(self._records.next_offset())

    def __getitem__(self, index: int) -> FutureRecordMetadata:
        if not self.made:  # all at once: a thread in confirm() is woken by the first to be moved
            self.made = [
                FutureRecordMetadata(self._whole, i, None, None, -1, -1, -1)
                for i in range(len(self))
            ]
        return self.made[index]


class BatchProducer(KafkaProducer):  # type: ignore[misc]
    """A producer that takes the records of a partition together."""

    def append(self, topic: str, partition: int, rows: Sequence[Row]) -> list[ProducerBatch]:
        """Append records to a partition's open batch; return the batches that were begun for them.

        Every batch must be given to :func:`confirm`.

        Raises
        ------
        kafka.errors.KafkaError
            If the producer has been closed, the topic is unknown, or a record is too large.
        """
        if partition not in (self._metadata.partitions_for_topic(topic) or ()) and (
            partition not in self.partitions_for(topic)
        ):
            raise IllegalStateError(f"{topic} has no partition {partition}")
        sizes = (len(key or b"") + len(value or b"") + len(own) for _, key, value, own in rows)
        self._ensure_valid_record_size(max(sizes, default=0) + _OVERHEAD)
        begun = self._accumulate(TopicPartition(topic, partition), rows)
        if begun:
            self._sender.wakeup()
        return begun

    def _accumulate(self, place: TopicPartition, rows: Sequence[Row]) -> list[ProducerBatch]:
        """Do with many records what the accumulator's own ``append`` does with one."""
        begun: list[ProducerBatch] = []
        accumulator = self._accumulator
        accumulator._appends_in_progress.increment()  # noqa: SLF001 - no public way
        try:
            with accumulator._tp_lock(place):  # noqa: SLF001
                waiting = accumulator._batches[place]  # noqa: SLF001
                last = waiting[-1].records if waiting else None
                done = last.extend(rows, 0) if isinstance(last, Records) else 0
                while done < len(rows):
                    if accumulator._closed:  # noqa: SLF001
                        raise IllegalStateError("the producer has been closed")
                    records = Records(accumulator.config["batch_size"])
                    batch = ProducerBatch(place, records)
                    futures = RecordFutures(records, batch.produce_future)
                    batch._record_futures = futures  # noqa: SLF001
                    done = records.extend(rows, done)
                    waiting.append(batch)
                    accumulator._incomplete.add(batch)  # noqa: SLF001
                    begun.append(batch)
        finally:
            accumulator._appends_in_progress.decrement()  # noqa: SLF001
        return begun


def confirm(batch: ProducerBatch, seconds: float) -> None:
    """Wait until the broker has confirmed all records of a batch.

    Raises
    ------
    kafka.errors.KafkaError
        If a record was not delivered, or the time is over.
    """
    whole: Any = batch.produce_future
    if not whole.wait(seconds):
        raise KafkaTimeoutError(f"no confirmation within {seconds:g} s")
    if not whole.is_done:  # it was split
        for future in batch._record_futures.made:  # noqa: SLF001
            future.get(timeout=seconds)
        return
    if whole.failed():
        raise whole.exception
    _, _, errors = whole.value
    if errors is not None:
        raise errors(0)


def is_confirmed(batch: ProducerBatch) -> bool:
    """Say whether the broker has answered for all records of a batch."""
    if batch.produce_future.is_done:
        return True
    made = batch._record_futures.made  # noqa: SLF001
    return bool(made) and all(future.is_done for future in made)


def offset_after(batch: ProducerBatch, count: int) -> int:
    """Return the offset after the first records of a batch that the broker has answered for.

    Raises
    ------
    kafka.errors.KafkaError
        If they were not delivered.
    """
    whole: Any = batch.produce_future
    if whole.is_done:
        if whole.failed():
            raise whole.exception
        return int(whole.value[0]) + count
    last: Any = batch._record_futures.made[count - 1]  # noqa: SLF001
    return int(last.get(timeout=0).offset) + 1
