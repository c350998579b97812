"""The topic of decisions: what stays of it when its leases are compacted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from streamsim.consumers.predict.model_schedule import Schedule, read_entry
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.simulator.reading import read_whole
from streamsim.simulator.run.life.life_requests import new_request
from streamsim.simulator.run.life.ops_models import key_of
from streamsim.streams.spec import DAY
from streamsim.streams.topics import OPS_MODELS, ops_topics
from tests import stacks
from tests.brokers import BROKERS, KAFKA
from tests.lives import FIRST, World

LEASES = 1_200
"""A lease each three seconds for an hour."""
REQUEST = new_request("run", "finance-fraud", "promote", version="7", who="ann", why="a trial")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An hour of leases, and a promotion in their middle."""
    world = World(tmp_path)
    life = world.own.life
    for day in range(2 * LEASES):
        life.observe((FIRST + day) * DAY, 3.0 * day)
        life.extend()
        if day == LEASES:
            life.carry_out(REQUEST)
    assert len(world.bodies) > LEASES * 0.9
    return world


def schedule_of(world: World, values: Iterable[bytes]) -> Schedule:
    schedule = Schedule(world.champion)
    for value in values:
        entry = read_entry(value, "run", world.champion.model)
        assert entry is not None
        schedule.add(entry)
    return schedule


def check_same(world: World, kept: Iterable[bytes]) -> None:
    """Check that a worker that reads only what was kept answers as one that has read all."""
    whole = schedule_of(world, (orjson.dumps(body) for body in world.bodies))
    after = schedule_of(world, kept)
    assert (after.until, after.changes, after.since) == (whole.until, 1, whole.since)
    for at in (whole.since - 1, whole.since, whole.until):
        assert after.at(at) == whole.at(at)


def test_each_decision_has_a_key_of_its_own_and_the_leases_of_a_run_one(world: World) -> None:
    kept: dict[bytes, bytes] = {}
    for body in world.bodies:
        kept.pop(key_of(body), None)  # the latest stays, in its place
        kept[key_of(body)] = orjson.dumps(body)
    assert [orjson.loads(value)["event"] for value in kept.values()] == ["promoted", "unchanged"]
    check_same(world, kept.values())


@pytest.mark.stack
@pytest.mark.long
def test_an_hour_of_leases_leaves_the_decisions_and_the_last_leases(
    broker: str, world: World
) -> None:
    node = "1" if BROKERS.kind == KAFKA else "0"
    admin = KafkaAdminClient(bootstrap_servers=broker)
    soon = {"log.cleaner.backoff.ms": "100"}
    admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, node, soon)])
    admin.close()
    create_topics(broker, ops_topics(), BROKERS.topic_config)
    with Writer(broker) as writer:
        for number, body in enumerate(world.bodies):
            told = Message(OPS_MODELS, 0, key_of(body), orjson.dumps(body), 3_000 * number)
            writer.write([told])

    def kept() -> list[bytes]:
        return [r.value for r in read_whole(broker, ops_topics())[OPS_MODELS]]

    # Apache Kafka keeps its newest segment: ten minutes.
    most = LEASES // 6 + 3 if BROKERS.kind == KAFKA else 3
    stacks.until(lambda: len(kept()) <= most, "the leases are compacted")
    assert sum(b'"promoted"' in value for value in kept()) == 1
    check_same(world, kept())
