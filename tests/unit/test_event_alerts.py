"""Alerts of event rules: which events raise one, what it says, and what it leaves as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import orjson
import pytest

from streamsim.consumers.core.stores import state_fingerprint
from streamsim.consumers.monitor.cooldown import Cooldown
from streamsim.consumers.monitor.event_alerts import event_alerts
from streamsim.models.loaded import Loaded
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.report.alert_lines import alert_line
from streamsim.simulator.report.judge import alert_quality, join_labels
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.run_report import as_text, domain_report, whole_report
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.simulator.testing.replay import record_world
from streamsim.simulator.testing.scenario import Scenario
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, Mask, Matrix, Outbound, as_objects
from streamsim.streams.spec import HOUR, MINUTE, DomainSpec, EventRule
from streamsim.streams.topics import topic
from tests.property.chained import signature
from tests.property.driving import checksum

FINANCE = load_domain("finance")
MODEL_RULE = FINANCE.alerting.rule.name
START = 1_736_121_600_000  # 2025-01-06, a Monday
NIGHT_ENDS = 6


def is_large(events: Events, features: Mapping[str, Matrix]) -> Mask:
    large: Mask = (events.integers("amount_cents") >= 10_000) & (features["hour"] < NIGHT_ENDS)
    return large


LARGE = EventRule(
    name="large_at_night",
    formula="alert if a payment before six is of at least 100 EUR",
    noun="card",
    facts=("amount_cents", "terminal_id"),
    condition=is_large,
    sentence=lambda facts: f"{facts['amount_cents'] / 100:.2f} EUR at {facts['terminal_id']}",
    cooldown=HOUR,
)


def with_rules(*rules: EventRule) -> DomainSpec:
    return replace(FINANCE, alerting=replace(FINANCE.alerting, event_rules=rules))


RULED = with_rules(LARGE)
Row = tuple[str, int, int, int]
"""Card, minutes after the start, cents, hour of the day."""


def rows_of(rows: list[Row]) -> tuple[Events, Matrix]:
    card, minute, cents, hour = zip(*rows, strict=True)
    n = len(rows)
    time = START + np.array(minute) * MINUTE
    columns = {"amount_cents": np.array(cents), "terminal_id": as_objects(["t1"] * n)}
    ids = as_objects([f"e{i}" for i in range(n)])
    partition = np.array([int(c[1:]) % 2 for c in card])
    events = Events(
        "transactions", partition, np.arange(n), time, time, time, ids, as_objects(card), columns
    )
    features = np.zeros((n, len(FINANCE.features.vector.names)), np.float32)
    features[:, FINANCE.features.vector.names.index("hour")] = hour
    return events, features


@pytest.mark.parametrize(
    ("rows", "raised"),
    [
        ([("c1", 0, 10_000, 3)], ["e0"]),
        ([("c1", 0, 9_999, 3)], []),
        ([("c1", 0, 10_000, 6)], []),
        ([("c1", 0, 10_000, 3), ("c2", 0, 10_000, 3)], ["e0", "e1"]),
        ([("c1", 0, 10_000, 3), ("c1", 59, 10_000, 3)], ["e0"]),
        ([("c1", 0, 10_000, 3), ("c1", 60, 10_000, 4)], ["e0", "e1"]),
        ([("c1", 0, 9_999, 3), ("c1", 30, 10_000, 3)], ["e1"]),
    ],
    ids=["at", "below", "by day", "two cards", "in cool-down", "after it", "no alert, no cool-down"],
)
def test_which_events_raise_an_alert(rows: list[Row], raised: list[str]) -> None:
    own = {LARGE.name: Cooldown(LARGE.cooldown, 2)}
    found = event_alerts(RULED, *rows_of(rows), own)
    assert [orjson.loads(record.value or b"")["event_id"] for record in found] == raised
    whole = {LARGE.name: Cooldown(LARGE.cooldown, 2)}
    parts = [event_alerts(RULED, *rows_of([row]), whole) for row in rows]
    assert sum(map(len, parts)) == len(raised)


def test_each_rule_has_a_cool_down_of_its_own() -> None:
    other = replace(LARGE, name="large_again", severity="critical", cooldown=0)
    spec = with_rules(LARGE, other)
    own = {rule.name: Cooldown(rule.cooldown, 2) for rule in (LARGE, other)}
    found = event_alerts(spec, *rows_of([("c1", 0, 10_000, 3), ("c1", 1, 10_000, 3)]), own)
    bodies = [orjson.loads(record.value or b"") for record in found]
    assert [(body["rule"], body["severity"]) for body in bodies] == [
        ("large_at_night", "warning"),
        ("large_again", "critical"),
        ("large_again", "critical"),
    ]


def test_what_an_alert_says() -> None:
    own = {LARGE.name: Cooldown(LARGE.cooldown, 2)}
    (record,) = event_alerts(RULED, *rows_of([("c1", 0, 10_050, 3)]), own)
    body, headers = orjson.loads(record.value or b""), dict(record.headers)
    assert (record.topic, record.partition, record.key) == ("finance.alerts", 1, b"c1")
    assert headers["ce_id"] == b"large_at_night:finance.transactions:1:0"
    assert headers["ce_type"] == b"streamsim.finance.large_at_night"
    assert body == {
        "rule": "large_at_night",
        "severity": "warning",
        "card": "c1",
        "seen": "100.50 EUR at t1",
        "facts": {"amount_cents": 10_050, "terminal_id": "t1"},
        "why": [],
        "event_id": "e0",
        "event_time": "2025-01-06T00:00:00.000Z",
        "source": {"topic": "finance.transactions", "partition": 1, "offset": 0},
    }
    assert alert_line(body) == "2025-01-06 00:00:00  WARNING   card c1: 100.50 EUR at t1"


@pytest.mark.parametrize("rules", [(LARGE, LARGE), (replace(LARGE, name=MODEL_RULE),)])
def test_two_rules_of_one_name_are_refused(rules: tuple[EventRule, ...]) -> None:
    with pytest.raises(UsageError, match="two alert rules have the same name"):
        with_rules(*rules)


def test_a_rule_shows_fields_of_the_event() -> None:
    with pytest.raises(UsageError, match="finance: transactions has no field colour"):
        with_rules(replace(LARGE, facts=("amount_cents", "colour")))


def test_a_rule_is_part_of_the_states_fingerprint() -> None:
    other = with_rules(replace(LARGE, name="other"))
    assert len({state_fingerprint(spec) for spec in (FINANCE, RULED, other)}) == 3


@cache
def ran(spec: DomainSpec) -> tuple[Outbound, ...]:
    """Run three days of the world of finance, scored by checksum."""
    recording = record_world(FINANCE, seed=3, days=3)
    domain = InProcess(spec, checksum, signature(spec))
    return tuple(domain.run(as_records(spec, recording.batches(spec))))
