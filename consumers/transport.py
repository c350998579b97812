"""Faust's transport, with batches instead of messages.

Stock Faust hands an agent one record at a time. Here a message is everything that was fetched
from one partition, and whoever works it says up to which offset the partition is finished.
Group membership, rebalancing, commits and agents stay Faust's; nothing of it is patched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiokafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust import App
from faust.transport.consumer import RecordMap
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from consumers.patience import FetchWait, Patience

_GATHER_S = 0.1


@dataclass(frozen=True, slots=True)
class ConsumerTuning:
    """Client settings that differ between brokers.

    Parameters
    ----------
    fetch_wait
        How long the broker may keep an unfilled fetch.
    fetch_bytes
        Most bytes per partition and fetch.
    session_s, heartbeat_s, rebalance_s
        Of the group.
    idempotent
        Whether the broker takes idempotent producers.
    """

    fetch_wait: FetchWait
    fetch_bytes: int
    session_s: float
    heartbeat_s: float
    rebalance_s: float
    idempotent: bool


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    patience: Patience

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:
        """Fetch what there is, with as much patience as it takes by now."""
        self.patience.adapt()
        fetched: RecordMap = await super().getmany(active_partitions, timeout)
        return fetched

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        tuning = self.app.tuning  # type: ignore[attr-defined]
        # Range gives the same partition numbers of all topics to the same member, so that an
        # entity's events and its labels meet in one worker.
        self._assignor = RangePartitionAssignor
        consumer = aiokafka.AIOKafkaConsumer(
            client_id=self.app.conf.broker_client_id,
            group_id=self.app.conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=tuning.fetch_bytes,
            fetch_max_wait_ms=tuning.fetch_wait.base_ms,
            request_timeout_ms=40_000,
            session_timeout_ms=int(tuning.session_s * 1000),
            rebalance_timeout_ms=int(tuning.rebalance_s * 1000),
            heartbeat_interval_ms=int(tuning.heartbeat_s * 1000),
        )
        self.patience = Patience(consumer, tuning.fetch_wait)
        return consumer


class BatchConsumer(driver.Consumer):
    """A consumer whose messages are batches, and whose acknowledgements are positions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finished: dict[TP, int] = {}
        self.is_full: Callable[[TP], bool] = lambda tp: False
        """Says of which partitions nothing more is to be fetched for now."""

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def finish(self, tp: TP, offset: int) -> None:
        """Say that everything before ``offset`` is done; it is committed at the next turn."""
        self._finished[tp] = offset

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Yield one message per partition and fetch; its value is the list of records."""
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            return
        for tp, batch in records.items():
            if (
                not self.flow_active
                or self.app.consumer_generation_id != generation
                or (active is not None and tp not in active)
            ):
                # Fetched for an assignment that is over: read again from what was committed.
                continue
            last = batch[-1]
            yield (
                tp,
                ConsumerMessage(
                    tp.topic,
                    tp.partition,
                    last.offset,
                    last.timestamp / 1000.0,
                    last.timestamp_type,
                    None,
                    None,
                    batch,  # type: ignore[arg-type]  # the point of it all
                    None,
                    -1,
                    -1,
                    tp,
                    generation_id=generation,
                ),
            )

    async def _wait_next_records(self, timeout: float) -> tuple[RecordMap | None, set[TP] | None]:
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
        active = {tp for tp in self._get_active_partitions() if not self.is_full(tp)}
        if not active:
            await asyncio.sleep(_GATHER_S / 10)
            return None, None
        # What is full now may be hungry soon, so nobody waits long for the others' records.
        return await self._getmany(active_partitions=active, timeout=_GATHER_S), active

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets between two batches are no gap: they are in the second."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(list(self._finished))

    def _new_offset(self, tp: TP) -> int | None:
        return self._finished.get(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget the positions of partitions that are no longer ours."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._finished.pop(tp, None)


class BatchTransport(driver.Transport):
    """Faust's Kafka transport with the batch consumer."""

    Consumer = BatchConsumer


class BatchApp(App):
    """A Faust app that receives batches.

    Set ``tuning`` before it starts.
    """

    tuning: ConsumerTuning

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)
