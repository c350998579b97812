"""A long run of finance in this process: one compromised terminal is one incident with its cards.

A stub scores by the terminal's share of frauds, so that no model is trained.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.consumers.monitor.incidents.grouping import EntityAlert, Grouping, entity_alert
from streamsim.consumers.monitor.incidents.incident import Change, Turn
from streamsim.consumers.monitor.incidents.incident_records import incident_record, incident_text
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import Floats, Matrix
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.topics import ALERTS, topic
from tests.property.chained import signature

FINANCE = load_domain("finance")
NAMES = FINANCE.features.vector.names
RISK, FRAUDS = NAMES.index("terminal_risk_30d"), NAMES.index("terminal_frauds_30d")
RULE = FINANCE.alerting.rule
SEED, DAYS = 4, 50


def suspicious(rows: Matrix) -> Floats:
    """Score payments at terminals where three frauds and more are known, a third of all."""
    return np.where((rows[:, RISK] > 0.3) & (rows[:, FRAUDS] >= 3), 0.9, 0.1)


@pytest.fixture(scope="module")
def alerts() -> list[EntityAlert]:
    options = {**FINANCE.world.options, "cards": 500, "terminals": 40, "fraud": 5.0}
    process = InProcess(FINANCE, suspicious, signature(FINANCE))
    found = []
    for records in as_records(FINANCE, wire(FINANCE, world_slices(FINANCE, SEED, options, DAYS))):
        for record in process.push(records):
            if record.topic == topic(FINANCE.name, ALERTS):
                alert_id = dict(record.headers)["ce_id"].decode()
                body = orjson.loads(record.value or b"")
                found.append(entity_alert(FINANCE, alert_id, record.timestamp, body))
    return [alert for alert in found if alert is not None]


def follow(alerts: list[EntityAlert], step: int = HOUR) -> tuple[list[Change], list[EntityAlert]]:
    """Follow alerts hour by hour, and as long after as it takes to be sure that they are over."""
    grouping = Grouping(FINANCE)
    incidents = Incidents(grouping.hysteresis(renotify=7 * DAY))
    changes: list[Change] = []
    alone: list[EntityAlert] = []
    ordered = sorted(alerts, key=lambda alert: alert.at)
    parts: list[tuple[int, list[EntityAlert]]] = [
        ((hour + 1) * step, list(own)) for hour, own in groupby(ordered, lambda a: a.at // step)
    ]
    for at, own in [*parts, (parts[-1][0] + 30 * DAY, [])]:
        made = grouping.step(at, own)
        changes += incidents.step(at, made.signals)
        alone += made.alone
    assert incidents.open == ()
    return changes, alone


def test_hundreds_of_alerts_at_a_terminal_are_one_incident_with_its_cards(
    alerts: list[EntityAlert],
) -> None:
    ((terminal, raised),) = Counter(alert.group for alert in alerts).most_common(1)
    assert raised > 150
    changes, alone = follow(alerts)
    own = [c for c in changes if c.incident.cause.subject == f"terminal {terminal}"]
    assert len({change.incident.id for change in own}) == 1
    assert [own[0].turn, own[-1].turn] == [Turn.OPENED, Turn.RESOLVED]
    assert {change.turn for change in own[1:-1]} == {Turn.RENOTIFIED}
    there = sorted((a for a in alerts if a.group == terminal), key=lambda a: a.at)
    cards = {alert.entity for alert in there}
    last = own[-1].incident
    assert (last.count, last.members and last.members.count) == (raised, len(cards))
    assert (last.since, last.last_at) == (there[0].at, there[-1].at)
    assert last.resolved_at == there[-1].at + RULE.grouped.within
    assert last.members is not None
    assert last.members.newest[0] == there[-1].entity
    assert len(set(last.members.newest)) == len(last.members.newest) == 20
    assert set(last.members.newest) < cards
    at_third = next(
        a.at for n, a in enumerate(there) if len({b.entity for b in there[: n + 1]}) == 3
    )
    assert own[0].at == last.opened_at == at_third
    assert len([alert for alert in alone if alert.group == terminal]) == 2  # shown before the third
    assert incident_text(own[1]).startswith(f"suspected fraud at terminal {terminal}: ")


def test_the_records_tell_every_change_once(alerts: list[EntityAlert]) -> None:
    changes, _ = follow(alerts)
    twice, _ = follow([*alerts, *alerts[::3]])
    assert twice == changes
    records = [incident_record(change) for change in changes]
    ids = [dict(record.headers)["ce_id"] for record in records]
    assert len(set(ids)) == len(ids)
    bodies: list[dict[str, Any]] = [orjson.loads(record.value or b"") for record in records]
    assert Counter(b["change"] for b in bodies)["opened"] == len({b["id"] for b in bodies})


def test_incidents_do_not_depend_on_how_often_alerts_are_looked_at(
    alerts: list[EntityAlert],
) -> None:
    def told(step: int) -> list[tuple[Turn, int, str, int]]:
        changes, _ = follow(alerts, step)
        kept = [change for change in changes if change.turn is not Turn.RENOTIFIED]
        return [(c.turn, c.at, c.incident.id, c.incident.opened_at) for c in kept]

    assert told(HOUR) == told(HOUR // 60) == told(DAY)
