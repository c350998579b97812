"""The process that decides, on a broker: what was written while it was down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamsim.consumers.monitor.cloud_event import cloud_event
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.simulator.report.effect import RecentIdentities
from streamsim.simulator.run.life import adaptive
from streamsim.simulator.run.life.controller import Controller
from streamsim.simulator.run.life.controlling import take_missed_alerts
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DAY
from streamsim.streams.topics import ALERTS, topic, topics_of
from tests.brokers import BROKERS
from tests.lives import FIRST, SPEC, World

RULE = SPEC.alerting.rule


class Deciding(Controller):
    """A controller of one life, without registry and announcer."""

    def __init__(self, world: World) -> None:
        self.adaptive = {SPEC.name: world.own}
        self._recent = RecentIdentities()


def alert(number: int, day: float, partition: int, terminal: str) -> Outbound:
    entity, at = f"card {number}", int((FIRST + day) * DAY)
    body: dict[str, Any] = {
        "rule": RULE.name, "severity": "warning", RULE.noun: entity, "seen": "much",
        "facts": {RULE.group: terminal}, "why": [], "score": 0.9, "event_id": str(number),
        "event_time": "2025-01-01T00:00:00.000Z",
    }  # fmt: skip
    return cloud_event(SPEC.name, RULE.name, str(number), entity, at, body, partition)


def write(broker: str, *alerts: Outbound) -> None:
    with Writer(broker) as writer:
        writer.write([
            Message(a.topic, a.partition, a.key, a.value, a.timestamp, a.headers) for a in alerts
        ])  # fmt: skip


def restarted(world: World, broker: str) -> list[tuple[str, str]]:
    """Start the controller again, and return what it has said since of groups."""
    said = len(world.incidents)
    world.start()
    take_missed_alerts(Deciding(world), broker)
    world.own.tick()
    return [(own["change"], own["subject"]) for own in world.incidents[said:]]


@pytest.mark.stack
def test_alerts_that_were_raised_while_it_was_down_are_grouped_once(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptive, "SAVE_S", 0.0)
    create_topics(broker, topics_of(SPEC), BROKERS.topic_config)
    world = World(tmp_path)
    assert restarted(world, broker) == []
    within = RULE.grouped.within / DAY if RULE.grouped else 0.0
    late = 3 * within  # the other partition has gone on, and its alert is read first
    write(broker, alert(0, late, 0, "far"), *(alert(n, n / 100, 1, "near") for n in (1, 2, 3)))
    near = "terminal near"
    assert restarted(world, broker) == [("opened", near), ("resolved", near)]
    assert restarted(world, broker) == []
    places = [(topic(SPEC.name, ALERTS), p) for p in range(SPEC.partitions)]
    assert [world.own.starts[place] for place in places] == [1, 3]
    write(broker, *(alert(n, late + n / 100, 1, "far") for n in (4, 5)))
    assert restarted(world, broker) == [("opened", "terminal far")]
