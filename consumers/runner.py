"""Drives one domain's pipeline in a worker: inbox, steps, scorer, output, positions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Set
from typing import Any

import numpy as np
import orjson

from consumers.inbox import Inbox
from consumers.latency import Latencies
from consumers.output import Output
from consumers.pipeline import Pipeline, Prepared
from consumers.predict import Matrix, Scorer
from streams.errors import ScorerUnavailable
from streams.events import Floats, Ints, Outbound, Outputs
from streams.spec import DomainSpec
from streams.topics import METRICS, topic

log = logging.getLogger(__name__)

IN_FLIGHT = 2
"""Batches that may be with the scorer at a time: one is scored while the next is made."""
RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses between tries while the scorer is unavailable; the last one repeats."""


class Runner:
    """One domain in one worker.

    Parameters
    ----------
    finished
        Called with a topic, a partition and the offset before which all is done and confirmed.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inbox: Inbox,
        scorer: Scorer,
        output: Output,
        finished: Callable[[str, int, int], None],
        *,
        worker: int,
        batch_rows: int,
        queue_rows: int,
        linger_s: float,
    ) -> None:
        self.pipeline = pipeline
        self.inbox = inbox
        self._scorer = scorer
        self._output = output
        self._finished = finished
        self._worker = worker
        self._batch_rows = batch_rows
        self._queue_rows = queue_rows
        self._linger_s = linger_s
        # One more is in the finisher's hands.
        self._scoring: asyncio.Queue[tuple[Prepared, asyncio.Task[Scored]]]
        self._scoring = asyncio.Queue(IN_FLIGHT - 1)
        self._latencies = Latencies()
        self._retries = 0
        self.touched = False
        """Whether any record has been worked."""

    @property
    def spec(self) -> DomainSpec:
        """The domain that is run."""
        return self.pipeline.spec

    async def run(self) -> None:
        """Work until cancelled."""
        finisher = asyncio.create_task(self._finish())
        feeder = asyncio.create_task(self._feed())
        try:
            done, _ = await asyncio.wait({finisher, feeder}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            finisher.cancel()
            feeder.cancel()
            self._output.abandon()

    async def _feed(self) -> None:
        """Push what arrives, pull what is ready, hand it to the scorer."""
        while True:
            arrived = await self.inbox.wait(0.5)
            if arrived and len(self.inbox) < self._batch_rows // 4:
                await asyncio.sleep(self._linger_s)
            for records in self.inbox.take(self._batch_rows, self._held()):
                self.touched = True
                await self._emit(self.pipeline.push(records))
            while (prepared := self.pipeline.pull(self._batch_rows)) is not None:
                await self._scoring.put((prepared, asyncio.create_task(self._score(prepared))))

    def _held(self) -> Set[tuple[str, int]]:
        """Find the partitions of the trigger that have enough waiting in the pipeline.

        Only those are held back: what they wait for comes from the other partitions and sources.
        """
        if self.pipeline.pending < self._queue_rows:
            return frozenset()
        full = self.pipeline.pending_by_partition() >= self._queue_rows
        return {(self.spec.trigger.name, p) for p in np.flatnonzero(full).tolist()}

    async def _finish(self) -> None:
        """Write down what has been scored, in the order in which it was made."""
        while True:
            prepared, task = await self._scoring.get()
            scores, alerts, without = await task
            await self._emit(self.pipeline.finish(prepared, scores, alerts, without))
            self.inbox.wake()

    async def _score(self, prepared: Prepared) -> Scored:
        if self.pipeline.signature is None:
            return None, np.empty(0, np.int64), np.empty(0)
        scores = await self._persist(prepared.features)
        alerts, rows = self.pipeline.to_explain(prepared, scores)
        without = await self._persist(rows) if len(rows) else np.empty(0)
        return scores, alerts, without

    async def _persist(self, rows: Matrix) -> Floats:
        """Score, trying again for as long as the service is unavailable."""
        attempt = 0
        while True:
            try:
                return await self._scorer.score(rows)
            except ScorerUnavailable as error:
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                if attempt in (0, 5, 20):
                    log.warning("scorer unavailable, trying again: %s", error)
                attempt, self._retries = attempt + 1, self._retries + 1
                await asyncio.sleep(pause)

    async def _emit(self, outputs: Outputs) -> None:
        """Send outputs; once they are confirmed, so is the position that they complete."""
        positions = {s.name: self.pipeline.positions(s.name) for s in self.spec.sources}

        def confirmed() -> None:
            now = time.time() * 1000
            for ingested in outputs.latencies_from:
                self._latencies.add((now - ingested).astype(np.int64))
            for source, offsets in positions.items():
                for partition in np.flatnonzero(offsets >= 0).tolist():
                    self._finished(
                        topic(self.spec.name, source), partition, int(offsets[partition])
                    )

        await self._output.send(outputs.records, confirmed)

    def measures(self, assigned: dict[str, list[int]]) -> Outbound:
        """Write the worker's account and measures as a record for ``<domain>.metrics``.

        Parameters
        ----------
        assigned
            Source to the partitions that the worker owns.
        """
        pipeline, now = self.pipeline, int(time.time() * 1000)
        signature = pipeline.signature
        body: dict[str, Any] = {
            "worker": self._worker,
            "assigned": assigned,
            "account": {
                source: {str(p): pipeline.account.of(source, p) for p in partitions}
                for source, partitions in assigned.items()
            },
            "position": {
                source: {str(p): int(pipeline.positions(source)[p]) for p in partitions}
                for source, partitions in assigned.items()
            },
            "clock": {s: _latest(clock) for s, clock in pipeline.clocks.items()},
            "queued": len(self.inbox),
            "pending": pipeline.pending,
            "waits_for": pipeline.waits_for(),
            "retries": self._retries,
            "latency": self._latencies.as_dict(),
            "model": signature and {"name": signature.model, "version": signature.version},
        }
        key = f"account:{self._worker}".encode()
        return Outbound(topic(self.spec.name, METRICS), 0, key, orjson.dumps(body), now, [])


Scored = tuple[Floats | None, Ints, Floats]


def _latest(clock: Ints) -> int | None:
    latest = int(clock.max())
    return latest if latest > 0 else None
