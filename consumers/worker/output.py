"""Send what the steps put out: prepared record batches, one per topic and partition.

The client has one request at a time on its way to a broker. What comes for a partition meanwhile is
gathered, and goes out as one record batch when its turn has come: the more there is to do, the
larger the batches, and nobody waits for a batch to fill.

Whoever sends learns when everything is confirmed, and only then says how far the input is
finished.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from streamsim.streams.events import Outbound, OutboundBatch

BATCH_BYTES = 900_000
"""Below the largest message that Kafka takes by default (1 MiB)."""
AHEAD = 32_768
"""Records that may be unconfirmed before whoever makes more should wait."""

Place = tuple[str, int]
"""Topic and partition."""


class Output:
    """A producer that takes lists of records; a place's records stay in order.

    Parameters
    ----------
    max_record
        A larger value, which only a dead letter can have, is cut off to it; the header
        ``truncated_from`` says how long it was.
    """

    def __init__(self, producer: AIOKafkaProducer, max_record: int) -> None:
        self._producer = producer
        self._max_record = max_record
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
        """Take records in; return a future that is done once they are on the broker.

        It never waits; :meth:`room` does. The batches come before the other records.
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
        """Wait until no more is unconfirmed than may be.

        Raises
        ------
        aiokafka.errors.KafkaError
            If a send has failed for good.
        """
        await self._room.wait()
        if self._failure is not None:
            raise self._failure

    async def flush(self) -> None:
        """Wait until everything is confirmed; raises what :meth:`room` does."""
        while self._senders:
            await asyncio.wait(self._senders.values())
        await self.room()

    def abandon(self) -> None:
        """Give up on what is unconfirmed."""
        self._waiting.clear()
        for task in self._senders.values():
            task.cancel()

    def _gathered(self, records: Sequence[Outbound]) -> Iterator[OutboundBatch]:
        """Put the records for each place together."""
        places: dict[Place, list[Outbound]] = {}
        for record in records:
            if record.value is not None and len(record.value) > self._max_record:
                record = self._cut_off(record, record.value)
            places.setdefault((record.topic, record.partition), []).append(record)
        for place, part in places.items():
            _, _, *columns = zip(*part, strict=True)
            yield OutboundBatch(*place, *columns)

    def _cut_off(self, record: Outbound, value: bytes) -> Outbound:
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
        """Send what waits for a place, a batch at a time, until nothing does."""
        topic, partition = place
        try:
            # One batch at a time: the client would take a second, and keep a third one's sender
            # waiting, while here more records find room in the second.
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
        """Make a batch of as much as fits; what does not, stays at the head of the queue."""
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
                    raise RuntimeError(f"a record for {part.batch.topic} fits no batch")
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
        """Let everybody know who waits now or comes later."""
        self._failure = error
        for sending in self._sendings:
            sending.fail(error)
        self._sendings.clear()
        self._room.set()


class RecordBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """A record batch as it goes over the wire."""

    def extend(self, batch: OutboundBatch, begin: int) -> int:
        """Append records from row ``begin`` on; return how many fitted."""
        append = self._builder.append
        first: int = self.record_count()
        columns = (batch.timestamp, batch.key, batch.value, batch.headers)
        offset = first
        for row in zip(*(islice(column, begin, None) for column in columns), strict=True):
            if append(offset, *row) is None:  # it is full, and says it no other way
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
        """Take note that some are on the broker; return whether all are."""
        self.left -= records
        if not self.left and not self.confirmed.done():
            self.confirmed.set_result(None)
        return not self.left

    def fail(self, error: BaseException) -> None:
        """Say that they will not be."""
        if not self.confirmed.done():
            self.confirmed.set_exception(error)
            self.confirmed.exception()  # whoever asks for room hears of it, if nobody waits here


@dataclass(slots=True)
class Part:
    """The records of one call for one place, and how many of them are in a record batch."""

    batch: OutboundBatch
    sending: Sending
    taken: int = field(default=0)
