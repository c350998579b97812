"""Ways into a database, and what is said where there is none."""

from __future__ import annotations

import shutil
import sqlite3
import traceback
from pathlib import Path

import pytest

from streamsim.producers.connect import is_sqlite, sqlite_url
from streamsim.producers.database import ChangePoller
from streamsim.producers.upsert import Update, UpsertTable
from streamsim.streams.errors import SourceError
from tests.customers import TABLE, contents, do, everything, sqlite_file

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    table = UpsertTable(sqlite_file(folder), TABLE)
    table.upsert([Update(str(i), i, {"age": "a" * 50}) for i in range(300)])
    table.close()
    return folder / "customers.db"


@pytest.fixture
def file(tmp_path: Path, original: Path) -> Path:
    """A database of 300 households, in several pages."""
    return Path(shutil.copy(original, tmp_path))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "not the address of a database"),
        (PASSWORD, "not the address of a database"),
        (f"postgresql://ann:{PASSWORD}@host:port/crm", "not the address of a database"),
        (f"mysql+pymysql://ann:x@{PASSWORD}@host/crm", r"ann:\*\*\*@host/crm: pymysql is not"),
        (f"oracular://ann:{PASSWORD}@host/crm", "no kind of database 'oracular'"),
        (f"postgresql+pg9000://ann:{PASSWORD}@host/crm", "no kind of database"),
        (f"mysql+pymysql://ann:{PASSWORD}@host/crm", r"ann:\*\*\*@host/crm: pymysql is not inst"),
        (f"mysql+pymysql://ann:12/{PASSWORD}@host/crm", "pymysql is not installed"),
        ("sqlite:////no/such/file.db", "/no/such/file.db: no such file"),
        ("sqlite:///file:/no/such/file.db?mode=ro&uri=true", "/no/such/file.db: unable to open"),
        ("sqlite://", "no table customers; there is none"),
    ],
)
def test_what_is_no_database_is_said_without_a_password(
    url: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        ChangePoller(url, TABLE).poll()
    assert PASSWORD not in str(caught.value) + caplog.text
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_polling_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        ChangePoller(sqlite_file(tmp_path), TABLE)
    assert list(tmp_path.iterdir()) == []


def test_other_databases_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"not installed|not written"):
        UpsertTable("mysql+pymysql://host/crm", TABLE)
    with pytest.raises(SourceError, match="unable to open"):
        UpsertTable(f"sqlite:///{tmp_path}/none/customers.db", TABLE)


@pytest.mark.parametrize("name", ["a b.sqlite", "a%20b?c#d&e=f;é.sqlite", "%25.db", "file:x.db"])
def test_a_file_of_any_name_is_opened_for_reading_only(file: Path, name: str) -> None:
    path = file.rename(file.with_name(name))
    url = sqlite_url(path)
    poller = ChangePoller(url, TABLE)
    assert len(everything(poller)) == 300
    poller.close()
    with pytest.raises(Exception, match="readonly"):
        do(url, "DELETE FROM customers")
    with pytest.raises(SourceError, match="readonly") as caught:
        UpsertTable(url, TABLE).upsert([Update("1", 0, {})])
    assert str(path) in str(caught.value)


def test_a_database_is_known_by_its_first_bytes(file: Path, tmp_path: Path) -> None:
    assert is_sqlite(file)
    (tmp_path / "text.sqlite").write_bytes(b"SQLite format 3, they say")
    (tmp_path / "empty.sqlite").touch()
    for other in ("text.sqlite", "empty.sqlite", "none.sqlite", "."):
        assert not is_sqlite(tmp_path / other)


@pytest.mark.parametrize("kept", [16, 99, 100, 4096, 4097, 8192, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_said_to_be_one(file: Path, kept: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
    with pytest.raises(SourceError, match=r"customers.db: .*(malformed|not a database|cut off)"):
        everything(ChangePoller(sqlite_url(file), TABLE))


@pytest.mark.parametrize("place", range(0, 60_000, 3_001))
def test_a_corrupt_file_is_read_or_said_to_be_one(file: Path, place: int) -> None:
    damaged = bytearray(file.read_bytes())
    damaged[place : place + 200] = b"\xff" * min(200, len(damaged) - place)
    file.write_bytes(damaged)
    poller = ChangePoller(sqlite_url(file), TABLE)
    try:
        assert len(everything(poller)) <= 300
    except SourceError as error:
        assert str(file) in str(error)  # noqa: PT017
    finally:
        poller.close()


def test_a_lock_is_waited_for(file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")
    pauses: list[float] = []

    def sleep(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 3:
            other.rollback()

    poller = ChangePoller(f"sqlite:///{file}?timeout=0", TABLE, sleep=sleep)
    assert len(poller.poll()) == 300
    assert len(pauses) == 3
    poller.close()
    other.close()


def test_a_lock_is_not_waited_for_without_end(file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")
    pauses: list[float] = []
    poller = ChangePoller(f"sqlite:///{file}?timeout=0", TABLE, patience_s=5, sleep=pauses.append)
    with pytest.raises(SourceError, match=r"customers.db: database is locked"):
        poller.poll()
    assert 2.5 < sum(pauses) <= 5
    other.rollback()
    assert len(poller.poll()) == 300  # nothing has been taken for read
    poller.close()
    other.close()


def test_a_version_that_is_no_integer_is_an_error(file: Path) -> None:
    do(f"sqlite:///{file}", "UPDATE customers SET row_version = 'x' WHERE household_id = '7'")
    poller = ChangePoller(sqlite_url(file), TABLE)
    with pytest.raises(SourceError, match=r"row_version of customers.*in row '7' it is 'x'"):
        poller.poll()
    poller.close()
    assert len(contents(f"sqlite:///{file}")) == 300
