"""Output: send a pipeline's outputs in record batches, one at a time per topic and partition.

While one batch of a partition is unconfirmed, its further records are gathered and then sent as one
batch. So batches grow with the load, and no batch waits to fill.

The future of a send is done when all its records are confirmed; only then may the input's position
advance.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streamsim.streams.events import Outbound, OutboundBatch

BATCH_BYTES = 900_000
"""Below the largest message that Kafka takes by default (1 MiB)."""
AHEAD = 32_768
"""Unconfirmed records above which :meth:`Output.room` waits."""

Place = tuple[str, int]
"""Topic and partition."""


class Output:
    """A producer that sends lists of records, in order per topic and partition.

    Parameters
    ----------
    max_record
        Largest value (bytes). A larger one, which only a dead letter can have, is truncated; the
        header ``truncated_from`` holds its length.
    schemas
        Topic to the address of the schema of its records, which each then names.
    """

    def __init__(
        self, producer: AIOKafkaProducer, max_record: int, schemas: Mapping[str, str] | None = None
    ) -> None:
        self._producer = producer
        self._max_record = max_record
        self._named = {
            name: [("ce_dataschema", url.encode())] for name, url in (schemas or {}).items()
        }
        self._waiting: dict[Place, deque[Part]] = {}
        self._senders: dict[Place, asyncio.Task[None]] = {}
        self._sendings: set[Sending] = set()
        self._open = 0
        self._room = asyncio.Event()
        self._room.set()
        self._failure: BaseException | None = None

    def send(
        self, records: Sequence[Outbound], batches: Sequence[OutboundBatch] = ()
    ) -> asyncio.Future[None]:
        """Queue records; return a future that is done once the broker has confirmed them.

        It never waits; :meth:`room` does. The batches are sent before the other records.
        """
        count = len(records) + sum(map(len, batches))
        sending = Sending(asyncio.get_running_loop().create_future(), count)
        if self._failure is not None:
            sending.fail(self._failure)
        elif not count:
            sending.confirmed.set_result(None)
        else:
            self._sendings.add(sending)
            for batch in (*batches, *self._gathered(records)):
                self._hand_out(batch, sending)
            self._count(count)
        return sending.confirmed

    async def room(self) -> None:
        """Wait until no more than ``AHEAD`` records are unconfirmed.

        Raises
        ------
        aiokafka.errors.KafkaError
            If a send has failed for good.
        """
        await self._room.wait()
        if self._failure is not None:
            raise self._failure

    async def flush(self) -> None:
        """Wait until all records are confirmed; raises what :meth:`room` does."""
        while self._senders:
            await asyncio.wait(self._senders.values())
        await self.room()

    def abandon(self) -> None:
        """Drop unconfirmed records."""
        self._waiting.clear()
        for task in self._senders.values():
            task.cancel()

    def _gathered(self, records: Sequence[Outbound]) -> Iterator[OutboundBatch]:
        """Group the records by topic and partition."""
        places: dict[Place, list[Outbound]] = {}
        for record in records:
            if record.value is not None and len(record.value) > self._max_record:
                record = self._truncated(record, record.value)
            if (named := self._named.get(record.topic)) is not None:
                record = record._replace(headers=[*record.headers, *named])
            places.setdefault((record.topic, record.partition), []).append(record)
        for place, part in places.items():
            _, _, *columns = zip(*part, strict=True)
            yield OutboundBatch(*place, *columns)

    def _truncated(self, record: Outbound, value: bytes) -> Outbound:
        headers = [*record.headers, ("truncated_from", b"%d" % len(value))]
        return record._replace(value=value[: self._max_record], headers=headers)

    def _hand_out(self, batch: OutboundBatch, sending: Sending) -> None:
        if not len(batch):
            return
        place = batch.topic, batch.partition
        self._waiting.setdefault(place, deque()).append(Part(batch, sending))
        if place not in self._senders:
            self._senders[place] = asyncio.create_task(self._run(place))

    async def _run(self, place: Place) -> None:
        """Send the queue of a place, one batch at a time, until it is empty."""
        topic, partition = place
        try:
            # One batch at a time: the client would queue a second one, which could then take no
            # more records.
            waiting = self._waiting[place]
            while waiting:
                batch, taken = self._fill(waiting)
                await (await self._producer.send_batch(batch, topic, partition=partition))
                self._count(-sum(n for _, n in taken))
                for sending, n in taken:
                    if sending.confirm(n):
                        self._sendings.discard(sending)
        except Exception as error:
            self._fail(error)
        finally:
            self._senders.pop(place, None)
            self._waiting.pop(place, None)

    def _fill(self, waiting: deque[Part]) -> tuple[RecordBatch, list[tuple[Sending, int]]]:
        """Fill a batch from the queue; records that do not fit stay at its head."""
        batch = RecordBatch(BATCH_BYTES, 0)
        taken: list[tuple[Sending, int]] = []
        while waiting:
            part = waiting[0]
            fitted = batch.extend(part.batch, part.taken)
            if fitted:
                taken.append((part.sending, fitted))
            part.taken += fitted
            if part.taken < len(part.batch):
                if not taken:
                    raise RuntimeError(f"a record for {part.batch.topic} is too large for a batch")
                break
            waiting.popleft()
        return batch, taken

    def _count(self, records: int) -> None:
        self._open += records
        if self._open <= AHEAD or self._failure is not None:
            self._room.set()
        else:
            self._room.clear()

    def _fail(self, error: BaseException) -> None:
        """Fail all open sends, and later ones too."""
        self._failure = error
        for sending in self._sendings:
            sending.fail(error)
        self._sendings.clear()
        self._room.set()


class RecordBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """A record batch in Kafka's wire format."""

    def extend(self, batch: OutboundBatch, begin: int) -> int:
        """Append records from row ``begin`` on; return how many fitted."""
        append = self._builder.append
        first: int = self.record_count()
        columns = (batch.timestamp, batch.key, batch.value, batch.headers)
        offset = first
        for row in zip(*(islice(column, begin, None) for column in columns), strict=True):
            if append(offset, *row) is None:  # the batch is full
                self.close()
                break
            offset += 1
        self._relative_offset = offset
        return offset - first


@dataclass(slots=True, eq=False)
class Sending:
    """One call of :meth:`Output.send`, and how many of its records are unconfirmed."""

    confirmed: asyncio.Future[None]
    left: int

    def confirm(self, records: int) -> bool:
        """Count records that the broker has confirmed; return whether all are."""
        self.left -= records
        if not self.left and not self.confirmed.done():
            self.confirmed.set_result(None)
        return not self.left

    def fail(self, error: BaseException) -> None:
        """Fail the future: the records will not be sent."""
        if not self.confirmed.done():
            self.confirmed.set_exception(error)
            self.confirmed.exception()  # retrieved: room() raises it even if no task awaits this


@dataclass(slots=True)
class Part:
    """The records of one call for one place, and how many of them are in a record batch."""

    batch: OutboundBatch
    sending: Sending
    taken: int = field(default=0)
