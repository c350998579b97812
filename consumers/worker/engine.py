"""Engine of a worker: connections that live as long as the process, and runners per assignment.

Every assignment of partitions has its own runners, which restore their state from the changelog.
When partitions are revoked, the runners get limited time to finish the batches that are with the
scorer. They are then dropped, with all state since the last checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, NoReturn

from aiokafka import AIOKafkaProducer
from faust.types import TP
from mode import Service

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.worker.assignment import assigned_partitions
from streamsim.consumers.worker.domain_context import DomainContext, WorkerConfig
from streamsim.consumers.worker.inbox import Inbox
from streamsim.consumers.worker.output import BATCH_BYTES
from streamsim.consumers.worker.runner import Limits, Runner
from streamsim.consumers.worker.shared.shared_state import SharedState
from streamsim.consumers.worker.shared.snapshots import SharedSnapshots
from streamsim.consumers.worker.trimming import Trimmer
from streamsim.consumers.worker.worker_metrics import worker_metrics
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME
from streamsim.streams.privacy.keys import privacy_key
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic

log = logging.getLogger(__name__)

LOOK_S = 0.1
"""Interval between two checks whether events wait for the schedule."""


class Engine(Service):
    """The runners of a worker, and the objects that they share.

    Parameters
    ----------
    finished
        Called with a partition and the offset before which all records are finished and
        checkpointed.
    crash
        Called when the worker fails.
    refuse
        Called with the error if the state cannot be restored; does not return.
    """

    def __init__(
        self,
        config: WorkerConfig,
        specs: Sequence[DomainSpec],
        finished: Callable[[TP, int], None],
        crash: Callable[[BaseException], Any],
        refuse: Callable[[StateError], NoReturn],
    ) -> None:
        super().__init__()
        self.config, self.specs = config, specs
        self._on_finished, self._give_up, self._refuse = finished, crash, refuse
        self.inboxes = {
            spec.name: Inbox(
                {topic(spec.name, s.name): s.name for s in spec.inputs.sources},
                config.settings.queue_rows,
            )
            for spec in specs
        }
        self._contexts: dict[str, DomainContext] = {}
        self._shared: dict[str, SharedState] = {}
        self._runners: dict[str, Runner] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._assigned: frozenset[TP] = frozenset()
        self._generation = -1
        self._ready = asyncio.Event()
        self._entered = asyncio.Event()
        self._stack = AsyncExitStack()

    async def on_start(self) -> None:
        """Connect to the broker and the model service."""
        config, settings = self.config, self.config.settings
        self._producer = producer = AIOKafkaProducer(
            bootstrap_servers=config.broker,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=settings.max_record * 2,
            request_timeout_ms=30_000,
        )
        await producer.start()
        self._stack.push_async_callback(producer.stop)
        trimmer = Trimmer(config.broker)
        await trimmer.start()
        self._stack.push_async_callback(trimmer.stop)
        for spec in self.specs:
            context = self._contexts[spec.name] = DomainContext(spec, config, producer, trimmer)
            await self._stack.enter_async_context(context.scorer)
            began_with = config.champions.get(spec.model.recipe.name)
            context.serve(await context.scorer.await_signature(settings.ready_s, began_with))
            shared = self._shared[spec.name] = SharedState(
                context,
                config,
                producer,
                SharedSnapshots(spec, producer, config.group, trimmer.before),
                self.inboxes[spec.name].wake,
                partial(self._is_publisher, spec),
            )
            try:
                await shared.restore()
            except StateError as error:
                self._refuse(error)
            self.add_future(self._guard(shared.follow()))
            self.add_future(self._guard(self._report(context)))
        self._ready.set()

    async def on_shutdown(self) -> None:
        """Let the runners finish their batches, and close the connections."""
        await self.leave()
        await self._stack.aclose()

    def is_full(self, tp: TP) -> bool:
        """Say whether a partition has used up its budget."""
        return self.inboxes[tp.topic.partition(".")[0]].is_full(tp)

    async def enter(self, assigned: Iterable[TP], generation: int) -> dict[TP, int]:
        """Restore the state of newly assigned partitions, and start their runners.

        Returns
        -------
        The offset at which each partition continues.

        Raises
        ------
        StackError
            If the sources of a domain were assigned different partitions.
        """
        await self._ready.wait()
        await self.leave()
        own = frozenset(assigned)
        positions: dict[TP, int] = {}
        for spec in self.specs:
            partitions = assigned_partitions(spec, own)
            try:
                runner = await self._restored(spec, partitions, generation)
            except StateError as error:
                self._refuse(error)
            self._runners[spec.name] = runner
            for source in spec.inputs.sources:
                for p in partitions:
                    tp = TP(topic(spec.name, source.name), p)
                    positions[tp] = max(0, int(runner.saved[source.name][p]))
        self._assigned, self._generation = own, generation
        for shared in self._shared.values():
            shared.publish_latest()
        for name, runner in self._runners.items():
            self._running[name] = asyncio.create_task(self._guard(runner.run()))
        entered, self._entered = self._entered, asyncio.Event()
        entered.set()
        return positions

    async def leave(self) -> None:
        """Drain the runners within a third of the rebalance time-out, and drop them."""
        running, self._running = list(self._running.values()), {}
        for runner in self._runners.values():
            runner.drain()
        if running:
            await asyncio.wait(running, timeout=self.config.tuning.rebalance_s / 3)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._runners.clear()
        self._assigned = frozenset()
        for inbox in self.inboxes.values():
            inbox.clear()

    async def _restored(
        self, spec: DomainSpec, partitions: Sequence[int], generation: int
    ) -> Runner:
        """Make a runner with the state that the changelog holds."""
        config, settings, context = self.config, self.config.settings, self._contexts[spec.name]
        began = time.monotonic()
        pipeline = Pipeline(
            spec,
            context.signature,
            hold=config.hold,
            tables=context.exchange.tables,
            journal=config.durable,
            key=privacy_key(settings) if any(s.sensitive for s in spec.inputs.sources) else None,
            schedule=context.schedule,
            score_from=context.score_from,
        )
        contents = await context.changelog.restore(config.broker, partitions, generation)
        for p in partitions:
            pipeline.restore(p, contents[p])
            await asyncio.sleep(0)  # a large state takes a while: let heartbeats be sent
        log.info(
            "%s: %d partitions restored in %.2f s, generation %d",
            spec.name, len(partitions), time.monotonic() - began, generation,
        )  # fmt: skip
        return Runner(
            pipeline,
            self.inboxes[spec.name],
            context.scorer,
            self.config.output(context.spec, self._producer),
            context.changelog if config.durable else None,
            lambda name, p, offset: self._on_finished(TP(name, p), offset),
            Limits(
                settings.batch_rows,
                settings.queue_rows,
                settings.queue_s,
                settings.linger_ms / 1000,
                settings.changelog_ms / 1000,
                len(partitions),
                len(self.specs),
            ),
            context.latencies,
            context.counts,
        )

    def _is_publisher(self, spec: DomainSpec) -> bool:
        return TP(topic(spec.name, spec.trigger.name), 0) in self._assigned

    async def _report(self, context: DomainContext) -> None:
        name, output = context.spec.name, self.config.output(context.spec, self._producer)
        while True:
            await self._until_report_due(context)
            runner = self._runners.get(name)
            if runner is None:
                continue
            record = worker_metrics(
                runner,
                context.latencies,
                context.counts,
                worker=self.config.worker,
                generation=self._generation,
                partitions=assigned_partitions(context.spec, self._assigned),
                published_until=dict(context.published_until)
                if self._is_publisher(context.spec)
                else None,
                saved=self._shared[name].saved,
                foreign=self._shared[name].foreign,
            )
            output.send([record])
            await output.flush()

    async def _until_report_due(self, context: DomainContext) -> None:
        """Wait for the interval, or until there is news.

        A new assignment, and events that wait for the schedule, are reported at once.
        """
        entered, deadline = self._entered, time.monotonic() + self.config.settings.metrics_s
        # A renewed model's schedule waits for the events, not for a report of them.
        schedule = None if context.spec.model.renewal is not None else context.schedule
        while not entered.is_set() and time.monotonic() < deadline:
            if schedule is not None and schedule.asked >= max(schedule.until, 0):
                schedule.asked = NO_TIME
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(entered.wait(), LOOK_S)

    async def _guard(self, work: Any) -> None:
        """Let a failure end the worker, so that its supervisor notices."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("worker %d fails", self.config.worker)
            await self._give_up(error)
