"""The parts that all contestants share: steps, global table, model service and account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from streamsim.consumers.core.exchange import Exchange
from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.monitor.version_counts import VersionCounts
from streamsim.consumers.predict.prepared import Prepared, Scored
from streamsim.consumers.worker.http_scorer import HttpScorer
from streamsim.consumers.worker.scoring import score
from streamsim.consumers.worker.shared.follower import follow
from streamsim.consumers.worker.stand_in import StandIns
from streamsim.streams.events import Outbound, Outputs, Records
from streamsim.streams.settings import Settings
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import METRICS, TABLE_PARTITIONS, topic

Send = Callable[[Outputs], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Config:
    """Options of a contestant; the same as a worker's."""

    broker: str
    group: str
    settings: Settings


class Job:
    """The finance job without a driver.

    Parameters
    ----------
    rows_a_call
        Most rows in one call to the model service.
    journal
        Whether changes of the state are recorded, to be written to a changelog.
    """

    def __init__(
        self, spec: DomainSpec, config: Config, rows_a_call: int, *, journal: bool = False
    ) -> None:
        self.spec, self.config, self._journal = spec, config, journal
        self.topics = {topic(spec.name, s.name): s.name for s in spec.inputs.sources}
        self._scorer = HttpScorer(
            config.settings.model_url,
            spec.model.recipe.name,
            timeout_s=config.settings.score_timeout_s,
            max_rows=rows_a_call,
        )
        self._exchange, self._counts = Exchange(spec), VersionCounts()
        self.pipeline = Pipeline(spec, None, tables=self._exchange.tables)
        self.advanced = asyncio.Event()
        """Set when the global table's watermark has advanced: more events may be ready."""

    async def start(self) -> None:
        """Connect to the model service and read the name and version of its model."""
        await self._scorer.__aenter__()
        signature = await self._scorer.signature()
        self.pipeline = Pipeline(
            self.spec, signature, tables=self._exchange.tables, journal=self._journal
        )

    async def stop(self) -> None:
        """Close the connection."""
        await self._scorer.__aexit__(None, None, None)

    async def follow_tables(self) -> None:
        """Read the global table until cancelled; Faust's own tables have no watermark."""

        def handle(name: str, records: Sequence[Any]) -> None:
            applied = [self._exchange.apply(name, record.value) for record in records]
            if any(one.frees for one in applied):
                self.advanced.set()

        config, tables = (
            self.config,
            [topic(self.spec.name, t.name) for t in self.spec.features.tables],
        )
        await follow(config.broker, tables, TABLE_PARTITIONS, handle)

    def push(self, records: Records) -> Outputs:
        """Process records and return their immediate outputs."""
        return self.pipeline.push(records)

    async def score(self, prepared: Prepared) -> Scored:
        """Score events, and explain the scores of alerts."""
        return await score(
            self.pipeline, prepared, StandIns(self._scorer).ask, self._scorer.score, self._counts
        )

    def finish(self, scored: Scored) -> Outputs:
        """Write scores and alerts, and count the events."""
        return self.pipeline.finish(scored)

    async def report(self, send: Send) -> None:
        """Publish the account as often as a worker does, until cancelled."""
        while True:
            await send(Outputs([self.measures()]))
            await asyncio.sleep(self.config.settings.metrics_s)

    def measures(self) -> Outbound:
        """Return a metrics record with account and positions, like a worker's."""
        pipeline, partitions = self.pipeline, range(self.spec.partitions)
        names = [source.name for source in self.spec.inputs.sources]
        body = {
            "worker": 0,
            "account": {s: {str(p): pipeline.account.of(s, p) for p in partitions} for s in names},
            "position": {
                s: {str(p): int(x) for p, x in enumerate(pipeline.positions(s))} for s in names
            },
        }
        now = int(time.time() * 1000)
        return Outbound(topic(self.spec.name, METRICS), 0, b"0", orjson.dumps(body), now, [])
