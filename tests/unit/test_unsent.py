"""A failed send: the input behind it is never reported as finished."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from streamsim.streams.events import Outbound, OutboundBatch
from streamsim.streams.spec import DAY
from tests.property.logs import SPEC, START, heartbeat
from tests.unit.running import PLACES, TRIGGER, Stack, between, events, labels_to


class Refusing(Stack):
    """Its output fails on the first score; only the returned future has the error."""

    def send(
        self, records: Sequence[Outbound], batches: Sequence[OutboundBatch] = ()
    ) -> asyncio.Future[None]:
        sent = super().send(records, batches)
        if any(batch.topic.endswith(".scores") for batch in batches):
            sent = asyncio.get_running_loop().create_future()
            sent.set_exception(ConnectionError("refused"))
        return sent


class Changelog:
    """Accepts every write and stores none."""

    def wants_snapshot(self, partition: int) -> bool:
        return False

    async def write(self, cuts: dict[int, Any], snapshots: dict[int, Any]) -> None:
        await asyncio.sleep(0)


def test_a_failed_send_ends_the_runner_before_anything_is_said_to_be_finished() -> None:
    async def story() -> None:
        stack = Refusing(changelog=Changelog())
        others = [heartbeat(TRIGGER, p, START + 3 * DAY) for p in range(1, SPEC.partitions)]
        stack.write([*labels_to(90), *others, *events(0, between(0, 2, 50))])
        with pytest.raises(ConnectionError, match="refused"):
            async with stack.running() as ended:
                await asyncio.wait_for(asyncio.shield(ended), 20)
        trigger = PLACES[TRIGGER, 0]
        places = [(name, p, offset) for name, p, offset in stack.finished if offset > 0]
        assert not [place for place in places if place[:2] == (trigger.topic, trigger.partition)]

    asyncio.run(story())
