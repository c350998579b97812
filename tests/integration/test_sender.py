"""A producer that is started again skips what was sent at once, and keeps its pace after that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsim.producers.batches import Batch
from streamsim.producers.pace import BySpeed, Slots
from streamsim.producers.resume import Progress, SentRecords
from streamsim.producers.sender import LATE_MS, Sender
from streamsim.producers.wire import wire
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.reading import read_whole
from streamsim.streams.events import HEARTBEAT, INGEST_TIME
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.topics import topics_of
from tests.brokers import BROKERS
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.stack

SPEED = 1440.0
"""A day takes a minute."""
DAYS, SENT_DAYS = 4, 3


@pytest.fixture
def batches(finance: DomainSpec) -> list[Batch]:
    return list(wire(finance, world_slices(finance, 0, finance.world.options, DAYS)))


def test_the_time_that_was_sent_before_is_not_paced_again(
    broker: str, finance: DomainSpec, batches: list[Batch]
) -> None:
    create_topics(broker, topics_of(finance), BROKERS.topic_config)
    start = int(batches[0].due[0])
    before = [
        source
        for batch in batches
        for source, due, beat in zip(batch.source, batch.due.tolist(), batch.heartbeat, strict=True)
        if not beat and due < start + SENT_DAYS * DAY
    ]
    rows = {source: before.count(source) for source in set(before)}
    clock = VirtualClock(10_000_000)
    begun = clock.now_ms() - int(SENT_DAYS * DAY / SPEED)
    already = SentRecords([], begun, Progress(rows))
    sender = Sender(finance, broker, BySpeed(begun, SPEED), clock, 1 << 20, 0, already)
    sender.run(batches)
    took_ms = clock.now_ms() - 10_000_000
    assert sender.behind_ms == 0
    assert took_ms == pytest.approx((DAYS - SENT_DAYS) * DAY / SPEED, rel=0.1)
    trigger = f"finance.{finance.trigger.name}"
    kept = read_whole(broker, [t for t in topics_of(finance) if t.name == trigger])[trigger]
    sent = [r for r in kept if HEARTBEAT not in dict(r.headers)]
    assert all(r.timestamp >= start + (SENT_DAYS - 1) * DAY for r in sent)
    assert len(sent) > 1_000


def test_a_producer_that_was_held_up_does_not_hurry(
    broker: str, finance: DomainSpec, batches: list[Batch]
) -> None:
    create_topics(broker, topics_of(finance), BROKERS.topic_config)
    clock = VirtualClock(10_000_000)
    sender = Sender(finance, broker, BySpeed(clock.now_ms(), SPEED), clock, 1 << 20, 0)
    half = len(batches) // 2

    def held_up() -> Iterator[Batch]:
        yield from batches[:half]
        clock.sleep(30)
        yield from batches[half:]

    sender.run(held_up())
    assert sender.behind_ms == pytest.approx(30_000, abs=2 * LATE_MS)
    took_ms = clock.now_ms() - 10_000_000
    assert took_ms == pytest.approx(DAYS * DAY / SPEED + sender.behind_ms, rel=0.02)


def test_records_are_sent_at_the_beginnings_of_slots_which_all_producers_share(
    broker: str, finance: DomainSpec, batches: list[Batch]
) -> None:
    create_topics(broker, topics_of(finance), BROKERS.topic_config)
    clock = VirtualClock(10_000_013)
    pace = BySpeed(clock.now_ms(), SPEED)
    Sender(finance, broker, pace, clock, 1 << 20, 0, slots=Slots(250)).run(batches[:8])
    trigger = f"finance.{finance.trigger.name}"
    kept = read_whole(broker, [t for t in topics_of(finance) if t.name == trigger])[trigger]
    sent = sorted(
        (r.timestamp, int(dict(r.headers)[INGEST_TIME]))
        for r in kept
        if HEARTBEAT not in dict(r.headers)
    )
    begun, (start, _) = 10_000_013, sent[0]
    assert len({ingested for _, ingested in sent}) > 10
    for timestamp, ingested in sent:
        early = begun + (timestamp - start) / SPEED - ingested
        assert ingested == begun or (ingested % 250 == 0 and 0 <= early < 250)
