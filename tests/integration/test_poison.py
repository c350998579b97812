"""Invalid events through pipeline and broker: each in one class, dead letters with their bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from streamsim.benchmarks.fault_injection.poison import BIG, WAYS
from streamsim.producers.recording import Recording, make_recording
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.events import HEARTBEAT
from streamsim.streams.spec import DomainSpec
from tests.effort import NIGHTLY, SEED, TIMES
from tests.replay.test_parity import alike

Replay = Callable[..., Outcome]


def spoil(recording: Recording, share: float, seed: int) -> tuple[Recording, int]:
    """Corrupt a share of the events; return the recording and their number.

    Heartbeats and offsets stay unchanged.
    """
    draw = random.Random(seed)
    records, spoilt = [], 0
    for record in recording.records:
        if HEARTBEAT not in dict(record.headers) and draw.random() < share:
            record = draw.choice(WAYS)(record, draw)
            spoilt += 1
        records.append(record)
    return make_recording(records, domains=recording.manifest["domains"]), spoilt


def add_big(recording: Recording, count: int) -> Recording:
    """Make the first few events five megabytes long."""
    records = list(recording.records)
    places = [i for i, r in enumerate(records) if HEARTBEAT not in dict(r.headers)][:count]
    for place in places:
        records[place] = records[place]._replace(value=b"x" * BIG)
    return make_recording(records, domains=recording.manifest["domains"])


def check(outcome: Outcome, recording: Recording) -> None:
    """Compare an outcome with its input: no event lost or doubled, dead letters unchanged."""
    outcome.expect_closed()
    account = outcome.account
    assert len(outcome.scores) == account["scored"]
    assert len({s.source for s in outcome.scores}) == len(outcome.scores)
    assert len(outcome.dead) == account["dead"] + account["labels"]["dead"]
    original = {(r.topic, r.partition, r.offset): r.value for r in recording.records}
    for rejected in (*outcome.dead, *outcome.late):
        value = original[rejected.source]
        assert rejected.value == value or (value is not None and len(value) > BIG - 1)
        assert rejected.reason


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))]
)
def test_spoilt_events_in_process(replay: Replay, finance: DomainSpec, seed: int) -> None:
    recording, spoilt = spoil(record_world(finance, seed=seed, days=2, fraud=5), 0.3, seed)
    outcome = replay(recording)
    check(outcome, recording)
    assert spoilt > 1_000
    assert outcome.account["dead"] > spoilt * 0.4
    assert len({d.reason for d in outcome.dead}) > 10


def test_one_spoilt_event_harms_no_other(replay: Replay, finance: DomainSpec) -> None:
    whole = record_world(finance, seed=8, days=2)
    recording, _ = spoil(whole, 0.02, 1)
    clean, dirty = replay(whole), replay(recording)
    untouched = {s.event_id for s in dirty.scores} & {s.event_id for s in clean.scores}
    first_day = [s for s in clean.scores if s.event_id.startswith("tx-00000")]
    assert len(untouched) > 0.97 * len(clean.scores)
    assert dirty.account["late"] < 0.01 * len(clean.scores)
    assert len(first_day) > 1_000


@pytest.mark.stack
@pytest.mark.long
def test_spoilt_events_through_the_broker(
    replay: Replay, stack: Replay, finance: DomainSpec, registry: object
) -> None:
    recording, _ = spoil(record_world(finance, seed=5, days=2, fraud=5), 0.3, 5)
    recording = add_big(recording, 2)
    outcome = stack(recording)
    check(outcome, recording)
    alike(replay(recording), outcome)


@pytest.mark.slow
@pytest.mark.stack
@pytest.mark.parametrize("seed", range(SEED, SEED + TIMES))
def test_many_spoilt_and_good_events_through_the_broker(
    replay: Replay, stack: Replay, finance: DomainSpec, registry: object, seed: int
) -> None:
    """Twenty-five thousand events; a hundred thousand by night."""
    days, least = (18, 100_000) if NIGHTLY else (6, 25_000)
    recording, spoilt = spoil(
        record_world(finance, seed=seed, days=days, cards=2_800, terminals=1_500), 0.25, seed
    )
    outcome = stack(recording, workers=2)
    account = outcome.account
    print(f"{account['in']:,} events, {spoilt:,} spoilt: {account}")
    assert account["in"] >= least
    check(outcome, recording)
    alike(replay(recording), outcome)
