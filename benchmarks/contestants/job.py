"""What all contestants share: the steps, the second key's table, the service, the account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.prepared import Prepared
from streamsim.consumers.worker.fetch_wait import FetchWait
from streamsim.consumers.worker.follower import follow
from streamsim.consumers.worker.http_scorer import HttpScorer
from streamsim.streams.events import Floats, Matrix, Outbound, Outputs, Records
from streamsim.streams.settings import Settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import METRICS, TABLE_PARTITIONS, topic

Send = Callable[[Outputs], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Config:
    """What a contestant is told; the same as a worker."""

    broker: str
    group: str
    fetch_wait: FetchWait
    session_s: float
    settings: Settings


@dataclass(frozen=True, slots=True)
class Scored:
    """Events with their scores, and what it takes to explain the alerts among them."""

    prepared: Prepared
    scores: Floats
    alerts: Any
    without: Floats


class Job:
    """The finance job without a driver.

    Parameters
    ----------
    rows_a_call
        Rows in one call to the model service.
    journal
        Whether the state's changes are noted, to be written to a changelog.
    """

    def __init__(
        self, spec: DomainSpec, config: Config, rows_a_call: int, *, journal: bool = False
    ) -> None:
        self.spec, self.config, self._journal = spec, config, journal
        self.topics = {topic(spec.name, s.name): s.name for s in spec.sources}
        self._scorer = HttpScorer(
            config.settings.model_url,
            spec.recipe.name,
            timeout_s=config.settings.score_timeout_s,
            max_rows=rows_a_call,
        )
        self.pipeline = Pipeline(spec, None)
        self.advanced = asyncio.Event()
        """Set when the second key's table has come further: more events may be ready."""

    async def start(self) -> None:
        """Connect to the service and learn which model answers."""
        await self._scorer.__aenter__()
        signature = await self._scorer.signature()
        self.pipeline = Pipeline(self.spec, signature, journal=self._journal)

    async def stop(self) -> None:
        """Close the connection."""
        await self._scorer.__aexit__(None, None, None)

    async def follow_tables(self) -> None:
        """Read the second key's table, until cancelled; Faust's own tables know no watermark."""
        tables = {topic(self.spec.name, n): t for n, t in self.pipeline.tables.items()}

        def handle(name: str, records: Sequence[Any]) -> None:
            advanced = [tables[name].apply(record.value) for record in records]
            if any(advanced):
                self.advanced.set()

        config = self.config
        await follow(config.broker, list(tables), TABLE_PARTITIONS, config.fetch_wait, handle)

    def push(self, records: Records) -> Outputs:
        """Take in records and return what they give rise to at once."""
        return self.pipeline.push(records)

    async def score(self, prepared: Prepared) -> Scored:
        """Score events and, where there is an alert, what explains it."""
        scores = await self._scorer.score(prepared.features)
        alerts, rows = self.pipeline.to_explain(prepared, scores)
        without = await self._explain(rows)
        return Scored(prepared, scores, alerts, without)

    async def _explain(self, rows: Matrix) -> Floats:
        return await self._scorer.score(rows) if len(rows) else np.empty(0)

    def finish(self, scored: Scored) -> Outputs:
        """Write scores and alerts, and count the events."""
        return self.pipeline.finish(scored.prepared, scored.scores, scored.alerts, scored.without)

    async def report(self, send: Send) -> None:
        """Publish the account as often as a worker does, until cancelled."""
        while True:
            await send(Outputs([self.measures()]))
            await asyncio.sleep(self.config.settings.metrics_s)

    def measures(self) -> Outbound:
        """Write the account and the positions, as a worker's."""
        pipeline, partitions = self.pipeline, range(self.spec.partitions)
        names = [source.name for source in self.spec.sources]
        body = {
            "worker": 0,
            "account": {s: {str(p): pipeline.account.of(s, p) for p in partitions} for s in names},
            "position": {
                s: {str(p): int(x) for p, x in enumerate(pipeline.positions(s))} for s in names
            },
        }
        now = int(time.time() * 1000)
        return Outbound(topic(self.spec.name, METRICS), 0, b"0", orjson.dumps(body), now, [])
