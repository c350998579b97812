"""Drives one domain's pipeline in a worker: inbox, steps, scorer, output, changelog, positions.

A runner lives for one assignment of partitions. What it has finished is written down every so
often: first the outputs are confirmed, then what has changed in the state, and only then is a
position said to be finished. Whoever takes over goes on from what is written down.
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
from streamsim.consumers.predict.prepared import Scored
from streamsim.consumers.predict.scores import Scorer
from streamsim.consumers.state.store import Columns
from streamsim.consumers.worker.back_pressure import BackPressure
from streamsim.consumers.worker.inbox import Inbox
from streamsim.consumers.worker.output import Output
from streamsim.consumers.worker.scoring import score
from streamsim.streams.answers import Answers
from streamsim.streams.errors import ScorerUnavailable
from streamsim.streams.events import Matrix, Outputs
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic

log = logging.getLogger(__name__)

IN_FLIGHT = 2
"""Batches that may be with the scorer at a time: one is scored while the next is made."""
RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses between tries while the scorer is unavailable; the last one repeats."""


class StateLog(Protocol):
    """Where state is written down (:class:`streamsim.consumers.worker.changelog.Changelog`)."""

    def wants_snapshot(self, partition: int) -> bool:
        """Say whether a full checkpoint should take the place of incremental ones."""
        ...

    async def write(self, deltas: dict[int, Columns], snapshots: dict[int, Columns]) -> None:
        """Write checkpoints down; return when they are safe."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a runner takes at a time.

    Parameters
    ----------
    batch_rows
        Most events in one micro-batch.
    queue_rows
        Most events of one partition that may wait, in the inbox or in the pipeline.
    queue_s
        How many seconds of work may wait in the inbox.
    linger_s
        How long a batch is gathered when little comes.
    write_s
        How often the state is written down.
    partitions
        How many partitions the runner has.
    """

    batch_rows: int
    queue_rows: int
    queue_s: float
    linger_s: float
    write_s: float
    partitions: int


class Runner:
    """One domain in one worker, for one assignment.

    Parameters
    ----------
    changelog
        Where the state is written down; without one, it is kept in memory alone.
    finished
        Called with a topic, a partition and the offset before which all is done and written down.
    latencies
        Where latencies are counted.
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
    ) -> None:
        self.pipeline, self.inbox = pipeline, inbox
        self._scorer, self._output, self._changelog = scorer, output, changelog
        self._finished, self._limits, self._latencies = finished, limits, latencies
        # One more is in the finisher's hands.
        self._scoring: asyncio.Queue[tuple[asyncio.Task[Scored], float] | None]
        self._scoring = asyncio.Queue(IN_FLIGHT - 1)
        self._unconfirmed: deque[asyncio.Future[None]] = deque()
        self._write_now = asyncio.Event()
        self._writing = asyncio.Lock()
        self._wanted: set[int] = set()
        self._draining = False
        self._pressure = BackPressure(limits.queue_s, limits.batch_rows, limits.queue_rows)
        self._relieve()
        self.retries = 0
        self.saved = {s.name: pipeline.positions(s.name) for s in pipeline.spec.inputs.sources}
        """Per source and partition, the offset before which all is written down; -1 if unknown."""

    @property
    def spec(self) -> DomainSpec:
        """The domain that is run."""
        return self.pipeline.spec

    async def run(self) -> None:
        """Work until drained or cancelled."""
        keeper = asyncio.create_task(self._keep())
        finisher = asyncio.create_task(self._finish())
        feeder = asyncio.create_task(self._feed())
        tasks = {keeper, finisher, feeder}
        try:
            while finisher in tasks:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            async with self._writing:  # never in the middle of a write, or what it took is lost
                keeper.cancel()
            await self._write_down()
        finally:
            for task in (keeper, finisher, feeder):
                task.cancel()
            self._output.abandon()

    def drain(self) -> None:
        """Take nothing more in, finish what is with the scorer, write it down, and end."""
        self._draining = True
        self.inbox.wake()

    async def _feed(self) -> None:
        """Push what arrives, pull what is ready, hand it to the scorer."""
        rows = self._limits.batch_rows
        while not self._draining:
            await self.inbox.gather(0.5, rows // 4, self._limits.linger_s)
            await self._output.room()
            for records in self.inbox.take(rows, self._held()):
                self._emit(self.pipeline.push(records))
            # A snapshot waits until nothing is with the scorer.
            while not (self._draining or self._wanted):
                began = time.monotonic()
                prepared = self.pipeline.pull(rows)
                if prepared is None:
                    break
                scoring = asyncio.create_task(score(self.pipeline, prepared, self._persist))
                await self._scoring.put((scoring, began))
                await asyncio.sleep(0)  # the call goes out before the next batch is made
        await self._scoring.put(None)

    def _relieve(self) -> None:
        """Let as much wait in the inbox as is worked in the time that it may wait."""
        self.inbox.budget = self._pressure.budget(self._limits.partitions)

    def _held(self) -> Set[tuple[str, int]]:
        """Find the partitions of the trigger that have enough waiting in the pipeline.

        Only those are held back: what they wait for comes from the other partitions and sources.
        """
        if self.pipeline.pending < self._limits.queue_rows:
            return frozenset()
        full = self.pipeline.waiting_for_others() >= self._limits.queue_rows
        return {(self.spec.trigger.name, p) for p in np.flatnonzero(full).tolist()}

    async def _finish(self) -> None:
        """Write down what has been scored, in the order in which it was made."""
        while (item := await self._scoring.get()) is not None:
            task, began = item
            scored = await task
            self._emit(self.pipeline.finish(scored))
            if self._wanted:
                self._write_now.set()
            self.inbox.wake()
            await self._output.room()
            self._pressure.worked(len(scored.prepared.events), began, time.monotonic())
            self._relieve()

    async def _persist(self, rows: Matrix, version: str) -> Answers:
        """Score, trying again for as long as the service is unavailable."""
        attempt = 0
        while True:
            try:
                return await self._scorer.score(rows, version)
            except ScorerUnavailable as error:
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                if attempt in (0, 5, 20):
                    log.warning("scorer unavailable, trying again: %s", error)
                attempt, self.retries = attempt + 1, self.retries + 1
                await asyncio.sleep(pause)

    def _emit(self, outputs: Outputs) -> None:
        """Send outputs, without a pause between the step that made them and this.

        So whoever writes the state down finds the outputs that belong to it among the unconfirmed.
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

    async def _keep(self) -> None:
        """Write the state down every so often."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._write_now.wait(), self._limits.write_s)
            self._write_now.clear()
            async with self._writing:
                await self._write_down()

    async def _write_down(self) -> None:
        """Write down what has changed, once the outputs that belong to it are confirmed."""
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
            self._unconfirmed.popleft().result()  # raises if it failed: nothing is written then
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
