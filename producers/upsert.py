"""Upsert table: writes a simulated world's changes into a database table."""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable, DropTable

from streamsim.producers.connect import PATIENCE_S, Database
from streamsim.streams.codec import format_times
from streamsim.streams.errors import SourceError
from streamsim.streams.reading.formats import Instants
from streamsim.streams.spec.input_maps import TableMap

_INSERTS: Mapping[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
MARK = "streamsim_"
"""The counter of a simulated table is called like it, with this before its name."""
log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Update:
    """New values of a row.

    Parameters
    ----------
    updated_at
        When the row changed (ms).
    values
        Fields of the event; an omitted field keeps its value.
    """

    key: str
    updated_at: int
    values: Mapping[str, object]


class UpsertTable:
    """A table with the columns of a map, created if it is missing; all but the version are texts.

    Versions come from a counter table, ``streamsim_<table>``. A writer locks the counter until its
    commit, so that versions are committed in order, on any database. The counter is also the mark
    that a simulation has made the table: it writes into no other.

    Raises
    ------
    SourceError
        If the database is neither SQLite nor PostgreSQL, cannot be reached or written, or has such
        a table that no simulation has made.
    """

    def __init__(
        self,
        url: str,
        table: TableMap,
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._map = table
        self._database = Database(url, create=True, patience_s=patience_s, sleep=sleep)
        dialect = self._database.engine.dialect.name
        if dialect not in _INSERTS:
            raise SourceError(
                f"{self._database.name}: {dialect} is not written; sqlite and postgresql are"
            )
        self._insert = _INSERTS[dialect]
        self._table = _table(table)
        self._counter = sa.Table(
            f"{MARK}{table.table}",
            sa.MetaData(),
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("last", sa.BigInteger, nullable=False),
        )
        # Building a statement takes longer than running it.
        self._take = self._taking()
        self._statements: dict[tuple[str, ...], sa.Insert] = {}
        try:
            self._database.run(self._create)
            self._database.check(table)
        except SourceError:
            self._database.close()
            raise

    def upsert(self, updates: Sequence[Update]) -> list[int]:
        """Write rows in one transaction, in order; return the version of each.

        Raises
        ------
        SourceError
            If the transaction fails; then no row is written.
        """
        if not updates:
            return []
        return self._database.run(lambda connection: self._upsert(connection, updates))

    def begin(self) -> None:
        """Empty the table: a world begins from its beginning.

        Raises
        ------
        SourceError
            If the transaction fails.
        """
        self._database.run(self._renew)

    def leave(self) -> None:
        """Drop the table with its counter, and close the connections."""
        try:
            self._database.run(self._drop)
        except SourceError as error:
            log.warning("the table %s stays: %s", self._table.name, error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _renew(self, connection: sa.Connection) -> None:
        self._drop(connection)
        self._create(connection)

    def _drop(self, connection: sa.Connection) -> None:
        _must_be_ours(connection, self._map)
        connection.execute(DropTable(self._table, if_exists=True))
        connection.execute(DropTable(self._counter, if_exists=True))

    def _create(self, connection: sa.Connection) -> None:
        name = self._table.name
        if connection.dialect.name == "postgresql":
            # IF NOT EXISTS alone is not safe there if two processes create at the same time.
            lock = zlib.crc32(name.encode())
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
        _must_be_ours(connection, self._map)
        # The mark is there first, and goes last: no table of ours is ever without it.
        connection.execute(CreateTable(self._counter, if_not_exists=True))
        connection.execute(CreateTable(self._table, if_not_exists=True))

    def _upsert(self, connection: sa.Connection, updates: Sequence[Update]) -> list[int]:
        last = int(connection.execute(self._take, {"n": len(updates)}).scalar_one())
        versions = list(range(last - len(updates) + 1, last + 1))
        rows = [self._row(u, version) for u, version in zip(updates, versions, strict=True)]
        for names, alike in groupby(rows, key=tuple):
            connection.execute(self._statement(names), list(alike))
        return versions

    def _statement(self, names: tuple[str, ...]) -> sa.Insert:
        """Return the statement that writes rows of these columns."""
        if names not in self._statements:
            insert = self._insert(self._table)
            changed = {name: insert.excluded[name] for name in names if name != self._map.key}
            self._statements[names] = insert.values(
                {name: sa.bindparam(name) for name in names}
            ).on_conflict_do_update(index_elements=[self._map.key], set_=changed)
        return self._statements[names]

    def _taking(self) -> sa.Executable:
        """Return the statement that takes the next ``n`` versions, and locks the counter."""
        counter, count = self._counter, sa.bindparam("n", type_=sa.BigInteger)
        version = self._table.c[self._map.version]
        first = sa.select(1, sa.func.coalesce(sa.func.max(version), 0) + count).where(sa.true())
        insert = self._insert(counter)
        # Another program may have written versions without the counter.
        next_ = counter.c.last + count
        higher = sa.case((insert.excluded.last > next_, insert.excluded.last), else_=next_)
        return (
            insert.from_select(["id", "last"], first)
            .on_conflict_do_update(index_elements=["id"], set_={"last": higher})
            .returning(counter.c.last)
        )

    def _row(self, update: Update, version: int) -> dict[str, Any]:
        columns = self._map.columns
        if unknown := set(update.values) - set(columns):
            names = ", ".join(sorted(unknown))
            raise SourceError(f"table {self._map.table} has no column for {names}")
        row: dict[str, Any] = {
            columns[field]: _written(value) for field, value in update.values.items()
        }
        row[self._map.key] = update.key
        row[self._map.version] = version
        row[self._map.updated_at] = write_instant(update.updated_at, self._map.instants)
        return row


def must_be_free(url: str, table: TableMap) -> None:
    """Refuse a database that a simulation could not write to, and change nothing in it.

    Raises
    ------
    SourceError
        If it cannot be reached, or has such a table that no simulation has made.
    """
    database = Database(url, create=True)
    try:
        database.run(lambda connection: _must_be_ours(connection, table))
    finally:
        database.close()


def _must_be_ours(connection: sa.Connection, table: TableMap) -> None:
    there = sa.inspect(connection)
    if there.has_table(table.table) and not there.has_table(f"{MARK}{table.table}"):
        raise SourceError(
            f"the database has a table {table.table} that no simulation has made; a simulated "
            "world writes only into a table of its own: give it another database"
        )


def write_instant(time_ms: int, instants: Instants) -> str:
    """Write an instant in a feed's format, with the precision of its pattern.

    >>> write_instant(0, Instants())
    '1970-01-01T00:00:00.000Z'
    >>> write_instant(0, Instants("%d.%m.%Y %H:%M", zone="Europe/Berlin"))
    '01.01.1970 01:00'
    """
    if not instants.pattern and instants.believe_offset:
        return format_times(np.array([time_ms]))[0]
    local = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(ZoneInfo(instants.zone))
    naive = local.replace(tzinfo=None)
    return naive.strftime(instants.pattern) if instants.pattern else naive.isoformat()


def _written(value: object) -> str | None:
    return None if value is None else str(value)


def _table(table: TableMap) -> sa.Table:
    own = (table.key, table.version, table.updated_at)
    rest = (name for name in table.names if name not in own)
    return sa.Table(
        table.table,
        sa.MetaData(),
        sa.Column(table.key, sa.Text, primary_key=True),
        sa.Column(table.version, sa.BigInteger, nullable=False, unique=True),
        sa.Column(table.updated_at, sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in rest),
    )
