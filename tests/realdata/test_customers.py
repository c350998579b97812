"""The retailer's real households, polled from their database."""

from __future__ import annotations

from pathlib import Path

from streamsim.producers.changes import changes_as_emission
from streamsim.producers.connect import is_sqlite, sqlite_url
from streamsim.producers.database import ChangePoller
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.identifiers import identifier
from tests.customers import SOURCE, TABLE, cleaned, contents, everything


def test_every_household_comes_once_and_is_readable(customers: Path) -> None:
    assert is_sqlite(customers)
    url = sqlite_url(customers)
    poller = ChangePoller(url, TABLE, page=100)
    changes = everything(poller)
    poller.close()
    assert [change.version for change in changes] == list(range(1, 802))
    assert all(change.event_time != NO_TIME for change in changes)
    assert {change.key for change in changes} == {identifier(key) for key in contents(url)}
    events, dead = cleaned(changes_as_emission(changes, SOURCE))
    assert not dead
    assert len({event["event_id"] for event in events}) == 801
    assert events[0]["event_id"] == "customers-1-1"
    times = [event["event_time"] for event in events]
    assert times == sorted(times)
