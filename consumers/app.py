"""The Faust application: agents that receive batches, and one runner per domain behind them.

This is the only file that knows Faust's ``App``. ``python -m consumers.app`` is a worker.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from faust.types import TP
from mode import Service

from consumers.follower import follow
from consumers.inbox import Inbox
from consumers.output import BATCH_BYTES, Output
from consumers.patience import FetchWait
from consumers.pipeline import Pipeline
from consumers.predict import HttpScorer
from consumers.runner import Runner
from consumers.transport import BatchApp, BatchConsumer, ConsumerTuning
from streams.errors import ScorerUnavailable, StackError, StreamsimError
from streams.registry import load_domain
from streams.settings import Settings, read_settings
from streams.signature import Signature
from streams.spec import DomainSpec
from streams.topics import TABLE_PARTITIONS, topic

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What one worker is to do.

    Parameters
    ----------
    group
        Consumer group; workers of the same stack share it.
    worker
        Number of this worker within the stack.
    hold
        Score in order of event time, once the watermark has passed.
    """

    domains: tuple[str, ...]
    broker: str
    group: str
    worker: int
    hold: bool
    tuning: ConsumerTuning
    settings: Settings


class Engine(Service):
    """The runners of a worker, and what they share."""

    def __init__(self, app: BatchApp, config: WorkerConfig, specs: Sequence[DomainSpec]) -> None:
        super().__init__()
        self.app = app
        self.config = config
        self.specs = specs
        self.inboxes = {
            spec.name: Inbox(
                {topic(spec.name, s.name): s.name for s in spec.sources},
                config.settings.queue_rows,
            )
            for spec in specs
        }
        self.runners: dict[str, Runner] = {}
        self._assigned: set[TP] = set()
        self._stack = AsyncExitStack()

    async def on_start(self) -> None:
        """Connect to broker and service, and start the runners."""
        settings = self.config.settings
        producer = AIOKafkaProducer(
            bootstrap_servers=self.config.broker,
            acks="all",
            enable_idempotence=self.config.tuning.idempotent,
            max_batch_size=BATCH_BYTES,
            max_request_size=settings.max_record * 2,
            request_timeout_ms=30_000,
        )
        await producer.start()
        self._stack.push_async_callback(producer.stop)
        for spec in self.specs:
            scorer = await self._stack.enter_async_context(
                HttpScorer(
                    settings.model_url,
                    spec.recipe.name,
                    timeout_s=settings.score_timeout_s,
                    max_rows=settings.max_rows,
                )
            )
            signature = await _patient(scorer, settings.ready_s)
            pipeline = Pipeline(spec, signature, hold=self.config.hold)
            output = Output(producer, settings.max_record)
            runner = Runner(
                pipeline,
                self.inboxes[spec.name],
                scorer,
                output,
                self._finished,
                worker=self.config.worker,
                batch_rows=settings.batch_rows,
                queue_rows=settings.queue_rows,
                linger_s=settings.linger_ms / 1000,
            )
            self.runners[spec.name] = runner
            self.add_future(self._guard(runner.run()))
            self.add_future(self._guard(self._follow(runner)))
            self.add_future(self._guard(self._report(runner, output)))

    async def on_shutdown(self) -> None:
        """Close the connections."""
        await self._stack.aclose()

    def is_full(self, tp: TP) -> bool:
        """Say whether a partition has used up its budget."""
        return self.inboxes[tp.topic.partition(".")[0]].is_full(tp)

    def assign(self, assigned: set[TP]) -> None:
        """Take note of a new assignment.

        State is not yet carried from worker to worker, so that an assignment that changes once
        events have been worked ends the worker, loudly, rather than score with half a past.
        """
        touched = any(runner.touched for runner in self.runners.values())
        if touched and assigned != self._assigned:
            raise StackError("partitions were reassigned while events were under way")
        self._assigned = set(assigned)

    def _finished(self, topic_name: str, partition: int, offset: int) -> None:
        consumer = self.app.consumer
        assert isinstance(consumer, BatchConsumer)
        consumer.finish(TP(topic_name, partition), offset)

    async def _follow(self, runner: Runner) -> None:
        spec, tables = runner.spec, runner.pipeline.tables
        if not tables:
            return
        names = {topic(spec.name, name): name for name in tables}

        def handle(topic_name: str, records: Sequence[Any]) -> None:
            table = tables[names[topic_name]]
            advanced = [table.apply(record.value) for record in records]
            if any(advanced):
                runner.inbox.wake()

        await follow(
            self.config.broker,
            list(names),
            TABLE_PARTITIONS,
            self.config.tuning.fetch_wait,
            handle,
        )

    async def _report(self, runner: Runner, output: Output) -> None:
        while True:
            await asyncio.sleep(self.config.settings.metrics_s)
            assigned: dict[str, list[int]] = {s.name: [] for s in runner.spec.sources}
            for tp in sorted(self._assigned):
                domain, _, source = tp.topic.partition(".")
                if domain == runner.spec.name:
                    assigned[source].append(tp.partition)
            await output.send([runner.measures(assigned)], lambda: None)

    async def _guard(self, work: Any) -> None:
        """Let a failure end the worker: whoever supervises it must know."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("worker %d fails", self.config.worker)
            await self.app.crash(error)


async def _patient(scorer: HttpScorer, seconds: float) -> Signature:
    """Ask the service for the model's signature until it is there: it starts beside us."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await scorer.signature()
        except ScorerUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


def create_app(config: WorkerConfig) -> BatchApp:
    """Build the Faust app of a worker."""
    app = BatchApp(
        config.group,
        broker=f"kafka://{config.broker}",
        broker_request_timeout=40.0,
        broker_session_timeout=config.tuning.session_s,
        broker_heartbeat_interval=config.tuning.heartbeat_s,
        broker_commit_interval=0.5,
        broker_max_poll_records=None,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=str(config.settings.home_path / "faust"),
    )
    app.tuning = config.tuning
    engine = Engine(app, config, [load_domain(name) for name in config.domains])
    app.service(engine)  # type: ignore[arg-type]  # an instance does as well
    for spec in engine.specs:
        for source in spec.sources:
            _receive(app, engine.inboxes[spec.name], topic(spec.name, source.name))

    @app.on_partitions_assigned.connect  # type: ignore[arg-type]
    async def on_assigned(app: Any, assigned: set[TP], **_: Any) -> None:
        app.consumer.is_full = engine.is_full
        engine.assign(set(assigned))

    return app


def _receive(app: BatchApp, inbox: Inbox, name: str) -> None:
    """Let an agent put what is fetched from a topic into the inbox."""

    @app.agent(app.topic(name, value_serializer="raw"), name=f"receive-{name}")
    async def receive(stream: Any) -> None:
        async for event in stream.noack().events():
            inbox.put(event.message.tp, event.value)


def parser() -> argparse.ArgumentParser:
    """Describe the command line of a worker."""
    parser = argparse.ArgumentParser(prog="python -m consumers.app", description="A Faust worker.")
    parser.add_argument("--domain", action="append", required=True, help="domain to process")
    parser.add_argument("--broker", required=True, metavar="HOST:PORT", help="Kafka broker")
    parser.add_argument("--group", default="streamsim", help="consumer group (default streamsim)")
    parser.add_argument("--worker", type=int, default=0, help="number of this worker")
    parser.add_argument("--model-url", help="model service")
    parser.add_argument("--hold", action="store_true", help="score in order of event time")
    parser.add_argument("--fetch-wait-ms", type=int, default=500, help="longest unfilled fetch")
    parser.add_argument(
        "--fetch-growth-us", type=float, default=0.0, help="more for every record that is held"
    )
    parser.add_argument("--idempotent", action="store_true", help="the broker can do that")
    parser.add_argument("--session-s", type=float, default=10.0, help="session time-out")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run a worker until it is stopped."""
    arguments = parser().parse_args(argv)
    try:
        settings = read_settings({"model_url": arguments.model_url})
        config = WorkerConfig(
            domains=tuple(arguments.domain),
            broker=arguments.broker,
            group=arguments.group,
            worker=arguments.worker,
            hold=arguments.hold,
            tuning=ConsumerTuning(
                fetch_wait=FetchWait(arguments.fetch_wait_ms, arguments.fetch_growth_us),
                fetch_bytes=max(1 << 20, settings.max_record),
                session_s=arguments.session_s,
                heartbeat_s=arguments.session_s / 6,
                rebalance_s=arguments.session_s,
                idempotent=arguments.idempotent,
            ),
            settings=settings,
        )
        app = create_app(config)
    except StreamsimError as error:
        print(f"consumers.app: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    # Batches come and go by the thousand and are never cyclic: collecting often finds nothing.
    gc.set_threshold(50_000, 20, 100)
    faust.Worker(app, loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main()
