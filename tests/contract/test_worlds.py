"""Worlds are reproducible from their seed, complete, and of independent parts."""

from __future__ import annotations

import pytest

from streamsim.simulator.report.judge import alert_quality, join_labels
from streamsim.streams.codec import parse_times
from streamsim.streams.domain_registry import all_topics
from streamsim.streams.spec import DAY, DomainSpec, Role
from streamsim.streams.spec.world import Slice
from streamsim.streams.spec.world_changes import KIND, WorldChange
from streamsim.streams.topics import TRUTH
from tests.contract.runs import bodies, days, small, some


def test_the_same_seed_gives_the_same_bytes(domain: DomainSpec) -> None:
    one, again, other = (
        [
            [(e.source, e.keys, e.values) for e in piece.emissions]
            for piece in small(domain, s, some(domain, 4))
        ]
        for s in (7, 7, 8)
    )
    assert one == again
    assert one != other


def test_slices_are_in_order_and_on_the_grid(domain: DomainSpec, world: tuple[Slice, ...]) -> None:
    before = domain.world.epoch
    for piece in world:
        assert piece.until == before + domain.inputs.heartbeat
        for emission in piece.emissions:
            clock = emission.clock.tolist()
            assert clock == sorted(clock)
            assert all(before <= at < piece.until for at in clock)
        before = piece.until


def test_every_source_flows_and_every_key_is_the_entity(
    domain: DomainSpec, world: tuple[Slice, ...]
) -> None:
    for source in domain.inputs.sources:
        events = bodies(world, source.name)
        assert events, source.name
        entities = {e[source.key] for e in events}
        assert len(entities) > 5, source.name
    for piece in world:
        for emission in piece.emissions:
            assert len(emission.keys) == len(emission.values) == len(emission.event_time)


def test_a_label_is_about_an_event_of_the_same_entity(
    domain: DomainSpec, world: tuple[Slice, ...]
) -> None:
    triggers = {e["event_id"]: e[domain.trigger.key] for e in bodies(world, domain.trigger.name)}
    labels = [
        label
        for source in domain.inputs.sources
        if source.role is Role.LABEL
        for label in bodies(world, source.name)
    ]
    assert labels
    for label in labels:
        assert triggers[label[domain.labels.key]] == label[domain.trigger.key]


def test_what_is_planted_is_about_entities_that_there_are(domain: DomainSpec) -> None:
    slices = small(domain, 7, days(domain) + some(domain, 20))
    known = {e[domain.trigger.key] for e in bodies(slices, domain.trigger.name)}
    planted = bodies(slices, TRUTH)
    about = [p[domain.trigger.key] for p in planted if p.get(domain.trigger.key)]
    assert len(about) > 3
    assert len(known.intersection(about)) > 0.8 * len(set(about))
    assert all(p["kind"] and p["onset"] for p in planted)


def test_a_world_changes_at_its_time_and_says_so_only_in_the_truth(domain: DomainSpec) -> None:
    if "change_day" not in domain.world.options:
        pytest.skip(f"the world of {domain.name} does not change")
    length = some(domain, 8)
    at, end = length / 2, domain.world.epoch + int(length * DAY)
    still = small(domain, 7, length)
    changed, slowly = (
        small(domain, 7, length, change_day=at, change_ramp_days=ramp) for ramp in (0.0, length / 4)
    )
    (record,) = [body for body in bodies(changed, TRUTH) if body["kind"] == KIND]
    (slow,) = [body for body in bodies(slowly, TRUTH) if body["kind"] == KIND]
    onset, done, same, later = parse_times(
        [record["onset"], record["until"], slow["onset"], slow["until"]]
    ).tolist()
    assert domain.world.epoch + at * DAY - 1 <= onset == done == same < later < end
    assert onset - domain.world.epoch - at * DAY < DAY
    assert record["change"]
    assert record["about"]
    assert domain.trigger.key not in record
    before = [_sent(piece) for piece in still if piece.until <= onset]
    for other in (changed, slowly):
        assert before == [_sent(piece) for piece in other if piece.until <= onset]
        assert list(map(_sent, still)) != list(map(_sent, other))
    assert list(map(_sent, changed)) != list(map(_sent, slowly))
    assert not [body for body in bodies(still, TRUTH) if body["kind"] == KIND]


def test_no_alert_is_judged_by_a_change_of_the_world(domain: DomainSpec) -> None:
    (record,) = WorldChange("new", "all is new", 1.0).truth(domain.world.epoch, 0, 1 << 60)
    nothing = join_labels(domain, [], [], None)
    assert alert_quality([], record.values, [], domain, nothing) is None


def _sent(piece: Slice) -> list[object]:
    return [(e.source, e.clock.tolist(), e.keys, e.values) for e in piece.emissions if len(e)]


def test_nobody_but_the_judge_reads_the_truth(domain: DomainSpec) -> None:
    assert TRUTH not in {source.name for source in domain.inputs.sources}
    (topic,) = [t for t in all_topics((domain,)) if t.name.endswith(f".{TRUTH}")]
    assert topic.role is None


def test_a_label_comes_in_its_time(domain: DomainSpec, world: tuple[Slice, ...]) -> None:
    """No label is later than the spec declares, or events would count as final too early."""
    happened = {e["event_id"]: e["event_time"] for e in bodies(world, domain.trigger.name)}
    delays = {source.name: domain.labels.delay for source in domain.label_sources}
    delays |= {estimate.source: estimate.delay for estimate in domain.model.estimates}
    for source, delay in delays.items():
        for label in bodies(world, source):
            known, about = parse_times(
                [label["event_time"], happened[label[domain.labels.key]]]
            ).tolist()
            assert 0 <= known - about <= delay
