"""A partition that is stuck, its queue full, holds up no other, and catches up later."""

from __future__ import annotations

import asyncio

from streamsim.streams.spec import DAY, MINUTE
from tests.property.logs import START, heartbeat
from tests.unit.running import (
    BUDGET,
    PLACES,
    TRIGGER,
    Stack,
    between,
    events,
    labels_to,
    until,
)

STUCK, OTHERS = 1, (0, 2)


def full(stack: Stack) -> bool:
    """Whether nothing more of the stuck partition is taken, neither fetched nor worked."""
    waiting = stack.pipeline.waiting_for_others()[STUCK]
    return stack.is_full(PLACES[TRIGGER, STUCK]) and bool(waiting >= BUDGET)


def test_a_partition_that_waits_for_the_others_holds_none_of_them_up() -> None:
    """One partition is a month ahead: its features want what the others have not counted yet."""

    async def story() -> None:
        stack = Stack()
        count = 8 * BUDGET
        stack.write([*labels_to(90), *events(STUCK, between(30, 40, count))])
        async with stack.running():
            await until(lambda: full(stack), lambda: "a full queue")
            for p in OTHERS:
                stack.write(events(p, between(0, 20, count)))
            await until(lambda: all(len(stack.scored[p]) == count for p in OTHERS), stack.counts)
            assert full(stack)
            assert not stack.scored[STUCK]
            for p in OTHERS:
                stack.write(events(p, between(20, 40, count)))
            await until(lambda: len(stack.scored[STUCK]) == count, stack.counts)
        assert stack.scored[STUCK] == list(range(count))
        for p in OTHERS:
            assert stack.scored[p] == list(range(2 * count))

    asyncio.run(story())


def test_a_partition_that_is_held_until_its_clock_goes_on_holds_none_of_them_up() -> None:
    """More events than its budget come at once, and then nothing: their watermark is hours off."""

    async def story() -> None:
        stack = Stack(hold=True)
        count = 8 * BUDGET
        at_once = [START + MINUTE * n // 10 for n in range(count)]
        stack.write([*labels_to(90), *events(STUCK, at_once)])
        async with stack.running():
            for p in OTHERS:
                stack.write(events(p, between(0, 5, count)))
                stack.write([heartbeat(TRIGGER, p, START + 6 * DAY)])
            await until(lambda: all(len(stack.scored[p]) == count for p in OTHERS), stack.counts)
            assert not stack.scored[STUCK]
            stack.write([heartbeat(TRIGGER, STUCK, START + DAY)])
            await until(lambda: len(stack.scored[STUCK]) == count, stack.counts)
        for offsets in stack.scored.values():
            assert offsets == list(range(count))

    asyncio.run(story())
