"""Changed rows as events: what the cleaner makes of them, the unreadable included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from streamsim.producers.changes import Change, changes_as_emission
from streamsim.producers.database import MAX_TEXT, ChangePoller
from streamsim.producers.upsert import Update, UpsertTable
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import Field, Kind
from tests.customers import SOURCE, TABLE, cleaned, do, sqlite_file

COLUMNS = "household_id, row_version, updated_at, age"


def polled(url: str) -> list[Change]:
    poller = ChangePoller(url, TABLE)
    changes = poller.poll()
    poller.close()
    return changes


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = sqlite_file(tmp_path)
    UpsertTable(url, TABLE).close()
    return url


def test_changes_become_events_of_the_source(url: str) -> None:
    table = UpsertTable(url, TABLE)
    table.upsert([Update("0027", 9000, {"age": "65+"}), Update("C-4", 7000, {"kids": 2})])
    table.close()
    emission = changes_as_emission(polled(url), SOURCE)
    assert emission.source == "customers"
    assert emission.keys == [b"C-4", b"27"]  # by event time
    assert emission.event_time.tolist() == emission.clock.tolist() == [7000, 9000]
    events, dead = cleaned(emission)
    assert not dead
    assert events[1] == {
        "event_id": "customers-27-1",
        "event_time": 9000,
        "household_id": "27",
        "age": "65+",
        "household_size": None,
        "kids": None,
    }


def test_the_clock_does_not_go_back(url: str) -> None:
    table = UpsertTable(url, TABLE)
    table.upsert([Update(str(i), i, {}) for i in range(4)])
    table.close()
    assert changes_as_emission(polled(url), SOURCE, clock=2).clock.tolist() == [2, 2, 2, 3]


def test_what_cannot_be_read_is_dead_and_looks_as_it_did(url: str) -> None:
    do(
        url,
        f"INSERT INTO customers ({COLUMNS}) VALUES"
        " ('1', 1, '2020-01-01T00:00:00Z', 'fine'),"
        " ('2', 2, 'yesterday', 'no time'),"
        " ('', 3, '2020-01-01T00:00:00Z', 'no key'),"
        f" (X'ff00', 4, '2020-01-01T00:00:00Z', CAST(X'636166e9' AS TEXT))",
    )
    changes = polled(url)
    assert [c.key for c in changes] == ["1", "2", None, None]
    emission = changes_as_emission(changes, SOURCE)
    assert (np.diff(emission.clock) >= 0).all()
    assert emission.clock[0] == 0
    events, dead = cleaned(emission)
    assert [e["household_id"] for e in events] == ["1"]
    assert dead == ["event_id: missing"] * 3
    lost = {item["row_version"]: item for item in map(orjson.loads, emission.values)
            if "row_version" in item}  # fmt: skip
    assert lost[2]["updated_at"] == "yesterday"
    assert lost[3]["age"] == "no key"
    assert lost[4] == {
        "household_id": "\\xff\x00",
        "row_version": 4,
        "updated_at": "2020-01-01T00:00:00Z",
        "age": "caf\\xe9",
        "household_size": None,
        "kids_count": None,
    }


def test_of_a_long_text_only_the_beginning_is_read(url: str) -> None:
    do(url, f"INSERT INTO customers ({COLUMNS}) VALUES"
       f" ('1', 1, '2020-01-01T00:00:00Z', hex(zeroblob({MAX_TEXT})))")  # fmt: skip
    changes = polled(url)
    assert len(changes[0].values["age"]) == MAX_TEXT
    events, dead = cleaned(changes_as_emission(changes, SOURCE))
    assert not events
    assert dead[0].startswith("age: ")


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        (Kind.INTEGER, "7", 7),
        (Kind.INTEGER, " 7.0 ", 7),
        (Kind.INTEGER, 2**62 + 1, 2**62 + 1),
        (Kind.INTEGER, "7.5", None),
        (Kind.INTEGER, "1e999999999", None),
        (Kind.INTEGER, "1_000", None),
        (Kind.INTEGER, 2**70, None),
        (Kind.INTEGER, b"7", None),
        (Kind.NUMBER, "-1.5e3", -1500.0),
        (Kind.NUMBER, float("inf"), None),
        (Kind.NUMBER, "1_000", None),
        (Kind.NUMBER, "many", None),
        (Kind.STRING, 7, "7"),
        (Kind.STRING, True, "true"),
        (Kind.STRING, {"a": 1}, None),
        (Kind.TIME, "1970-01-01T00:00:05Z", 5000),
        (Kind.TIME, "soon", None),
    ],
)
def test_a_field_is_read_by_its_kind(kind: Kind, written: object, read: object) -> None:
    source = replace(SOURCE, fields=(SOURCE.fields[0], Field("what", kind, "")))
    change = Change(1, "27", 0, {"what": written}, {"household_id": "27", "what": str(written)})
    events, dead = cleaned(changes_as_emission([change], source), source)
    assert [event["what"] for event in events] == ([] if read is None else [read])
    assert len(dead) == (read is None)


def test_nothing_is_no_event() -> None:
    emission = changes_as_emission([], SOURCE)
    assert len(emission) == len(emission.event_time) == 0


def test_no_time_is_before_all_others() -> None:
    rows = [Change(1, "1", 5, {}, {}), Change(2, "2", NO_TIME, {}, {"what": 1})]
    emission = changes_as_emission(rows, SOURCE)
    assert emission.values[0] == b'{"what":1}'
