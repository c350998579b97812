"""A runner driven as a worker drives it, with a real transport and inbox.

Broker, model service and changelog are replaced.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import orjson
import pytest
from faust.types import TP

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.consumers.monitor.version_counts import VersionCounts
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.worker.engine import Engine
from streamsim.consumers.worker.inbox import Inbox
from streamsim.consumers.worker.runner import Limits, Runner
from streamsim.consumers.worker.transport import BatchConsumer
from streamsim.streams.codec import format_times
from streamsim.streams.events import SOURCE_TIME, Floats, Matrix, Outbound, OutboundBatch, Outputs
from streamsim.streams.spec import DAY
from streamsim.streams.topics import SCORES, topic
from tests.property.driving import SIGNATURE, checksum
from tests.property.logs import CARDS, SOURCES, SPEC, START, Item, heartbeat

BUDGET, FETCH, PATIENCE_S = 50, 20, 20.0
TRIGGER = SPEC.trigger.name
PLACES = {(s, p): TP(topic(SPEC.name, s), p) for s in SOURCES for p in range(SPEC.partitions)}


class Stack:
    """A runner, the topics that it reads, and what it has scored.

    Attributes
    ----------
    failing
        Versions whose calls fail, with their errors.
    headers
        The headers of each score.
    """

    def __init__(
        self, *, hold: bool = False, changelog: Any = None, schedule: Schedule | None = None
    ) -> None:
        self.failing: dict[str, Exception] = {}
        self.headers: list[dict[str, bytes]] = []
        self.counts_of_versions = VersionCounts()
        self.logs: dict[TP, list[Any]] = {tp: [] for tp in PLACES.values()}
        self.at = dict.fromkeys(self.logs, 0)
        self.scored: dict[int, list[int]] = {p: [] for p in range(SPEC.partitions)}
        self.inbox = Inbox({tp.topic: source for (source, _), tp in PLACES.items()}, BUDGET)
        self.pipeline = Pipeline(
            SPEC, SIGNATURE, hold=hold, journal=changelog is not None, schedule=schedule
        )
        self._engine = SimpleNamespace(inboxes={SPEC.name: self.inbox})
        self.finished: list[tuple[str, int, int]] = []
        write_s = 3600.0 if changelog is None else 0.001
        self.runner = Runner(
            self.pipeline,
            self.inbox,
            cast(Any, self),
            cast(Any, self),
            changelog or SimpleNamespace(wants_snapshot=lambda p: False),
            lambda *where: self.finished.append(where),
            Limits(4 * BUDGET, BUDGET, 2.0, 0.0, write_s, SPEC.partitions),
            Latencies(),
            self.counts_of_versions,
        )

    # The parts of the scorer and the output that a runner calls.

    async def score(self, rows: Matrix, version: str | None = None) -> Floats:
        await asyncio.sleep(0)
        if version in self.failing:
            raise self.failing[version]
        return checksum(rows)

    def send(
        self, records: Sequence[Outbound], batches: Sequence[OutboundBatch] = ()
    ) -> asyncio.Future[None]:
        for record in Outputs(list(records), list(batches)).each():
            if record.topic == topic(SPEC.name, SCORES):
                offset = int(dict(record.headers)["source_offset"])
                self.headers.append(dict(record.headers))
                self.scored[record.partition].append(offset)
        sent = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent

    async def room(self) -> None:
        await asyncio.sleep(0)

    def abandon(self) -> None:
        pass

    # What the transport asks of worker and client.

    def is_full(self, tp: TP) -> bool:
        return Engine.is_full(cast(Any, self._engine), tp)

    async def _getmany(self, active_partitions: Iterable[TP], timeout: float) -> dict[TP, Any]:
        fetched = {}
        for tp in active_partitions:
            if records := self.logs[tp][self.at[tp] : self.at[tp] + FETCH]:
                fetched[tp] = records
                self.at[tp] += len(records)
        await asyncio.sleep(0)
        return fetched

    async def _fetch(self) -> None:
        consumer = SimpleNamespace(
            app=SimpleNamespace(worker=self),
            flow_active=True,
            _get_active_partitions=lambda: set(self.logs),
            _getmany=self._getmany,
        )
        while True:
            for tp, records in (await BatchConsumer._fetched(cast(Any, consumer), 1.0)).items():
                self.inbox.put(tp, records)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run; yields the runner's task."""
        tasks = [asyncio.create_task(work) for work in (self.runner.run(), self._fetch())]
        try:
            yield tasks[0]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # What a test does.

    def write(self, items: Iterable[Item]) -> None:
        for item in items:
            log = self.logs[PLACES[item.source, item.partition]]
            log.append(
                SimpleNamespace(
                    offset=len(log), timestamp=item.time, key=item.key, value=item.value,
                    headers=item.headers,
                )
            )  # fmt: skip

    def counts(self) -> Counter[int]:
        return Counter({p: len(offsets) for p, offsets in self.scored.items()})


async def until(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0)
    except TimeoutError:
        pytest.fail(f"in vain: {what()}")


def events(partition: int, times: Iterable[int]) -> Iterator[Item]:
    """Payments of a partition's card, in order."""
    card = CARDS[partition]
    for number, time in enumerate(times):
        event_id = f"{partition}-{time}-{number}"
        body = {
            "event_id": event_id,
            "event_time": format_times(np.array([time]))[0],
            "card_id": card,
            "terminal_id": "t0",
            "amount_cents": 100,
        }
        headers = [(SOURCE_TIME, b"%d" % time)]
        yield Item(
            TRIGGER, partition, card.encode(), orjson.dumps(body), headers, time, "event",
            event_id, time,
        )  # fmt: skip


def between(first_day: float, last_day: float, count: int) -> Iterator[int]:
    return (START + int(d * DAY) for d in np.linspace(first_day, last_day, count, endpoint=False))


def labels_to(day: int) -> Iterator[Item]:
    """Say that all chargebacks up to a day are there."""
    others = [source for source in SOURCES if source != TRIGGER]
    return (heartbeat(s, p, START + day * DAY) for s in others for p in range(SPEC.partitions))
