"""Contestants in stock Faust, by its manual: agents over topics, ``take``, ``topic.send``.

One of them handles one event a turn: it is pushed alone, scored by a call of its own and sent
record by record. The other uses ``take``: an agent gets up to 512 events a turn and scores them in
one call. It still sends record by record, as Faust has no other way.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import faust
import numpy as np
from mode import Service

from streamsim.benchmarks.contestants.job import Job
from streamsim.consumers.worker.output import BATCH_BYTES
from streamsim.consumers.worker.transport import SESSION_S
from streamsim.streams.events import Outputs, Records
from streamsim.streams.topics import topics_of

TAKE = 512
WITHIN_S = 0.05
LINGER_S = 0.01


class Stock(Service):
    """The job as a service of a Faust app, with one agent per source."""

    def __init__(self, app: faust.App, job: Job, rows: int) -> None:
        super().__init__()
        self._job, self._rows = job, rows
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._out = {
            t.name: app.topic(t.name, key_serializer="raw", value_serializer="raw")
            for t in topics_of(job.spec)
        }

    async def on_start(self) -> None:
        """Connect to the model service before the agents start."""
        await self._job.start()
        await self._send(Outputs([self._job.measures()]))
        self._ready.set()
        for work in (self._job.follow_tables(), self._job.report(self._send), self._follow_up()):
            self.add_future(work)

    async def on_shutdown(self) -> None:
        """Close the connection."""
        await self._job.stop()

    async def work(self, messages: Sequence[Any]) -> None:
        """Process messages of one topic and finish the events that are ready."""
        await self._ready.wait()
        async with self._turn:
            await self._send(self._job.push(_records(self._job.topics, messages)))
            await self._finish()

    async def _follow_up(self) -> None:
        """Finish events that waited for the global table, even if no message arrives."""
        while True:
            await self._job.advanced.wait()
            self._job.advanced.clear()
            async with self._turn:
                await self._finish()

    async def _finish(self) -> None:
        while (prepared := self._job.pipeline.pull(self._rows)) is not None:
            await self._send(self._job.finish(await self._job.score(prepared)))

    async def _send(self, outputs: Outputs) -> None:
        for r in outputs.each():
            await self._out[r.topic].send(
                key=r.key,
                value=r.value,
                partition=r.partition,
                # Faust takes seconds and truncates to ms: half a millisecond more keeps the value.
                timestamp=(r.timestamp + 0.5) / 1000,
                headers=r.headers,
            )


def run_stock(job: Job, *, take: bool) -> None:
    """Run a Faust worker until it is stopped."""
    app = _app(job)
    stock = Stock(app, job, TAKE if take else 1)
    app.service(stock)  # type: ignore[arg-type]  # an instance works too
    for name in job.topics:
        (_by_batches if take else _one_by_one)(app, stock, name)
    sys.argv = sys.argv[:1]
    # Any other level than INFO or DEBUG turns on Faust's spinner, and with it every debug record.
    faust.Worker(app, loglevel="INFO").execute_from_commandline()


def _app(job: Job) -> faust.App:
    config = job.config
    return faust.App(
        config.group,
        broker=f"kafka://{config.broker}",
        broker_session_timeout=SESSION_S,
        broker_rebalance_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 6,
        consumer_auto_offset_reset="earliest",
        # By default every record goes out at once, in a request of its own.
        producer_linger=LINGER_S,
        producer_max_batch_size=BATCH_BYTES,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=str(config.settings.home_path / "faust"),
    )


def _one_by_one(app: faust.App, stock: Stock, name: str) -> None:
    @app.agent(app.topic(name, value_serializer="raw"), name=f"one-{name}")
    async def one(stream: Any) -> None:
        async for event in stream.events():
            await stock.work([event.message])


def _by_batches(app: faust.App, stock: Stock, name: str) -> None:
    @app.agent(app.topic(name, value_serializer="raw"), name=f"take-{name}")
    async def take(stream: Any) -> None:
        async for events in stream.take_events(TAKE, within=WITHIN_S):
            await stock.work([event.message for event in events])


def _records(topics: dict[str, str], messages: Sequence[Any]) -> Records:
    return Records(
        topics[messages[0].topic],
        np.array([m.partition for m in messages], np.int64),
        np.array([m.offset for m in messages], np.int64),
        [round(m.timestamp * 1000) for m in messages],
        [m.key for m in messages],
        [m.value for m in messages],
        [m.headers for m in messages],
    )
