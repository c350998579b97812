"""The messages of a fetch: one per topic, with the records that continue each partition."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from streamsim.consumers.worker.offset_sequence import OffsetSequence
from streamsim.consumers.worker.transport import BatchConsumer

A0, A1, B0 = TP("a", 0), TP("a", 1), TP("b", 0)


class Consumer(SimpleNamespace):
    """A consumer that has fetched records, and is assigned the partitions of ``expected``."""

    def __init__(self, fetched: dict[TP, list[int]], expected: dict[TP, int]) -> None:
        self.fetched = {
            tp: [SimpleNamespace(offset=o, timestamp=0, timestamp_type=0) for o in offsets]
            for tp, offsets in fetched.items()
        }
        self._sequence = OffsetSequence()
        for tp, offset in expected.items():
            self._sequence.expect(tp, offset)
        self.should_stop, self.flow_active = False, True
        self.app = SimpleNamespace(consumer_generation_id=3)
        self._thread, self.sought = self, []

    async def _fetched(self, timeout: float) -> dict[TP, Any]:
        return self.fetched

    async def seek_wait(self, positions: dict[TP, int]) -> None:
        self.sought.append(positions)


def messages(consumer: Consumer, revoke_after: int = 99) -> list[tuple[TP, int, dict[TP, Any]]]:
    """Return name, offset and the offsets by partition of each message."""

    async def read() -> list[Any]:
        found: list[Any] = []
        async for tp, message in BatchConsumer.getmany(cast(Any, consumer), 1.0):
            value = {p: [r.offset for r in own] for p, own in cast(Any, message.value).items()}
            assert message.tp == tp
            assert message.generation_id == 3
            found.append((tp, message.offset, value))
            if len(found) == revoke_after:
                consumer._sequence.forget()
                consumer.app.consumer_generation_id += 1
        return found

    return asyncio.run(read())


def test_a_topic_is_one_message_in_the_name_of_its_first_partition() -> None:
    consumer = Consumer({A1: [5, 6], B0: [0], A0: [7]}, {A0: 7, A1: 5, B0: 0})
    assert messages(consumer) == [
        (A1, 6, {A1: [5, 6], A0: [7]}),
        (B0, 0, {B0: [0]}),
    ]


def test_what_does_not_continue_a_partition_is_left_out_and_fetched_again() -> None:
    consumer = Consumer({A0: [1, 2], A1: [9], B0: [4]}, {A0: 2, A1: 8})
    assert messages(consumer) == [(A0, 2, {A0: [2]})]
    assert consumer.sought == [{A1: 8}]


@pytest.mark.parametrize("stops", [True, False])
def test_nothing_is_taken_or_sought_after_a_revocation(stops: bool) -> None:
    consumer = Consumer({A0: [2], A1: [9], B0: [4]}, {A0: 2, A1: 8, B0: 4})
    if stops:
        consumer.should_stop = True
        assert messages(consumer) == []
    else:
        assert messages(consumer, revoke_after=1) == [(A0, 2, {A0: [2]})]
    assert consumer.sought == []
