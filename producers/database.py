"""A table of a database as a source: who asks it again and again what has changed since.

Rows carry a version, an integer that every change sets higher, so that changes are found by an
index and without a trigger or the database's log. What that cannot see: what was between two
polls, and that a row was deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from streamsim.producers.changes import Change, integer_of, text_of, times_of
from streamsim.producers.connect import PATIENCE_S, Database
from streamsim.streams.errors import SourceError, UsageError
from streamsim.streams.reading.feeds import identifier
from streamsim.streams.spec.input_maps import TableMap

OVERLAP = 1000
"""So many versions before the highest are looked at again."""
MAX_TEXT = 1 << 16
"""Of a longer text only so many characters are read; no field may be as long."""
_ISO = 'YYYY-MM-DD"T"HH24:MI:SS.US'


@dataclass(frozen=True, slots=True)
class Position:
    """How far a table has been read.

    Parameters
    ----------
    version
        The highest version so far, ``None`` before the first.
    seen
        Versions and keys that were read among the last :data:`OVERLAP` versions. Without them
        nothing is lost, but rows with these versions come a second time.
    """

    version: int | None = None
    seen: tuple[tuple[int, str], ...] = ()

    def dump(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps({"version": self.version, "seen": self.seen})

    @classmethod
    def load(cls, data: bytes) -> Position:
        """Read it from JSON.

        Raises
        ------
        UsageError
            If the JSON says no position.

        Examples
        --------
        >>> Position.load(Position(7, ((6, "27"), (7, "4"))).dump())
        Position(version=7, seen=((6, '27'), (7, '4')))
        """
        try:
            written = orjson.loads(data)
            version, seen = written["version"], written["seen"]
            return cls(version and int(version), tuple((int(v), str(k)) for v, k in seen))
        except (ValueError, TypeError, KeyError):
            raise UsageError("no position in a table") from None


class ChangePoller:
    """Reads what has changed in a table since it was last asked.

    Parameters
    ----------
    url
        Of the database, as SQLAlchemy has it.
    table
        Which table, and what its columns are.
    page
        How many rows a poll gives at most.
    overlap
        How many versions a transaction may fall behind the newest one that can be read, and
        still be seen; see the notes.
    patience_s, sleep
        See :class:`streamsim.producers.connect.Database`.

    Notes
    -----
    A row that changes twice between two polls comes once, with its newest values: only the
    newest version of a row is in the table. A row that is deleted just does not come any more,
    and one without a version never does.

    Concurrent writers may commit in another order than that in which they took their versions: 7
    can be read before 6 is there. So every poll looks at the last ``overlap`` versions again,
    and leaves out those that it knows. One that comes later than that is lost: where versions do
    not go up by one (they are microseconds, or servers take them by the thousand), ``overlap``
    must be as much larger. What was polled last of a row is what is there, even if it has a lower
    version than before. With :class:`streamsim.producers.upsert.UpsertTable` versions are
    committed in their order, on any database.

    Raises
    ------
    SourceError
        See :class:`streamsim.producers.connect.Database`.
    """

    def __init__(
        self,
        url: str,
        table: TableMap,
        page: int = 1000,
        *,
        overlap: int = OVERLAP,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if page < 1 or overlap < 0:
            raise UsageError(f"a page of {page} rows and an overlap of {overlap}: too few")
        self._table, self._page, self._overlap = table, page, overlap
        self._at_version = table.names.index(table.version)
        self._database = Database(url, patience_s=patience_s, sleep=sleep)
        self._select: sa.Select[Any] | None = None
        self._instants = table.instants
        self.position = Position()
        """How far it has read; set it to go on from where another one was."""

    def poll(self) -> list[Change]:
        """Return what has changed, by version; at most a page, none if there is nothing new.

        Within a poll versions rise. A later poll may give a lower one, of a transaction that was
        committed late.

        Raises
        ------
        SourceError
            If the database cannot be reached or read, if table or columns are missing, or if a
            version is no integer. The position has not changed then.
        """
        if self._select is None:
            self._select = self._prepare()
        select, known = self._select, set(self.position.seen)
        if self.position.version is not None:
            floor = max(self.position.version - self._overlap, -1 << 63)
            select = select.where(self._versions >= floor)
        select = select.limit(self._page + len(known))
        rows = self._database.run(lambda connection: connection.execute(select).all())
        pairs = [(self._version(row), text_of(row[0]) or "") for row in rows]
        fresh = [i for i, pair in enumerate(pairs) if pair not in known][: self._page]
        changes = self._changes([rows[i] for i in fresh])
        if changes:
            self.position = self._after({pairs[i] for i in fresh})
        return changes

    def close(self) -> None:
        """Close the connection; the next poll opens it again."""
        self._database.close()

    @property
    def _versions(self) -> sa.ColumnClause[int]:
        return sa.column(self._table.version, sa.BigInteger)

    def _prepare(self) -> sa.Select[Any]:
        """Check that everything is there, and say how it is read."""
        types = self._database.check(self._table)
        dialect = self._database.engine.dialect.name
        if dialect == "postgresql" and _is_time(types[self._table.updated_at]):
            self._instants = replace(self._instants, pattern="", believe_offset=True)
        return (
            sa.select(*(_readable(name, types[name], dialect) for name in self._table.names))
            .select_from(sa.table(self._table.table))
            .where(self._versions.is_not(None))
            .order_by(self._versions, sa.column(self._table.key))
        )

    def _version(self, row: sa.Row[Any]) -> int:
        value = row[self._at_version]
        if type(value) is int:
            return value
        if not isinstance(value, str | float) and (version := integer_of(value)) is not None:
            return version
        raise SourceError(
            f"{self._database.name}: {self._table.version} of {self._table.table} is to be an "
            f"integer, and of row {row[0]!r} it is {value!r}"
        )

    def _changes(self, rows: Sequence[sa.Row[Any]]) -> list[Change]:
        names = self._table.names
        named = [dict(zip(names, row, strict=True)) for row in rows]
        times = times_of([row[self._table.updated_at] for row in named], self._instants)
        return [
            Change(
                int(row[self._table.version]),
                identifier(text_of(row[self._table.key])),
                event_time,
                {field: row[column] for field, column in self._table.columns.items()},
                row,
            )
            for row, event_time in zip(named, times, strict=True)
        ]

    def _after(self, read: set[tuple[int, str]]) -> Position:
        highest = max(version for version, _ in read)
        if self.position.version is not None:
            highest = max(highest, self.position.version)
        seen = (
            pair for pair in read.union(self.position.seen) if pair[0] >= highest - self._overlap
        )
        return Position(highest, tuple(sorted(seen)))


def _readable(name: str, kind: TypeEngine[Any], dialect: str) -> sa.ColumnElement[Any]:
    """Return a column so that no value of it can make a whole page unreadable, or huge."""
    column: sa.ColumnElement[Any] = sa.column(name)
    if _is_time(kind) and dialect == "postgresql":
        # The driver knows no infinity, nor a year after 9999.
        zoned = bool(getattr(kind, "timezone", False))
        instant = sa.func.timezone("UTC", column) if zoned else column
        written = sa.func.to_char(instant, _ISO + '"Z"' * zoned)
        column = sa.func.coalesce(written, sa.cast(column, sa.Text))
    elif isinstance(kind, sa.String | sa.LargeBinary):
        column = sa.func.substr(column, 1, MAX_TEXT)
    return column.label(name)


def _is_time(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, sa.Date | sa.DateTime)
