"""What only PostgreSQL has: types of its own, connections that break, roles that are refused."""

from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from streamsim.producers.changes import changes_as_emission
from streamsim.producers.database import ChangePoller
from streamsim.simulator.brokers.broker import free_port
from streamsim.streams.errors import SourceError
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Instants
from streamsim.streams.spec import Field, Kind
from tests.customers import SOURCE, TABLE, cleaned, do

RICH = replace(
    TABLE,
    columns={"income": "income", "since": "since", "owner": "owner", "kids": "kids"},
)
FIELDS = (
    Field("household_id", Kind.STRING, ""),
    Field("income", Kind.NUMBER, "", required=False),
    Field("since", Kind.TIME, ""),
    Field("owner", Kind.STRING, ""),
    Field("kids", Kind.INTEGER, ""),
)
CREATE = """CREATE TABLE customers (household_id bigint PRIMARY KEY, row_version numeric,
    updated_at {}, income numeric, since date, owner boolean, kids smallint)"""


def test_values_of_the_database_s_own_types_are_read(postgresql: str) -> None:
    do(
        postgresql,
        CREATE.format("timestamptz"),
        "SET TIME ZONE 'Asia/Kolkata'",
        "SET DATESTYLE = 'German'",
        "INSERT INTO customers VALUES"
        " (27, 1, '2026-03-01 12:00:00.25+01', 1234.5, '2020-02-29', true, 2),"
        " (28, 2, 'infinity', 'NaN', 'infinity', false, 0),"
        " (29, 3, '20260-01-01', NULL, '2020-01-01', NULL, NULL)",
    )
    poller = ChangePoller(postgresql, replace(RICH, instants=Instants("%d.%m.%Y")))
    changes = poller.poll()
    poller.close()
    noon = int(datetime(2026, 3, 1, 11, 0, 0, 250_000, tzinfo=UTC).timestamp() * 1000)
    assert [c.event_time for c in changes] == [noon, NO_TIME, NO_TIME]
    emission = changes_as_emission(changes, replace(SOURCE, fields=FIELDS))
    (good,), dead = cleaned(emission, replace(SOURCE, fields=FIELDS))
    leap_day = int(datetime(2020, 2, 29, tzinfo=UTC).timestamp() * 1000)
    assert good == {
        "event_id": "customers-27-1",
        "event_time": noon,
        "household_id": "27",
        "income": 1234.5,
        "since": leap_day,
        "owner": "true",
        "kids": 2,
    }
    assert len(dead) == 2
    assert b'"updated_at":"infinity"' in emission.values[0]


def test_a_clock_without_a_zone_shows_that_of_the_map(postgresql: str) -> None:
    do(
        postgresql,
        CREATE.format("timestamp"),
        "INSERT INTO customers VALUES (1, 1, '2026-07-01 12:00:00', 1, '2020-02-29', true, 2)",
    )
    poller = ChangePoller(postgresql, replace(RICH, instants=Instants(zone="Europe/Berlin")))
    (change,) = poller.poll()
    poller.close()
    assert change.event_time == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp() * 1000


def test_a_connection_that_broke_is_made_again(postgresql: str) -> None:
    do(postgresql, CREATE.format("text"))
    pauses: list[float] = []
    poller = ChangePoller(postgresql, RICH, sleep=pauses.append)
    assert poller.poll() == []
    do(
        postgresql,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "INSERT INTO customers VALUES (1, 1, '2026-07-01', 1, '2020-02-29', true, 2)",
    )
    assert len(poller.poll()) == 1
    assert len(pauses) == 1
    poller.close()


@pytest.mark.usefixtures("postgresql_server")  # which knows whether there is a driver
def test_a_server_that_is_away_is_waited_for_and_then_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/crm?sslpassword=hunter3"
    pauses: list[float] = []
    poller = ChangePoller(url, TABLE, patience_s=3, sleep=pauses.append)
    with pytest.raises(SourceError, match=r"ann:\*\*\*@127.0.0.1.*refused") as caught:
        poller.poll()
    assert 1 < sum(pauses) <= 3
    assert pauses == sorted(pauses)
    assert "hunter" not in "".join(traceback.format_exception(caught.value)) + caplog.text


def test_who_is_refused_is_told_at_once(postgresql: str) -> None:
    url = postgresql.replace("tester@", "stranger:hunter2@")
    poller = ChangePoller(url, TABLE, sleep=lambda pause: pytest.fail("it will not change"))
    with pytest.raises(SourceError, match='role "stranger" does not exist') as caught:
        poller.poll()
    assert "hunter2" not in str(caught.value)
