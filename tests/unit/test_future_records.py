"""Records from the future stall nothing, whichever program has written them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from streamsim.producers.batches import opened
from streamsim.producers.recording import Recorded, Recording, make_recording
from streamsim.producers.wire import partition_of, wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.testing.replay import record_batches, record_world
from streamsim.simulator.testing.replayable import replay_without_model
from streamsim.streams.codec import format_times, parse_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import HEARTBEAT, INGEST_TIME, SOURCE_TIME, Headers
from streamsim.streams.spec import DAY
from streamsim.streams.topics import topic

SPEC = load_domain("finance")
TRIGGER = topic("finance", "transactions")
YEAR_2100 = 4_102_444_800_000
STAMP = (SOURCE_TIME, b"%d" % YEAR_2100)
FOREIGN: dict[str, Headers] = {
    "no headers": [],
    "a stamp": [STAMP],
    "our headers": [STAMP, (INGEST_TIME, b"1")],
    "an unreadable stamp": [(SOURCE_TIME, b"soon")],
}
EVENT = {
    "event_time": "2100-01-01T00:00:00Z",
    "card_id": "c000001",
    "terminal_id": "t00001",
    "amount_cents": 100,
}


@pytest.fixture(scope="module")
def world() -> Recording:
    return record_world("finance", seed=3, days=2)


def among(world: Recording, foreign: Callable[[int], Recorded], times: int) -> Recording:
    """Put foreign records into the middle of the first card's partition."""
    partition = foreign(0).partition
    own = [r for r in world.records if (r.topic, r.partition) == (TRIGGER, partition)]
    others = [r for r in world.records if (r.topic, r.partition) != (TRIGGER, partition)]
    half = len(own) // 2
    log = [*own[:half], *(foreign(n) for n in range(times)), *own[half:]]
    moved = [record._replace(offset=offset) for offset, record in enumerate(log)]
    return make_recording([*others, *moved], domains=["finance"])


def written(headers: Headers, **fields: str) -> Callable[[int], Recorded]:
    def record(number: int) -> Recorded:
        value = orjson.dumps({**EVENT, **fields, "event_id": f"foreign-{number}"})
        key = b"c000001"
        place = partition_of(key, SPEC.partitions)
        return Recorded(TRIGGER, place, 0, YEAR_2100, key, value, tuple(headers))

    return record


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_an_event_from_the_future_is_dead_and_changes_no_other(
    world: Recording, headers: Headers, times: int
) -> None:
    alone = replay_without_model(world)
    outcome = replay_without_model(among(world, written(headers), times))
    outcome.expect_closed()
    assert len(outcome.dead) == times
    assert {d.reason.split()[0] for d in outcome.dead} <= {"event_time", "source_time"}
    assert outcome.account["in"] == alone.account["in"] + times
    assert outcome.account["filtered"] == alone.account["filtered"]
    assert outcome.account["late"] == alone.account["late"]


def test_a_stamp_from_the_future_takes_no_event_of_today_along(world: Recording) -> None:
    today = written([STAMP], event_time="2025-01-01T12:00:00Z")
    outcome = replay_without_model(among(world, today, 1))
    outcome.expect_closed()
    (dead,) = outcome.dead
    assert dead.reason == "source_time is ahead of its source's clock"


def test_one_heartbeat_from_the_future_is_not_believed(world: Recording) -> None:
    def beat(number: int) -> Recorded:
        return written([STAMP, (HEARTBEAT, b"1")])(number)._replace(key=None, value=None)

    alone = replay_without_model(world)
    outcome = replay_without_model(among(world, beat, 1))
    outcome.expect_closed()
    assert not outcome.dead
    assert outcome.account["filtered"] == alone.account["filtered"]


def test_a_producer_that_comes_later_with_a_later_clock_is_believed(world: Recording) -> None:
    """As ``streamsim send`` with a later file, on a stack whose own sources have ended."""
    later = list(wire(SPEC, world_slices(SPEC, 4, SPEC.world.options, 1)))
    shift = 60 * DAY
    moved = [
        replace(
            batch,
            due=batch.due + shift,
            value=[value and _later(value, shift) for value in batch.value],
        )
        for batch in later
    ]
    batches = [*opened(SPEC, wire(SPEC, world_slices(SPEC, 3, SPEC.world.options, 1)))]
    sent = record_batches(SPEC, [*batches, *opened(SPEC, moved)])
    outcome = replay_without_model(sent)
    outcome.expect_closed()
    assert not outcome.dead
    assert outcome.account["in"] == outcome.account["filtered"] > 100


def _later(value: bytes, ms: int) -> bytes:
    body = orjson.loads(value)
    for name in ("event_time", "transaction_time"):
        if name in body:
            body[name] = format_times(parse_times([body[name]]) + ms)[0]
    body["event_id"] = f"later-{body.get('event_id')}"
    return orjson.dumps(body)
