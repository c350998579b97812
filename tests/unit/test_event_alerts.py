"""Alerts of event rules: which events raise one, what it says, and what it leaves as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
import orjson
import pytest

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.core.stores import state_fingerprint
from streamsim.consumers.monitor.cooldown import Cooldown
from streamsim.consumers.monitor.event_alerts import event_alerts
from streamsim.producers.batches import finale
from streamsim.producers.recording import Recording
from streamsim.simulator.in_process import InProcess, Score, as_records
from streamsim.simulator.report.alert_lines import alert_line
from streamsim.simulator.report.kept_records import Kept, KeptRecords, report_topics
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.run_report import (
    as_text,
    domain_report,
    whole_report,
)
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.simulator.testing.replay import record_world
from streamsim.simulator.testing.scenario import Scenario
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, Mask, Matrix, Outbound, Records, as_objects
from streamsim.streams.spec import DAY, HOUR, MINUTE, DomainSpec, EventRule
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import TRUTH, topic
from tests.property.chained import signature
from tests.property.driving import checksum

FINANCE = load_domain("finance")
MODEL_RULE = FINANCE.alerting.rule.name
DAYS, FRAUD = 2, 20.0
START = 1_736_121_600_000  # 2025-01-06, a Monday


def is_large(events: Events, features: Mapping[str, Matrix]) -> Mask:
    large: Mask = (events.integers("amount_cents") >= 10_000) & (features["night"] == 1)
    return large


LARGE = EventRule(
    name="large_at_night",
    formula="alert if a payment at night is of at least 100 EUR",
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
"""Card, minutes after the start, cents, and 1 if it is at night."""


def rows_of(rows: list[Row]) -> tuple[Events, Matrix]:
    card, minute, cents, night = zip(*rows, strict=True)
    n = len(rows)
    time = START + np.array(minute) * MINUTE
    columns = {"amount_cents": np.array(cents), "terminal_id": as_objects(["t1"] * n)}
    ids = as_objects([f"e{i}" for i in range(n)])
    partition = np.array([int(c[1:]) % 2 for c in card])
    events = Events(
        "transactions", partition, np.arange(n), time, time, time, ids, as_objects(card), columns
    )
    features = np.zeros((n, len(FINANCE.features.vector.names)), np.float32)
    features[:, FINANCE.features.vector.names.index("night")] = night
    return events, features


@pytest.mark.parametrize(
    ("rows", "raised"),
    [
        ([("c1", 0, 10_000, 1)], ["e0"]),
        ([("c1", 0, 9_999, 1)], []),
        ([("c1", 0, 10_000, 0)], []),
        ([("c1", 0, 10_000, 1), ("c2", 0, 10_000, 1)], ["e0", "e1"]),
        ([("c1", 0, 10_000, 1), ("c1", 59, 10_000, 1)], ["e0"]),
        ([("c1", 0, 10_000, 1), ("c1", 60, 10_000, 1)], ["e0", "e1"]),
        ([("c1", 0, 9_999, 1), ("c1", 30, 10_000, 1)], ["e1"]),
    ],
    ids=["at", "below", "by day", "two cards", "in cool-down", "after it", "none to cool down"],
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
    found = event_alerts(spec, *rows_of([("c1", 0, 10_000, 1), ("c1", 1, 10_000, 1)]), own)
    bodies = [orjson.loads(record.value or b"") for record in found]
    assert [(body["rule"], body["severity"]) for body in bodies] == [
        ("large_at_night", "warning"),
        ("large_again", "critical"),
        ("large_again", "critical"),
    ]


def test_what_an_alert_says() -> None:
    own = {LARGE.name: Cooldown(LARGE.cooldown, 2)}
    (record,) = event_alerts(RULED, *rows_of([("c1", 0, 10_050, 1)]), own)
    body, headers = orjson.loads(record.value or b""), dict(record.headers)
    assert (record.topic, record.partition, record.key) == ("finance.alerts", 1, b"c1")
    assert headers["ce_id"] == b"large_at_night:finance.transactions:1:0"
    assert headers["ce_type"] == b"io.github.streamsim.finance.large_at_night"
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


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record_world(FINANCE, seed=3, days=DAYS, fraud=FRAUD)


def truth() -> list[bytes]:
    """Return what the recorded world has planted."""
    slices = FINANCE.world.make(3, {**FINANCE.world.options, "fraud": FRAUD}).slices()
    known = takewhile(lambda s: s.until <= FINANCE.world.epoch + DAYS * DAY, slices)
    emissions = (emission for piece in known for emission in piece.emissions)
    return [v for emission in emissions if emission.source == TRUTH for v in emission.values]


@pytest.fixture(scope="module")
def plain(recording: Recording) -> list[Outbound]:
    return ran(FINANCE, recording)


@pytest.fixture(scope="module")
def ruled(recording: Recording) -> list[Outbound]:
    return ran(RULED, recording)


def ran(spec: DomainSpec, recording: Recording) -> list[Outbound]:
    """Run a recording, scored by checksum."""
    domain = InProcess(spec, checksum, signature(spec))
    return list(domain.run(as_records(spec, recording.batches(spec))))


def report(spec: DomainSpec, recording: Recording, outputs: list[Outbound]) -> dict[str, Any]:
    """Return the report of a run without workers, as JSON and as text."""
    sources = [topic(spec.name, source.name) for source in spec.inputs.sources]
    nothing = {(name, p): 0 for name in sources for p in range(spec.partitions)}
    kept = KeptRecords({t.name: [] for t in report_topics(spec)})
    for record in (*recording.records, *outputs):
        if record.topic in kept.topics:
            kept.topics[record.topic].append(Kept(record.value, record.timestamp))
    kept.topics[topic(spec.name, TRUTH)] = [Kept(value, 0) for value in truth()]
    made = domain_report(spec, Ledger(spec), nothing, kept, 1.0)
    whole = whole_report(broker="none", seed=3, workers=0, seconds=1.0, domains={"finance": made})
    return {**made, "text": as_text(whole)}


def test_a_run_counts_both_and_judges_the_models_alerts_alone(
    recording: Recording, plain: list[Outbound], ruled: list[Outbound]
) -> None:
    without, found = report(FINANCE, recording, plain), report(RULED, recording, ruled)
    assert without["alerts"] > 0
    assert without["alert_quality"]["planted"] > 0
    assert found["alert_quality"] == without["alert_quality"]
    more = found["alerts_by_rule"][LARGE.name]
    assert more > 0
    assert found["alerts_by_rule"] == {MODEL_RULE: without["alerts"], LARGE.name: more}
    assert found["alerts"] == without["alerts"] + more
    assert "alerts_by_rule" not in without
    shown = f"alerts     {found['alerts']:,}: {without['alerts']:,} {MODEL_RULE}, precision"
    assert shown in found["text"]
    assert f"; {more:,} {LARGE.name}" in found["text"]


def test_a_rule_changes_no_other_record(plain: list[Outbound], ruled: list[Outbound]) -> None:
    own = f"io.github.streamsim.finance.{LARGE.name}".encode()
    rest = [record for record in ruled if dict(record.headers).get("ce_type") != own]
    assert len(rest) < len(ruled)
    assert rest == plain


def payments(spec: DomainSpec) -> list[Records]:
    """Give four large payments of a card at night, each in a batch of its own."""
    events = Scenario(spec)
    for minute in (0, 20, 40, 60):
        at = START + minute * MINUTE
        events.add("transactions", at=at, card_id="c1", terminal_id="t1", amount_cents=10_000)
    last = finale(spec, START + HOUR)
    return list(as_records(spec, [*events.recording().batches(spec, 1), last], 1))


@pytest.mark.parametrize("scorer", [checksum, None], ids=["model", "no model"])
def test_a_restart_goes_on_with_the_cool_down(scorer: Score | None) -> None:
    records = payments(RULED)
    asked = signature(RULED) if scorer else None
    domain, found = InProcess(RULED, scorer, asked), list[Outbound]()
    restarts = 0
    for batch in records:
        found += domain.push(batch)
        if domain.pipeline.pending:
            continue
        old, restarts = domain.pipeline, restarts + 1
        domain.pipeline = Pipeline(RULED, asked, tables=old.tables)
        for p in range(RULED.partitions):
            part = old.snapshot(p)
            assert part is not None
            domain.pipeline.restore(p, [unpack(pack(part))])
    assert restarts > 4
    outcome = make_outcome(RULED, found, {})
    raised = [alert for alert in outcome.alerts if alert.rule == LARGE.name]
    assert [alert.time_ms for alert in raised] == [START, START + HOUR]
    later = outcome.expect_alert(LARGE.name, on="c1", after=START + MINUTE)
    assert str(later) == "2025-01-06 01:00:00  large_at_night on c1"
    outcome.expect_no_alert(LARGE.name, after=START + MINUTE, before=START + HOUR)


def test_a_reason_names_the_currency_of_its_event() -> None:
    vector = FINANCE.features.vector
    assert (
        vector.phrase("amount", 90.0, 23.25, {"currency": "GBP"}) == "usual amounts are 23.25 GBP"
    )
    for facts in ({}, {"currency": None}, {"currency": ""}):
        assert vector.phrase("amount", 90.0, 23.25, facts) == "usual amounts are 23.25 EUR"
    retail = load_domain("retail").alerting.rule
    bought = {"store_id": "7", "basket_id": "b", "amount_cents": 1_250, "currency": "GBP"}
    assert retail.sentence(bought) == "last seen at store 7, 12.50 GBP"
