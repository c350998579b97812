"""Outputs do not depend on batch boundaries, nor on how partitions are interleaved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.consumers.monitor.drift.profile_counts import read_profiles
from streamsim.consumers.monitor.labelled_scores import read_labelled
from streamsim.streams.events import NO_TIME, Outbound
from streamsim.streams.spec import HOUR, DomainSpec
from streamsim.streams.topics import LABELLED, PROFILES, topic
from tests.property.chained import chained, profile
from tests.property.driving import SCHEDULES, Batch, Schedule, one_by_one, run, scheduled
from tests.property.examples import examples
from tests.property.logs import (
    AHEAD,
    LATENESS,
    LEAPING,
    SOURCES,
    SPEC,
    Item,
    Step,
    Story,
    ending,
    steps,
    tell,
    wild_steps,
)

pytestmark = pytest.mark.usefixtures("profile_of_every_row")
JUDGED_TOPIC, PROFILES_TOPIC = topic(SPEC.name, LABELLED), topic(SPEC.name, PROFILES)
# Feeds are told of in spans, which depend on batches.
CHAINED = replace(chained(SPEC), alerting=replace(SPEC.alerting, feeds=None))
TABLES = {topic(SPEC.name, name) for name in (t.name for t in SPEC.features.tables)}


def meaning(outputs: Iterable[Outbound], spec: DomainSpec = SPEC) -> dict[Any, Any]:
    """Group outputs by topic, partition and source; add up the records of global tables."""
    found: dict[Any, Any] = {}
    until: dict[tuple[str, int], int] = {}
    counts: Counter[Any] = Counter()
    labelled: dict[int, int] = {}
    profiled: dict[int, int] = {}
    bins = profile(spec.features.vector.names).fingerprint()
    for record in outputs:
        if record.topic == JUDGED_TOPIC:
            told = read_labelled(record.value or b"")
            p = told.partition
            assert told.since == labelled.get(p, NO_TIME)
            labelled[p] = told.until
            rows = sorted(zip(*(c.tolist() for c in told.columns), strict=True))
            found.setdefault(("labelled", p), []).extend(rows)
            continue
        if record.topic == PROFILES_TOPIC:
            p, since, end, own = read_profiles(record.value, bins)
            assert since == profiled.get(p, NO_TIME)
            assert all(since <= bucket < end for bucket in own)
            profiled[p] = end
            found |= {("profiles", p, at): rows.tolist() for at, rows in own.items()}
            continue
        if record.topic not in TABLES:
            source = dict(record.headers).get("source_topic")
            found.setdefault((record.topic, source, record.partition), []).append(record[2:])
            continue
        body = orjson.loads(record.value or b"")
        origin = body["source"], body["partition"]
        assert body["from"] == until.get(origin)
        assert body["until"] > (body["from"] or 0)
        until[origin] = body["until"]
        for key, bucket, count in zip(body["keys"], body["buckets"], body["counts"], strict=True):
            assert (body["from"] or 0) <= bucket < body["until"]
            counts[*origin, key, bucket] += count
    ends = {"until": until, "labelled": labelled, "profiled": profiled}
    return found | ends | {"counts": counts}


def outcome(batches: Iterable[Batch], hold: bool, spec: DomainSpec = SPEC) -> dict[Any, Any]:
    domain, outputs = run(batches, hold=hold, spec=spec)
    pipeline = domain.pipeline
    assert pipeline.pending == 0
    assert pipeline.waits_for() is None
    account = {
        (source, p): pipeline.account.of(source, p)
        for source in SOURCES
        for p in range(SPEC.partitions)
    }
    position = {source: pipeline.positions(source).tolist() for source in SOURCES}
    return meaning(outputs, spec) | {"account": account, "position": position}


@pytest.mark.parametrize("hold", [False, True])
@examples(1)
@given(story=st.lists(steps(), max_size=12), schedule=SCHEDULES)
def test_batches_make_no_difference(story: Story, schedule: Schedule, hold: bool) -> None:
    check(tell(story), schedule, hold)


def payments(count: int, gap: int = 0, shift: int = 0, stamp: str = "own") -> Step:
    """Draw payments of one card."""
    return Step(gap, "transactions", 0, 0, 1_000, count, None, shift, stamp)


AFTER_A_LEAP = [
    payments(1),
    *(payments(1, shift=shift) for shift in (0, -HOUR, 0, -LATENESS, -1)),
    payments(1, gap=HOUR, shift=AHEAD, stamp="none"),
    *(payments(1, shift=shift)._replace(beat=False) for shift in (0, -HOUR, 0, -LATENESS, -1)),
]
FAR_AHEAD = [payments(1, stamp="far"), payments(1), payments(1)]


@pytest.mark.parametrize(
    ("hold", "spec"), [(False, SPEC), (True, SPEC), (False, CHAINED)], ids=["", "hold", "chained"]
)
@examples(1)
@given(story=st.lists(wild_steps(stamps=LEAPING), max_size=12), schedule=SCHEDULES)
@example(story=AFTER_A_LEAP, schedule=[(0, 12, False)])
@example(story=AFTER_A_LEAP, schedule=[(0, 9, False), (0, 2, False)])
@example(story=FAR_AHEAD, schedule=[(0, 99, False)])
def test_batches_make_no_difference_whatever_the_clocks_say(
    story: Story, schedule: Schedule, hold: bool, spec: DomainSpec
) -> None:
    check(tell(story), schedule, hold, spec)


@pytest.mark.parametrize("hold", [False, True])
@examples(1)
@given(
    story=st.lists(steps(), max_size=12),
    schedule=SCHEDULES,
    places=st.lists(st.integers(0, SPEC.partitions - 1), min_size=1, max_size=6),
)
@example(story=[payments(6, gap=1)], schedule=[(0, 3, False)], places=[0, 1])
def test_partitions_do_not_see_each_other_whatever_lies_where(
    story: Story, schedule: Schedule, places: Sequence[int], hold: bool
) -> None:
    """Another partitioner may have put a card's records into several partitions."""
    items = [
        replace(item, partition=p) for item, p in zip(tell(story), cycle(places), strict=False)
    ]
    check(items, schedule, hold)


def check(items: list[Item], schedule: Schedule, hold: bool, spec: DomainSpec = SPEC) -> None:
    end = ending(items)
    singly = outcome(one_by_one([*items, *end]), hold, spec)
    assert outcome(scheduled([*items, *end], schedule), hold, spec) == singly
