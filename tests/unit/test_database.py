"""What changes in a table is polled once, on SQLite and on PostgreSQL, by any writer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from streamsim.producers.database import ChangePoller, Position
from streamsim.producers.upsert import Update, UpsertTable, must_be_free, write_instant
from streamsim.streams.errors import SourceError, UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Instants
from tests.customers import SOURCE, TABLE, contents, do, everything, sqlite_file

HOUR = 3_600_000


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return sqlite_file(tmp_path)
    address: str = request.getfixturevalue("postgresql")
    return address


@pytest.fixture
def table(url: str) -> Iterator[UpsertTable]:
    table = UpsertTable(url, TABLE)
    yield table
    table.close()


@pytest.fixture
def poller(url: str, table: UpsertTable) -> Iterator[ChangePoller]:
    poller = ChangePoller(url, TABLE)
    yield poller
    poller.close()


def updates(*ages: tuple[str, object]) -> list[Update]:
    return [Update(key, HOUR, {"age": age}) for key, age in ages]


def insert(key: str, version: object, age: str = "35-44") -> str:
    """Write what another program than ours would."""
    return (
        "INSERT INTO customers (household_id, row_version, updated_at, age)"
        f" VALUES ('{key}', {version}, '2020-01-01T00:00:00Z', '{age}')"
    )


def test_every_change_comes_once_with_what_is_in_the_row(
    table: UpsertTable, poller: ChangePoller
) -> None:
    assert poller.poll() == []
    assert table.upsert([Update("0027", 5, {"age": "65+", "kids": 2})]) == [1]
    (change,) = poller.poll()
    assert (change.version, change.key, change.event_time) == (1, "27", 5)
    assert change.values == {"age": "65+", "household_size": None, "kids": "2"}
    assert change.row["household_id"] == "0027"
    assert poller.poll() == []


def test_a_row_that_changes_twice_comes_once_as_it_is_now(
    table: UpsertTable, poller: ChangePoller
) -> None:
    table.upsert(updates(("1", "a"), ("2", "b")))
    table.upsert([Update("1", 2 * HOUR, {"kids": "3"})])
    changes = poller.poll()
    assert [(c.key, c.version, c.event_time) for c in changes] == [
        ("2", 2, HOUR),
        ("1", 3, 2 * HOUR),
    ]
    assert changes[1].values == {"age": "a", "household_size": None, "kids": "3"}


def test_the_same_row_may_be_written_twice_in_one_transaction(
    table: UpsertTable, poller: ChangePoller
) -> None:
    assert table.upsert(updates(("1", "a"), ("1", "b"))) == [1, 2]
    assert [(c.version, c.values["age"]) for c in poller.poll()] == [(2, "b")]


def test_a_poll_gives_no_more_than_a_page(url: str, table: UpsertTable) -> None:
    table.upsert(updates(*((str(i), "a") for i in range(25))))
    poller = ChangePoller(url, TABLE, page=10)
    assert [len(poller.poll()) for _ in range(4)] == [10, 10, 5, 0]
    poller.close()


def test_rows_that_share_a_version_are_not_lost_between_pages(url: str, table: UpsertTable) -> None:
    do(url, "DROP TABLE customers", "CREATE TABLE customers (household_id TEXT, row_version BIGINT,"
       " updated_at TEXT, age TEXT, household_size TEXT, kids_count TEXT)",
       *(insert(str(i), 7) for i in range(10)))  # fmt: skip
    poller = ChangePoller(url, TABLE, page=3, overlap=0)
    assert sorted(int(c.key or "") for c in everything(poller)) == list(range(10))
    poller.close()


@pytest.mark.parametrize("page", [1, 3, 100])
def test_whoever_goes_on_loses_nothing_and_repeats_nothing(
    url: str, table: UpsertTable, page: int
) -> None:
    table.upsert(updates(*((str(i), "a") for i in range(7))))
    first = ChangePoller(url, TABLE, page=page)
    before = [first.poll(), first.poll()]
    kept = first.position.dump()
    first.poll()  # and dies before it has said so
    first.close()
    table.upsert(updates(*((str(i), "b") for i in range(5, 9))))
    second = ChangePoller(url, TABLE, page=page)
    second.position = Position.load(kept)
    versions = [c.version for c in [*before[0], *before[1], *everything(second)]]
    assert versions == sorted(set(versions))
    assert versions[-4:] == [8, 9, 10, 11]
    assert set(range(1, 6)) <= set(versions)  # 6 and 7 may have been replaced unseen
    second.close()


def test_a_bare_version_repeats_rather_than_loses(url: str, table: UpsertTable) -> None:
    table.upsert(updates(*((str(i), "a") for i in range(9))))
    poller = ChangePoller(url, TABLE, overlap=2)
    poller.position = Position(5)
    assert [c.version for c in poller.poll()] == [3, 4, 5, 6, 7, 8, 9]
    poller.close()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version": "x", "seen": []}',
                                  b'{"version": 1, "seen": [1]}'])  # fmt: skip
def test_what_is_no_position_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        Position.load(data)


class Writer:
    """A transaction of somebody else, who takes a version long before the commit.

    SQLite has one writer at a time, so that it writes only when it commits there.
    """

    def __init__(self, url: str, statement: str) -> None:
        self._engine, self._statement = sa.create_engine(url), statement
        self._connection = self._engine.connect()
        if self._engine.dialect.name != "sqlite":
            self._connection.exec_driver_sql(statement)
            self._statement = ""

    def commit(self) -> None:
        if self._statement:
            self._connection.exec_driver_sql(self._statement)
        self._connection.commit()
        self._connection.close()
        self._engine.dispose()


def test_a_version_that_is_committed_late_is_seen(url: str, poller: ChangePoller) -> None:
    slow, quick = Writer(url, insert("1", 1)), Writer(url, insert("2", 2))
    quick.commit()
    assert [c.version for c in poller.poll()] == [2]
    resumed = ChangePoller(url, TABLE)
    resumed.position = Position.load(poller.position.dump())
    slow.commit()
    for one in (poller, resumed):
        assert [c.version for c in one.poll()] == [1]
        assert one.poll() == []
        assert one.position.version == 2
    resumed.close()


def test_a_version_that_comes_later_than_the_overlap_is_lost(url: str, table: object) -> None:
    slow = Writer(url, insert("1", 1))
    do(url, *(insert(str(i), i) for i in range(2, 7)))
    wide, narrow = ChangePoller(url, TABLE, overlap=5), ChangePoller(url, TABLE, overlap=4)
    assert [len(everything(one)) for one in (wide, narrow)] == [5, 5]
    slow.commit()
    assert [len(everything(one)) for one in (wide, narrow)] == [1, 0]
    wide.close()
    narrow.close()


def test_versions_of_concurrent_writers_are_committed_in_their_order(url: str) -> None:
    """Without any overlap nothing is lost, nothing comes twice, and versions rise."""
    rounds, together = 12, Barrier(3)

    def write(me: int) -> list[int]:
        together.wait()
        table = UpsertTable(url, TABLE)  # all make it at the same time
        versions = [
            version
            for i in range(rounds)
            for version in table.upsert(
                updates((f"{me}-{i % 4}", i), (f"all-{i % 3}", f"{me}-{i}"))
            )
        ]
        table.close()
        return versions

    UpsertTable(url, replace(TABLE, table="other")).close()  # so that there is a file
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, me) for me in range(3)]
        poller = None
        seen = []
        while wait(writers, timeout=0.005).not_done or poller is None:
            if poller is None:
                poller = _polling(url)
            else:
                seen += poller.poll()
    seen += everything(poller)
    poller.close()
    taken = [version for writer in writers for version in writer.result()]
    assert sorted(taken) == list(range(1, 3 * 2 * rounds + 1))
    versions = [c.version for c in seen]
    assert versions == sorted(set(versions))
    newest = {str(c.row["household_id"]): (c.version, c.values["age"]) for c in seen}
    assert newest == contents(url, "row_version", "age")


def _polling(url: str) -> ChangePoller | None:
    """Begin to poll as soon as there is a table."""
    poller = ChangePoller(url, TABLE, page=5, overlap=0)
    try:
        poller.position = Position(0)
        assert poller.poll() is not None
    except SourceError:
        poller.close()
        return None
    poller.position = Position()
    return poller


def test_versions_go_on_above_those_of_others(
    url: str, table: UpsertTable, poller: ChangePoller
) -> None:
    table.upsert(updates(("1", "a")))
    do(url, insert("2", 40))
    assert table.upsert(updates(("1", "b"))) == [41]
    do(url, "DELETE FROM customers")
    assert table.upsert(updates(("1", "c"))) == [42]  # one that was used does not come again
    assert [c.version for c in poller.poll()] == [42]


def test_nothing_is_written_if_anything_cannot_be(table: UpsertTable, poller: ChangePoller) -> None:
    with pytest.raises(SourceError, match="no column for shoe_size"):
        table.upsert([*updates(("1", "a")), Update("2", 0, {"shoe_size": 9})])
    assert poller.poll() == []
    assert table.upsert([]) == []
    assert table.upsert(updates(("1", "a"))) == [1]


def test_a_table_that_no_simulation_has_made_is_not_touched(url: str) -> None:
    do(url, "CREATE TABLE customers (household_id TEXT PRIMARY KEY, row_version BIGINT,"
       " updated_at TEXT, age TEXT, household_size TEXT, kids_count TEXT)",
       insert("7", 40))  # fmt: skip
    before = contents(url, "row_version", "age")
    for write in (UpsertTable, must_be_free):
        with pytest.raises(SourceError, match="customers that no simulation has made"):
            write(url, TABLE)
    assert contents(url, "row_version", "age") == before


def test_a_world_begins_with_an_empty_table_and_leaves_none(url: str) -> None:
    must_be_free(url, TABLE)
    first = UpsertTable(url, TABLE)
    first.upsert(updates(("1", "a"), ("2", "b")))
    first.close()  # as if it had been killed
    must_be_free(url, TABLE)
    second = UpsertTable(url, TABLE)
    second.begin()
    assert second.upsert(updates(("1", "c"))) == [1]
    assert contents(url, "row_version") == {"1": (1,)}
    second.leave()
    do(url, "CREATE TABLE customers (id TEXT)", "CREATE TABLE streamsim_customers (id TEXT)")


@pytest.mark.parametrize(
    "instants",
    [
        Instants(),
        Instants("%d.%m.%Y %H:%M:%S", zone="America/New_York"),
        Instants(zone="Europe/Berlin", believe_offset=False),
    ],
)
def test_times_are_read_as_they_are_written(url: str, instants: Instants) -> None:
    times = [0, 1_500_000_000_000, 1_700_000_001_000]
    kind = replace(TABLE, instants=instants)
    table, poller = UpsertTable(url, kind), ChangePoller(url, kind)
    table.upsert([Update(str(i), time, {}) for i, time in enumerate(times)])
    assert [c.event_time for c in poller.poll()] == times
    assert poller.poll() == []
    written = [write_instant(time, instants) for time in times]
    assert [v for (v,) in contents(url, "updated_at").values()] == written
    table.close()
    poller.close()


def test_a_time_that_cannot_be_read_is_none(
    url: str, table: UpsertTable, poller: ChangePoller
) -> None:
    do(url, insert("1", 1), "UPDATE customers SET updated_at = 'yesterday'")
    (change,) = poller.poll()
    assert change.event_time == NO_TIME
    assert change.row["updated_at"] == "yesterday"


def test_a_missing_table_or_column_is_named(url: str, table: object) -> None:
    def say(**parts: Any) -> str:
        poller = ChangePoller(url, replace(TABLE, **parts))
        with pytest.raises(SourceError) as caught:
            poller.poll()
        poller.close()
        return str(caught.value)

    assert "no table clients; there is customers, streamsim_customers" in say(table="clients")
    assert "has no column shoe, hat; it has household_id" in say(
        columns={"shoe": "shoe", "hat": "hat", "age": "age"}
    )
    assert "has no column serial" in say(version="serial")


def test_a_row_without_a_version_is_not_a_change(url: str) -> None:
    do(url, "CREATE TABLE customers (household_id TEXT, row_version BIGINT, updated_at TEXT,"
       " age TEXT, household_size TEXT, kids_count TEXT)",
       insert("1", "NULL"), insert("2", -5))  # fmt: skip
    poller = ChangePoller(url, TABLE)
    assert [c.key for c in everything(poller)] == ["2"]
    poller.close()


def test_nobody_asks_for_pages_of_nothing(url: str, table: object) -> None:
    with pytest.raises(UsageError):
        ChangePoller(url, TABLE, page=0)


def test_the_tables_of_the_tests_are_those_of_the_source() -> None:
    assert {f.name for f in SOURCE.fields} == {TABLE.key, *TABLE.columns}
