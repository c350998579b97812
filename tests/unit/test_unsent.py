"""What could not be sent is not written down as finished, whoever notices first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumers.inbox import Inbox
from consumers.latency import Latencies
from consumers.pipeline import Pipeline
from consumers.runner import Limits, Runner
from streams.events import Floats, Outbound
from streams.inference import Matrix
from streams.spec import DAY
from tests.property.driving import SIGNATURE, checksum
from tests.property.logs import SPEC, START, heartbeat
from tests.unit.test_stuck import PLACES, TRIGGER, between, events, labels_to


class Refusing:
    """An output that fails once a score comes, and says so to nobody but who asks the future."""

    async def score(self, rows: Matrix) -> Floats:
        return checksum(rows)

    def send(self, records: Sequence[Outbound]) -> asyncio.Future[None]:
        sent = asyncio.get_running_loop().create_future()
        if any(record.topic.endswith(".scores") for record in records):
            sent.set_exception(ConnectionError("refused"))
        else:
            sent.set_result(None)
        return sent

    async def room(self) -> None:
        await asyncio.sleep(0)

    def abandon(self) -> None:
        pass


class Written:
    """A changelog that keeps in mind which of the trigger's offsets are said to be finished."""

    def __init__(self) -> None:
        self.contents: list[dict[int, Any]] = []

    def wants_snapshot(self, partition: int) -> bool:
        return False

    async def write(self, cuts: dict[int, Any], snapshots: dict[int, Any]) -> None:
        self.contents.append(cuts)


def test_a_failed_send_ends_the_runner_before_anything_is_said_to_be_finished() -> None:
    finished: list[tuple[str, int, int]] = []

    async def story() -> None:
        inbox = Inbox({tp.topic: source for (source, _), tp in PLACES.items()}, 1_000)
        stub, log = cast(Any, Refusing()), Written()
        pipeline = Pipeline(SPEC, SIGNATURE, journal=True)
        limits = Limits(1_000, 1_000, 2.0, 0.0, 0.001, SPEC.partitions)
        runner = Runner(
            pipeline, inbox, stub, stub, log, lambda *where: finished.append(where), limits,
            Latencies(),
        )  # fmt: skip
        others = [heartbeat(TRIGGER, p, START + 3 * DAY) for p in range(1, SPEC.partitions)]
        items = [*labels_to(90), *others, *events(0, between(0, 2, 50))]
        for place, tp in PLACES.items():
            own = [i for i in items if (i.source, i.partition) == place]
            records = [
                SimpleNamespace(
                    offset=n, timestamp=i.time, key=i.key, value=i.value, headers=i.headers
                )
                for n, i in enumerate(own)
            ]
            if records:
                inbox.put(tp, records)
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionError, match="refused"):
                await runner.run()

    asyncio.run(story())
    trigger = PLACES[TRIGGER, 0].topic
    assert not [where for where in finished if where[0] == trigger and where[2] > 0]
