"""Faust transport with batches: one message holds all records fetched from one topic.

Stock Faust hands an agent one record at a time. Here the worker that processes a message reports up
to which offset the partition is finished. Group membership, rebalancing, commits and agents stay
Faust's; nothing of it is patched.

After a rebalance a partition continues at the offset of the worker's restored state, not at the
committed offset. Every batch must begin where the previous one ended, so that no event is fetched
too early or lost (docs/faust.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiokafka
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust import App
from faust.tables.recovery import RebalanceAgain
from faust.transport.consumer import RecordMap
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streamsim.consumers.worker.offset_sequence import OffsetSequence
from streamsim.consumers.worker.whole_batches import WholeBatches
from streamsim.streams.errors import StackError

_GATHER_S = 0.1
RESTORE_S = 100.0
"""Longest time for restoring the state."""
SESSION_S = 10.0
"""Session time-out of the group, unless a worker is told another."""


@dataclass(frozen=True, slots=True)
class ConsumerTuning:
    """Client settings of a worker.

    Parameters
    ----------
    fetch_bytes
        Most bytes per partition and fetch.
    session_s, heartbeat_s, rebalance_s
        Session time-out, heartbeat interval and rebalance time-out of the group.
    """

    fetch_bytes: int
    session_s: float
    heartbeat_s: float
    rebalance_s: float


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> RecordMap:
        """Take the fetched records; if there are none, wait for the next fetch."""
        fetcher = consumer._fetcher  # noqa: SLF001 - no public way
        found = await self._take(consumer, active_partitions)
        if found or not timeout:
            return found
        arrival = fetcher._create_fetch_waiter()  # noqa: SLF001
        await asyncio.wait([arrival], timeout=timeout)
        if not arrival.done():
            arrival.cancel()
            return {}
        arrival.result()  # raises if the client has failed
        return await self._take(consumer, active_partitions)

    async def _take(
        self, consumer: aiokafka.AIOKafkaConsumer, active_partitions: set[TP]
    ) -> RecordMap:
        for result in consumer._fetcher._records.values():  # noqa: SLF001
            if isinstance(result, FetchResult) and result.has_more():
                packed = result._partition_records  # noqa: SLF001
                if isinstance(packed, PartitionRecords):
                    result._partition_records = WholeBatches(packed)  # noqa: SLF001
        found: RecordMap = await super()._fetch_records(consumer, active_partitions, timeout=0)
        return found

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        tuning = self.app.tuning  # type: ignore[attr-defined]
        # The range assignor gives the same partition numbers of all topics to the same member, so
        # one worker has an entity's events and labels.
        self._assignor = RangePartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=self.app.conf.broker_client_id,
            group_id=self.app.conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=tuning.fetch_bytes,
            request_timeout_ms=40_000,
            session_timeout_ms=int(tuning.session_s * 1000),
            rebalance_timeout_ms=int(tuning.rebalance_s * 1000),
            heartbeat_interval_ms=int(tuning.heartbeat_s * 1000),
        )


class Worker(Protocol):
    """Protocol of the component that processes a consumer's partitions."""

    def is_full(self, tp: TP) -> bool:
        """Say whether to pause the fetching of a partition."""
        ...

    async def enter(self, assigned: Iterable[TP], generation: int) -> Mapping[TP, int]:
        """Take partitions over; return the offset at which each continues."""
        ...

    async def leave(self) -> None:
        """Give up all partitions."""
        ...


class BatchConsumer(driver.Consumer):
    """A consumer whose messages are batches, and whose acknowledgements are positions."""

    app: BatchApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finished: dict[TP, int] = {}
        self._sequence = OffsetSequence()
        self._entering: asyncio.Task[Mapping[TP, int]] | None = None

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def finish(self, tp: TP, offset: int) -> None:
        """Report that all records before ``offset`` are finished; the next commit includes it."""
        if self._sequence.expects(tp):
            self._finished[tp] = offset

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Let the worker restore the partitions, and seek to the offset at which each continues.

        Raises
        ------
        RebalanceAgain
            If the partitions are revoked meanwhile.
        StackError
            If it takes longer than ``RESTORE_S``: Faust would hang without a message.
        """
        generation = self.app.consumer_generation_id
        entering = asyncio.create_task(self.app.worker.enter(self.assignment(), generation))
        self._entering = entering
        try:
            done, _ = await asyncio.wait({entering}, timeout=RESTORE_S)
        finally:
            if not entering.done():
                entering.cancel()
        if not done:
            raise StackError(f"the state was not restored within {RESTORE_S:g} s")
        if entering.cancelled() or self._entering is not entering:
            raise RebalanceAgain
        positions = entering.result()
        if positions:
            await self._thread.seek_wait(positions)
        if self._entering is not entering:
            raise RebalanceAgain
        for tp, offset in positions.items():
            self._sequence.expect(tp, offset)
        return positions

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message per topic and fetch; its value has the records of each partition.

        Faust runs two tasks for each message, and the loop's other work comes between: a message
        per partition took longer on its way than all steps behind it.
        """
        topics: dict[str, list[TP]] = {}
        records = await self._fetched(timeout)
        for tp in records:
            topics.setdefault(tp.topic, []).append(tp)
        for own in topics.values():
            if self.should_stop:
                return
            generation = self.app.consumer_generation_id
            batches: dict[TP, Sequence[Any]] = {}
            missed: dict[TP, int] = {}
            for tp in own:
                if not self._sequence.expects(tp) or not self.flow_active:
                    continue  # fetched for a former assignment
                batch, again = self._sequence.take(tp, records[tp])
                if again is not None:
                    missed[tp] = again
                if batch:
                    batches[tp] = batch
            if batches:  # nothing is awaited between taking and handing over
                yield next(iter(batches)), _message(batches, generation)
            for tp, offset in missed.items():
                if self._sequence.expects(tp) and self.app.consumer_generation_id == generation:
                    await self._thread.seek_wait({tp: offset})

    async def _fetched(self, timeout: float) -> RecordMap:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
        is_full = self.app.worker.is_full
        active = {tp for tp in self._get_active_partitions() if not is_full(tp)}
        if not active:
            await asyncio.sleep(_GATHER_S / 10)
            return {}
        # A full partition may soon have room again: do not wait long for the others' records.
        return await self._getmany(active_partitions=active, timeout=_GATHER_S)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps: offsets between the last records of two batches are in the second batch."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(list(self._finished))

    def _new_offset(self, tp: TP) -> int | None:
        return self._finished.get(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop fetching, let the worker finish its batches, and drop the partitions."""
        entering, self._entering = self._entering, None
        if entering is not None and not entering.done():
            entering.cancel()
            await asyncio.wait({entering})
        await super().on_partitions_revoked(revoked)
        await self.app.worker.leave()
        self._finished.clear()
        self._sequence.forget()


def _message(batches: Mapping[TP, Sequence[Any]], generation: int) -> ConsumerMessage:
    """Return a message with the records of some partitions of a topic, in the first one's name."""
    tp, batch = next(iter(batches.items()))
    last = batch[-1]
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000.0,
        last.timestamp_type,
        None,
        None,
        batches,  # type: ignore[arg-type]  # records by partition, not bytes
        None,
        -1,
        -1,
        tp,
        generation_id=generation,
    )


class BatchTransport(driver.Transport):
    """Faust's Kafka transport with the batch consumer."""

    Consumer = BatchConsumer


class BatchApp(App):
    """A Faust app that receives batches.

    Set ``tuning`` and ``worker`` before it starts.
    """

    tuning: ConsumerTuning
    worker: Worker

    async def on_stop(self) -> None:
        """Let the worker finish its batches while it still owns the partitions."""
        await super().on_stop()
        await self.worker.leave()

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)
