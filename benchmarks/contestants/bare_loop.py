"""A contestant without a framework: one aiokafka consumer, one producer and one loop, for speed.

All records of a fetch are one batch per source. The scorer has one batch while the next is
prepared. Outputs are sent as prepared record batches. The loop writes the same changelog, as that
is part of the job. It has no back-pressure, retries or full checkpoints and handles no rebalance.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from streamsim.benchmarks.contestants.job import Config, Job
from streamsim.consumers.predict.prepared import Scored
from streamsim.consumers.worker.changelog import Changelog
from streamsim.consumers.worker.inbox import to_records
from streamsim.consumers.worker.output import BATCH_BYTES, Output
from streamsim.consumers.worker.transport import SESSION_S
from streamsim.streams.events import Outputs

GATHER_MS = 100


class Loop:
    """The job in a plain loop.

    Parameters
    ----------
    rows
        Most records in a batch.
    """

    def __init__(self, job: Job, rows: int) -> None:
        self._job, self._rows = job, rows
        self._scoring: asyncio.Task[Scored] | None = None

    async def run(self) -> None:
        """Run the loop until cancelled."""
        job, config = self._job, self._job.config
        consumer, producer = _consumer(job), _producer(config)
        self._output = Output(producer, config.settings.max_record)
        try:
            await job.start()
            await producer.start()
            changelog = Changelog(job.spec, producer, config.group)
            await changelog.restore(config.broker, range(job.spec.partitions), 0)
            await consumer.start()
            others = [
                asyncio.create_task(job.follow_tables()),
                asyncio.create_task(job.report(self._send)),
            ]
            committed = time.monotonic()
            while not any(task.done() for task in others):
                fetched = await consumer.getmany(timeout_ms=GATHER_MS)
                await self._turn(fetched)
                if time.monotonic() - committed > config.settings.changelog_ms / 1000:
                    committed = time.monotonic()
                    # A batch that is being scored holds its position back.
                    positions = self._positions(consumer)
                    deltas = job.pipeline.checkpoint()
                    await self._output.flush()
                    await changelog.write(deltas, {})
                    if positions:
                        await consumer.commit(positions)
            await asyncio.gather(*others)
        finally:
            await consumer.stop()
            await producer.stop()
            await job.stop()

    async def _turn(self, fetched: dict[Any, list[Any]]) -> None:
        """Push the fetched records, a batch at a time, and score the events that are ready."""
        job = self._job
        for source, part in self._batches(fetched):
            await self._send(job.push(to_records(source, [part])))
            await self._pull()
        if not fetched:
            await self._pull()
            await self._write()

    def _batches(
        self, fetched: dict[Any, list[Any]]
    ) -> Iterator[tuple[str, tuple[int, list[Any]]]]:
        """Split the fetched records into batches; take all at once, so the next fetch is sent."""
        for tp, records in fetched.items():
            for start in range(0, len(records), self._rows):
                part = tp.partition, records[start : start + self._rows]
                yield self._job.topics[tp.topic], part

    async def _pull(self) -> None:
        """Give ready events to the scorer, once the batch before is scored."""
        while (prepared := self._job.pipeline.pull(self._rows)) is not None:
            await self._write()
            self._scoring = asyncio.create_task(self._job.score(prepared))
            await asyncio.sleep(0)  # lets the call be sent before the next work

    async def _write(self) -> None:
        """Wait for the batch in the scorer and send its outputs."""
        if self._scoring is not None:
            await self._send(self._job.finish(await self._scoring))
            self._scoring = None

    async def _send(self, outputs: Outputs) -> None:
        self._output.send(outputs.records, outputs.batches)
        await self._output.room()

    def _positions(self, consumer: AIOKafkaConsumer) -> dict[Any, int]:
        """Return the offset up to which each partition is finished."""
        job = self._job
        known = {name: job.pipeline.positions(source) for name, source in job.topics.items()}
        offsets = {tp: int(known[tp.topic][tp.partition]) for tp in consumer.assignment()}
        return {tp: offset for tp, offset in offsets.items() if offset > 0}


def run_loop(job: Job) -> None:
    """Run the loop until the process is stopped."""
    asyncio.run(Loop(job, job.config.settings.batch_rows).run())


def _consumer(job: Job) -> AIOKafkaConsumer:
    config = job.config
    return AIOKafkaConsumer(
        *job.topics,
        bootstrap_servers=config.broker,
        group_id=config.group,
        partition_assignment_strategy=[RangePartitionAssignor],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=max(1 << 20, config.settings.max_record),
        session_timeout_ms=int(SESSION_S * 1000),
        rebalance_timeout_ms=int(SESSION_S * 1000),
        heartbeat_interval_ms=int(SESSION_S * 1000 / 6),
    )


def _producer(config: Config) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=config.broker,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=config.settings.max_record * 2,
        request_timeout_ms=30_000,
    )
