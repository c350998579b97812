"""Records of incidents: CloudEvents, plain words, and what ``streamsim watch incidents`` shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from streamsim.consumers.monitor.incidents.incident import (
    Cause,
    Change,
    Incident,
    Members,
    Signal,
    Turn,
)
from streamsim.consumers.monitor.incidents.incident_records import (
    incident_line,
    incident_record,
    incident_text,
    read_incident,
)
from streamsim.consumers.monitor.incidents.silences import Silence
from streamsim.simulator.commands import watch
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DAY, HOUR, MINUTE
from streamsim.streams.topics import OPS_ALERTS, ops_topics

START = 1_736_121_600_000  # 2025-01-06T00:00:00Z
SINCE = START + 12 * HOUR + 5 * MINUTE
LATER = SINCE + 3 * HOUR
GROUP = Cause("finance", "suspected_fraud", "terminal t812")
SIGNAL = Signal(
    GROUP, LATER, True, False, 14, 3, "14 cards", members=Members("card", 14, ("c9", "c2"))
)
CARDS = Incident(GROUP, SINCE, SINCE + HOUR, SIGNAL, SIGNAL, 40, 14.0, LATER)
DRIFT = Cause("finance", "drift", "feature amount")
SHIFTED = Signal(DRIFT, SINCE, True, False, math.inf, 0.2, "drift inf, above 0.2", 500)
FEATURE = Incident(DRIFT, SINCE, SINCE, SHIFTED, SHIFTED, 2, math.inf, SINCE)
QUIET = Signal(GROUP, LATER + DAY, False, True, 0, 3, "no alerts")
CALM = Signal(DRIFT, LATER, False, True, 0.1, 0.2, "drift 0.1, against 0.2", 500)
SILENCE = Silence("ada", "known", until=START)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change(Turn.OPENED, LATER, CARDS),
         "suspected fraud at terminal t812: 14 cards since 12:05"),
        (Change(Turn.RENOTIFIED, LATER, CARDS),
         "suspected fraud at terminal t812: 14 cards since 12:05"),
        (Change(Turn.RESOLVED, LATER + DAY, replace(CARDS, resolved_at=LATER + DAY), QUIET),
         "suspected fraud at terminal t812: no alerts; 14 cards since 2025-01-06 12:05"),
        (Change(Turn.RESOLVED, LATER, replace(FEATURE, resolved_at=LATER), CALM),
         "drift, feature amount: drift 0.1, against 0.2; bad since 12:05"),
        (Change(Turn.OPENED, LATER, FEATURE),
         "drift, feature amount: drift inf, above 0.2, since 12:05"),
    ],
)  # fmt: skip
def test_plain_words(change: Change, text: str) -> None:
    assert incident_text(change) == text


def test_a_line_says_once_what_became_of_it_and_with_the_figure_of_then() -> None:
    change = Change(Turn.RESOLVED, LATER, replace(FEATURE, resolved_at=LATER), CALM)
    body = read_incident(incident_record(change).value)
    line = incident_line(body)
    assert line.lower().count("resolved") == 1
    assert "drift 0.1" in line
    assert "inf" not in line
    assert body["resolved_by"]["value"] == 0.1
    again = incident_line(
        read_incident(incident_record(Change(Turn.RENOTIFIED, LATER, CARDS)).value)
    )
    assert "  STILL OPEN  suspected fraud at terminal" in again


def test_a_record_is_a_cloud_event_with_what_opened_the_incident() -> None:
    change = Change(Turn.RENOTIFIED, LATER, CARDS)
    record = incident_record(change)
    headers = dict(record.headers)
    assert (record.topic, record.partition, record.timestamp) == (OPS_ALERTS, 0, LATER)
    assert headers["ce_type"] == b"io.github.streamsim.finance.incident"
    assert headers["ce_id"] == f"incident:{CARDS.id}:renotified:{LATER}".encode()
    assert headers["ce_subject"] == record.key == b"terminal t812"
    body = read_incident(record.value)
    assert body["members"] == {"noun": "card", "count": 14, "newest": ["c9", "c2"]}
    assert (body["id"], body["state"], body["count"]) == (CARDS.id, "open", 40)
    assert body["since"] == "2025-01-06T12:05:00.000Z"
    assert body["opened_by"]["text"] == "14 cards"
    (declared,) = (spec for spec in ops_topics() if spec.name == OPS_ALERTS)
    assert body.keys() >= set(declared.fields)


def test_each_change_has_an_id_of_its_own_and_a_repeat_has_the_same() -> None:
    changes = [Change(turn, at, CARDS) for turn in Turn for at in (LATER, LATER + 1)]
    ids = [dict(incident_record(change).headers)["ce_id"] for change in [*changes, *changes]]
    assert len(set(ids)) == len(changes)
    again = replace(CARDS, opened_at=CARDS.opened_at + 1)
    assert len({CARDS.id, again.id, FEATURE.id}) == 3


def test_a_number_that_json_lacks_is_null() -> None:
    body = read_incident(incident_record(Change(Turn.OPENED, SINCE, FEATURE)).value)
    assert (body["worst"], body["opened_by"]["value"], body["members"]) == (None, None, None)


def test_a_silenced_incident_is_recorded_with_who_and_why() -> None:
    body = read_incident(incident_record(Change(Turn.OPENED, LATER, CARDS), SILENCE).value)
    assert body["silenced"] == {
        "who": "ada", "why": "known", "until": "2025-01-06T00:00:00.000Z", "until_event_time": None,
    }  # fmt: skip


def test_a_foreign_record_is_none() -> None:
    whole = orjson.loads(incident_record(Change(Turn.OPENED, LATER, CARDS)).value or b"")
    for spoilt in (
        {**whole, "change": "vanished"},
        {**whole, "silenced": {}},
        {**whole, "text": 3},
        {name: value for name, value in whole.items() if name != "members"},
    ):
        with pytest.raises(ForeignRecordError):
            read_incident(orjson.dumps(spoilt))
    with pytest.raises(ForeignRecordError):
        read_incident(None)


class Told(Outbound):
    """A record as it is read from a broker."""

    offset = 7


def watched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **options: Any
) -> list[str]:
    other = Change(Turn.OPENED, SINCE, replace(FEATURE, cause=replace(DRIFT, domain="retail")))
    records = [
        incident_record(Change(Turn.OPENED, LATER, CARDS)),
        incident_record(Change(Turn.OPENED, SINCE, FEATURE), SILENCE),
        incident_record(other),
        Outbound(OPS_ALERTS, 0, None, b"by hand", 0, []),
    ]
    asked: list[str] = []

    def follow(address: str, topics: Any, *rest: Any) -> Iterator[tuple[str, Any]]:
        asked.extend(spec.name for spec in topics)
        yield from ((OPS_ALERTS, Told(*record)) for record in records)

    monkeypatch.setattr(watch, "_follow", follow)
    monkeypatch.setattr(watch.signal, "signal", lambda *_: None)
    given: dict[str, Any] = {"domain": None, "as_json": False, "count": None, **options}
    watch.run_watch(
        what="incidents", from_beginning=True, timeout=0, broker="localhost:9092", run=None, **given
    )
    assert asked == [OPS_ALERTS]
    return capsys.readouterr().out.splitlines()


def test_watch_shows_incidents_that_are_not_silenced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = watched(monkeypatch, capsys)
    first = incident_record(Change(Turn.OPENED, LATER, CARDS))
    assert lines[0] == incident_line(read_incident(first.value))
    assert lines[1].endswith("drift, feature amount: drift inf, above 0.2, since 12:05")
    assert lines[2] == "not a record of streamsim's (not JSON): by hand"
    assert len(lines) == 3
    assert len(watched(monkeypatch, capsys, domain="retail")) == 2


def test_watch_gives_programs_the_silenced_ones_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [orjson.loads(line) for line in watched(monkeypatch, capsys, as_json=True)]
    assert [line.get("id") for line in lines[:2]] == [CARDS.id, FEATURE.id]
    assert [bool(line.get("silenced")) for line in lines[:3]] == [False, True, False]
    (one,) = watched(monkeypatch, capsys, as_json=True, domain="retail", count=1)
    assert orjson.loads(one)["domain"] == "retail"
