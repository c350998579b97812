"""Shared state: keeps a domain's exchange up to date in this worker, and publishes its results."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streamsim.consumers.predict.model_schedule import read_entry
from streamsim.consumers.worker.domain_context import DomainContext, WorkerConfig
from streamsim.consumers.worker.shared.follower import follow
from streamsim.consumers.worker.shared.snapshots import SharedSnapshots
from streamsim.streams.errors import ForeignRecordError, StateError
from streamsim.streams.events import Outbound
from streamsim.streams.stored.foreign_records import ForeignRecords
from streamsim.streams.topics import OPS_MODELS, SHARED, TABLE_PARTITIONS, topic

T = TypeVar("T")
log = logging.getLogger(__name__)


class SharedState:
    """Follows the topics of one domain's exchange, and the schedule of its model.

    Parameters
    ----------
    wake
        Called when more events may be ready.
    is_publisher
        Says whether this worker publishes the results.
    """

    def __init__(
        self,
        context: DomainContext,
        config: WorkerConfig,
        producer: AIOKafkaProducer,
        snapshots: SharedSnapshots,
        wake: Callable[[], None],
        is_publisher: Callable[[], bool],
    ) -> None:
        self._context, self._config, self._producer = context, config, producer
        self._snapshots, self._wake, self._is_publisher = snapshots, wake, is_publisher
        self._writing: asyncio.Task[None] | None = None
        self.saved: dict[str, int] = {}
        """Topic to the offset before which no worker needs its records: they are in a snapshot."""
        self.foreign = ForeignRecords()

    async def restore(self) -> None:
        """Start with the newest snapshot, before the first record is read.

        Raises
        ------
        StateError
            If it cannot be read.
        """
        columns = await self._snapshots.read(self._config.broker)
        if columns is None:
            return
        try:
            self._context.exchange.restore(columns)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            name = topic(self._context.spec.name, SHARED)
            raise StateError(f"{name} has a snapshot of another definition: {error!r}") from error
        self.saved = dict(self._context.exchange.positions)

    async def follow(self) -> None:
        """Apply every record of the topics, until cancelled."""
        exchange = self._context.exchange
        schedule = [] if self._context.schedule is None else [OPS_MODELS]
        starts = {(name, 0): offset for name, offset in exchange.positions.items()}
        await follow(
            self._config.broker,
            [*exchange.topics, *schedule],
            TABLE_PARTITIONS,
            self._handle,
            starts,
        )

    def publish_latest(self) -> None:
        """Publish the latest results again: the worker that did so before may not have finished."""
        for kind, fold in self._context.exchange.folds.items():
            self._publish(kind, fold.latest())

    def _handle(self, name: str, records: Sequence[Any]) -> None:
        if name == OPS_MODELS:
            known = [extends for r in records for extends in self._own(r, self._scheduled)]
            if any(known):
                self._wake()
            return
        exchange = self._context.exchange
        applied = [
            one
            for r in records
            if r.timestamp_type or exchange.is_news(name, r.key, r.timestamp)
            for one in self._own(r, partial(exchange.apply, name))
        ]
        exchange.positions[name] = records[-1].offset + 1
        if any(one.frees for one in applied):
            self._wake()
        kind = exchange.kind_of(name)
        if kind is not None:
            self._publish(kind, [out for one in applied for out in one.outputs])
        self._save(sum(len(r.value or b"") for r in records))

    def _own(self, record: Any, take: Callable[[bytes | None], T]) -> list[T]:
        """Return what becomes of a record; nothing if another program has written it."""
        try:
            return [take(record.value)]
        except ForeignRecordError as error:
            said = self.foreign.add(record.topic, record.partition, record.offset, str(error))
            if said is not None:
                log.warning("%s", said)
            return []

    def _scheduled(self, value: bytes | None) -> bool:
        """Apply a record of ``ops.models``; return whether it extends this model's schedule."""
        context = self._context
        if context.schedule is None:
            return False
        entry = read_entry(value, self._config.group, context.spec.model.recipe.name)
        return entry is not None and context.schedule.add(entry)

    def _publish(self, kind: str, records: list[Outbound]) -> None:
        """Publish complete states, if this worker is the publisher."""
        if not self._is_publisher():
            return
        published = self._context.published_until
        until = self._context.exchange.folds[kind].complete

        def confirmed(sent: asyncio.Future[None] | None = None) -> None:
            if sent is None or not (sent.cancelled() or sent.exception()):
                published[kind] = max(published[kind], until)

        if records:
            output = self._config.output(self._context.spec, self._producer)
            sending = output.send(records)
            sending.add_done_callback(confirmed)
        else:
            confirmed()

    def _save(self, read: int) -> None:
        """Write a snapshot if it is due and this worker is the publisher."""
        is_due = self._snapshots.is_due(read)
        busy = self._writing is not None and not self._writing.done()
        if is_due and not busy and self._is_publisher():
            exchange = self._context.exchange
            columns, positions = exchange.snapshot(), dict(exchange.positions)
            self._writing = asyncio.create_task(self._write(columns, positions))

    async def _write(self, columns: dict[str, Any], positions: dict[str, int]) -> None:
        try:
            await self._snapshots.write(columns)
        except KafkaError as error:
            log.warning("%s: no snapshot: %r", self._context.spec.name, error)
        else:
            self.saved = positions
