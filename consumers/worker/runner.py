"""Runner: drives one domain's pipeline with inbox, scorer, output and changelog.

A runner lives for one assignment of partitions. At intervals it writes a checkpoint: first the
outputs are confirmed, then the changes of the state are written, and only then do the committed
positions advance. The next owner of the partitions continues from the checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.consumers.monitor.version_counts import VersionCounts
from streamsim.consumers.predict.prepared import Scored
from streamsim.consumers.predict.scores import Scorer
from streamsim.consumers.state.store import Columns
from streamsim.consumers.worker.back_pressure import BackPressure
from streamsim.consumers.worker.inbox import Inbox
from streamsim.consumers.worker.linger import Linger
from streamsim.consumers.worker.output import Output
from streamsim.consumers.worker.scoring import score
from streamsim.consumers.worker.stand_in import StandIns
from streamsim.streams.events import Outputs
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic

log = logging.getLogger(__name__)

IN_FLIGHT = 2
"""Batches that may be with the scorer at a time: one is scored while the next is prepared."""


class StateLog(Protocol):
    """Protocol of :class:`streamsim.consumers.worker.changelog.Changelog`, for tests."""

    def wants_snapshot(self, partition: int) -> bool:
        """Say whether a full checkpoint should replace the incremental ones."""
        ...

    async def write(self, deltas: dict[int, Columns], snapshots: dict[int, Columns]) -> None:
        """Write checkpoints; return when they are confirmed."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and intervals of a runner.

    Parameters
    ----------
    batch_rows
        Most events in one micro-batch.
    queue_rows
        Most events of one partition that may wait, in the inbox or in the pipeline.
    queue_s
        How many seconds of work may wait in the inbox.
    linger_s
        Least time between two small batches.
    write_s
        Time between two checkpoints.
    partitions
        How many partitions the runner has.
    domains
        How many domains the worker processes.
    """

    batch_rows: int
    queue_rows: int
    queue_s: float
    linger_s: float
    write_s: float
    partitions: int
    domains: int = 1


class Runner:
    """One domain in one worker, for one assignment.

    Parameters
    ----------
    changelog
        Stores the checkpoints; without one, the state is in memory only.
    finished
        Called with a topic, a partition and the offset before which all records are finished and
        checkpointed.
    latencies
        Counts the latencies.
    counts
        Counts what each version has done.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inbox: Inbox,
        scorer: Scorer,
        output: Output,
        changelog: StateLog | None,
        finished: Callable[[str, int, int], None],
        limits: Limits,
        latencies: Latencies,
        counts: VersionCounts,
    ) -> None:
        self.pipeline, self.inbox = pipeline, inbox
        self._scorer, self._output, self._changelog = scorer, output, changelog
        self._stand_ins, self._counts = StandIns(scorer), counts
        self._finished, self._limits, self._latencies = finished, limits, latencies
        # One more batch is awaited by the finisher.
        self._scoring: asyncio.Queue[tuple[asyncio.Task[Scored], float] | None]
        self._scoring = asyncio.Queue(IN_FLIGHT - 1)
        self._unconfirmed: deque[asyncio.Future[None]] = deque()
        self._write_now = asyncio.Event()
        self._writing = asyncio.Lock()
        self._wanted: set[int] = set()
        self._draining = False
        self._pressure = BackPressure(limits.queue_s, limits.batch_rows, limits.queue_rows)
        self._linger = Linger(limits.linger_s, limits.domains)
        self._set_budget()
        self.saved = {s.name: pipeline.positions(s.name) for s in pipeline.spec.inputs.sources}
        """Per source and partition, the offset before which all is checkpointed; -1 if unknown."""

    @property
    def spec(self) -> DomainSpec:
        """The domain."""
        return self.pipeline.spec

    @property
    def retries(self) -> int:
        """How many calls to the model service have failed."""
        return self._stand_ins.retries

    async def run(self) -> None:
        """Process records until drained or cancelled."""
        checkpointer = asyncio.create_task(self._checkpoint_at_intervals())
        finisher = asyncio.create_task(self._finish())
        feeder = asyncio.create_task(self._feed())
        tasks = {checkpointer, finisher, feeder}
        try:
            while finisher in tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            async with self._writing:  # a cancelled write would lose the changes that it has taken
                checkpointer.cancel()
            await self._checkpoint()
        finally:
            for task in (checkpointer, finisher, feeder):
                task.cancel()
            self._output.abandon()

    def drain(self) -> None:
        """Take no more records, finish what is with the scorer, write a checkpoint, and end."""
        self._draining = True
        self.inbox.wake()

    async def _feed(self) -> None:
        """Push records from the inbox, pull ready events, and start to score them."""
        rows = self._limits.batch_rows
        while not self._draining:
            await self.inbox.gather(0.5, rows // 4, self._linger.seconds)
            await self._output.room()
            began = time.monotonic()
            taken = self.inbox.take(rows, self._held())
            for records in taken:
                self._emit(self.pipeline.push(records))
            worked = time.monotonic() - began
            # A snapshot waits until nothing is with the scorer.
            while not (self._draining or self._wanted):
                began = time.monotonic()
                prepared = self.pipeline.pull(rows)
                worked += time.monotonic() - began
                if prepared is None:
                    break
                scoring = asyncio.create_task(
                    score(
                        self.pipeline,
                        prepared,
                        self._stand_ins.ask,
                        self._scorer.score,
                        self._counts,
                    )
                )
                await self._scoring.put((scoring, began))
                await asyncio.sleep(0)  # sends the call before the next batch is prepared
            if 0 < sum(map(len, taken)) < rows // 4:
                self._linger.worked(worked)
        await self._scoring.put(None)

    def _set_budget(self) -> None:
        """Limit the inbox to the allowed seconds of work."""
        self.inbox.budget = self._pressure.budget(self._limits.partitions)

    def _held(self) -> Set[tuple[str, int]]:
        """Find the trigger's partitions that have too many events waiting in the pipeline.

        Only these are held back: they wait for records of the other partitions and sources.
        """
        if self.pipeline.pending < self._limits.queue_rows:
            return frozenset()
        full = self.pipeline.waiting_for_others() >= self._limits.queue_rows
        return {(self.spec.trigger.name, p) for p in np.flatnonzero(full).tolist()}

    async def _finish(self) -> None:
        """Finish scored batches, in the order in which they were prepared."""
        while (item := await self._scoring.get()) is not None:
            task, began = item
            scored = await task
            self._emit(self.pipeline.finish(scored))
            if self._wanted:
                self._write_now.set()
            self.inbox.wake()
            await self._output.room()
            self._pressure.worked(len(scored.prepared.events), began, time.monotonic())
            self._set_budget()

    def _emit(self, outputs: Outputs) -> None:
        """Send outputs; the caller must not await between making and sending them.

        So a checkpoint finds all outputs that belong to its state among the unconfirmed ones.
        """

        def confirmed(sent: asyncio.Future[None]) -> None:
            if sent.cancelled() or sent.exception():
                return
            now = time.time() * 1000
            for ingested in outputs.latencies_from:
                self._latencies.add((now - ingested).astype(np.int64))

        sent = self._output.send(outputs.records, outputs.batches)
        sent.add_done_callback(confirmed)
        self._unconfirmed.append(sent)

    async def _checkpoint_at_intervals(self) -> None:
        """Write a checkpoint every ``write_s``, or at once when a snapshot is possible."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._write_now.wait(), self._limits.write_s)
            self._write_now.clear()
            async with self._writing:
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Write the changes of the state, once the outputs that belong to it are confirmed."""
        complete = self.pipeline.publish()
        if complete.records:
            self._emit(complete)
        snapshots = {}
        for p in sorted(self._wanted):
            content = self.pipeline.snapshot(p)
            if content is not None:
                snapshots[p] = content
                self._wanted.discard(p)
        if snapshots:
            self.inbox.wake()
        deltas = self.pipeline.checkpoint()
        positions = {s.name: self.pipeline.positions(s.name) for s in self.spec.inputs.sources}
        while self._unconfirmed and self._unconfirmed[0].done():
            self._unconfirmed.popleft().result()  # raises if the send failed: then write nothing
        checkpoints = snapshots | deltas
        if not checkpoints and self._changelog is not None:
            return
        await asyncio.gather(*self._unconfirmed)
        if self._changelog is not None:
            await self._changelog.write(deltas, snapshots)
        for p, content in checkpoints.items():
            self.pipeline.saved(p, content)
            if self._changelog is not None and self._changelog.wants_snapshot(p):
                self._wanted.add(p)
        for p in checkpoints if self._changelog is not None else range(self.spec.partitions):
            for source, offsets in positions.items():
                self.saved[source][p] = offsets[p]
                if offsets[p] >= 0:
                    self._finished(topic(self.spec.name, source), p, int(offsets[p]))
