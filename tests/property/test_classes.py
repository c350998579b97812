"""Every record ends in exactly one class, which is the one of the definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.simulator.in_process import InProcess
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.streams.events import NO_TIME, Outbound
from streamsim.streams.spec import Role
from streamsim.streams.topics import topic
from tests.property.driving import (
    SCHEDULES,
    SIGNATURE,
    Schedule,
    checksum,
    records_of,
    run,
    scheduled,
)
from tests.property.examples import examples
from tests.property.logs import (
    SOURCES,
    SPEC,
    Item,
    Logs,
    Story,
    ending,
    logs_of,
    steps,
    tell,
    wild_steps,
)

Classes = dict[tuple[str, int, int], str]
"""Source, partition and offset of a record, to its class."""


def classes_of(logs: Logs) -> Classes:
    """Classify records one by one, by the definitions in clean and collect."""
    found: Classes = {}
    for (source, partition), log in logs.items():
        for offset, name in enumerate(_classes(source, log)):
            found[source, partition, offset] = name
    return found


def _classes(source: str, log: Iterable[Item]) -> Iterable[str]:
    spec = SPEC.source(source)
    ahead, remember = spec.max_ahead, max(spec.remember, spec.allowed_lateness)
    clock: int | None = None
    heard: int | None = None
    seen: dict[str, int] = {}
    for item in log:
        time = item.time if item.kind == "event" else None
        now = item.stamp if item.stamp is not None else time
        is_beat, refused = item.kind == "heartbeat", False
        if now is not None:
            if clock is None or now <= clock + ahead or (is_beat and now == heard):
                clock = now if clock is None else max(clock, now)
            elif heard is None:
                clock = clock + ahead if item.stamp is None else now
            else:
                refused = True
        if is_beat:
            heard = now
            yield "heartbeat"
        elif time is None or now is None or time - now > ahead or refused:
            yield "dead"
        elif now - time > spec.allowed_lateness:
            yield "late"
        elif item.event_id in seen and clock - seen[item.event_id] <= remember:  # type: ignore[operator]
            yield "duplicate"
        else:
            seen[item.event_id] = time
            yield "scored" if spec.role is Role.TRIGGER else "applied"


def check(items: list[Item], schedule: Schedule, hold: bool) -> None:
    everything = [*items, *ending(items)]
    expected = classes_of(logs_of(everything))
    domain, outputs = run(scheduled(everything, schedule), hold=hold)
    for source in SOURCES:
        for p in range(SPEC.partitions):
            account = domain.pipeline.account.of(source, p)
            wanted = Counter(c for (s, q, _), c in expected.items() if (s, q) == (source, p))
            assert Counter(account) == wanted
    assert written(outputs) == sorted(
        (name, *place) for place, name in expected.items() if name in ("scored", "dead", "late")
    )
    check_outputs(outputs, logs_of(everything))


def written(outputs: Iterable[Outbound]) -> list[tuple[str, str, int, int]]:
    """List the classes of the records in outputs."""
    outcome = make_outcome(SPEC, outputs, {})
    scored = [("scored", SPEC.trigger.name, *score.source) for score in outcome.scores]
    rejected = [
        (name, r.source[0].removeprefix(f"{SPEC.name}."), *r.source[1:])
        for name, part in (("dead", outcome.dead), ("late", outcome.late))
        for r in part
    ]
    return sorted(scored + rejected)


def check_outputs(outputs: Iterable[Outbound], logs: Logs) -> None:
    """Dead and late records are unchanged, and every output can be sent."""
    for record in outputs:
        assert 0 <= record.partition < SPEC.partitions
        assert record.timestamp >= 0
        if record.topic in (topic(SPEC.name, "dead"), topic(SPEC.name, "late")):
            headers = dict(record.headers)
            source = headers["source_topic"].decode().removeprefix(f"{SPEC.name}.")
            item = logs[source, record.partition][int(headers["source_offset"])]
            assert (record.key, record.value) == (item.key, item.value)


@pytest.mark.parametrize("hold", [False, True])
@examples(0.7)
@given(story=st.lists(steps(), max_size=10), schedule=SCHEDULES)
def test_every_record_is_in_its_class(story: Story, schedule: Schedule, hold: bool) -> None:
    check(tell(story), schedule, hold)


@pytest.mark.parametrize("hold", [False, True])
@examples(0.7)
@given(story=st.lists(wild_steps(), max_size=10), schedule=SCHEDULES)
def test_every_record_is_in_its_class_whatever_the_clocks_say(
    story: Story, schedule: Schedule, hold: bool
) -> None:
    check(tell(story), schedule, hold)


@pytest.mark.parametrize("hold", [False, True])
@examples(0.3)
@given(story=st.lists(steps(), max_size=10), schedule=SCHEDULES)
def test_no_position_is_past_a_record_that_is_in_no_class_yet(
    story: Story, schedule: Schedule, hold: bool
) -> None:
    domain = InProcess(SPEC, checksum, SIGNATURE, hold=hold)
    for batch in scheduled(tell(story), schedule):
        domain.push(records_of(batch))
        pipeline = domain.pipeline
        pending = in_flight(pipeline)
        for source in SOURCES:
            for p, position in enumerate(pipeline.positions(source).tolist()):
                finished = sum(pipeline.account.of(source, p).values())
                assert position <= finished
                assert source != SPEC.trigger.name or pending[p] or position in (-1, finished)


def in_flight(pipeline: Pipeline) -> npt.NDArray[np.int64]:
    """Count the events of each partition that are not finished."""
    count = np.zeros(SPEC.partitions, np.int64)
    for events in pipeline.stores.in_flight._all():
        count += np.bincount(events.partition, minlength=len(count))
    return count


@examples(0.3)
@given(story=st.lists(steps(), max_size=10), schedule=SCHEDULES)
def test_what_waits_for_its_own_partition_keeps_nothing_back(
    story: Story, schedule: Schedule
) -> None:
    """More records of a partition release its held events, so its fetching must go on."""
    domain = InProcess(SPEC, checksum, SIGNATURE, hold=True)
    for batch in scheduled(tell(story), schedule):
        domain.push(records_of(batch))
        pipeline, trigger = domain.pipeline, SPEC.trigger
        pending, blocking = in_flight(pipeline), pipeline.waiting_for_others()
        assert (blocking <= pending).all()
        quiet = pipeline.clocks[trigger.name] == NO_TIME
        assert not blocking[quiet].any()
        if pipeline.waits_for() is None:
            assert not blocking.any()
