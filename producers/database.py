"""Change poller: a database table as a source, polled for rows with a new version.

Rows carry a version, an integer that every change increases. So changes are found by an index,
without a trigger or the database's log. Polling misses values that a row had between two polls, and
deletions.
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
from streamsim.streams.reading.identifiers import identifier
from streamsim.streams.spec.input_maps import TableMap

OVERLAP = 1000
"""How many versions below the highest one every poll reads again."""
MAX_TEXT = 1 << 16
"""Most characters that are read of a text; all fields are shorter."""
_ISO = 'YYYY-MM-DD"T"HH24:MI:SS.US'


@dataclass(frozen=True, slots=True)
class Position:
    """How far a table has been read.

    Parameters
    ----------
    version
        The highest version so far, ``None`` before the first.
    seen
        Versions and keys that were read among the last :data:`OVERLAP` versions. Without them no
        row is lost, but these rows are returned again.
    """

    version: int | None = None
    seen: tuple[tuple[int, str], ...] = ()

    def dump(self) -> bytes:
        """Return the position as JSON."""
        return orjson.dumps({"version": self.version, "seen": self.seen})

    @classmethod
    def load(cls, data: bytes) -> Position:
        """Read a position from JSON.

        Raises
        ------
        UsageError
            If the JSON is not a position.

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
            raise UsageError("not a position in a table") from None


class ChangePoller:
    """Reads the rows of a table that have changed since the last poll.

    Parameters
    ----------
    url
        SQLAlchemy URL of the database.
    table
        The table and its columns.
    page
        Most rows of a poll.
    overlap
        By how many versions a transaction may lag behind the newest readable one without being
        lost; see the notes.
    patience_s, sleep
        See :class:`streamsim.producers.connect.Database`.

    Notes
    -----
    A row that changes twice between two polls is returned once, with its newest values: the table
    holds only the newest version. Deleted rows, and rows without a version, are not returned.

    Concurrent writers may commit in another order than they took their versions: 7 can be readable
    before 6. So every poll reads the last ``overlap`` versions again, and leaves out rows that it
    has returned. A version that is committed later than that is lost. If versions grow by more than
    one (they are microseconds, or servers reserve them by the thousand), ``overlap`` must be
    larger by that factor. The last change returned for a row is its current content, even if its
    version is lower than before. :class:`streamsim.producers.upsert.UpsertTable` commits versions
    in order, on any database.

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
            raise UsageError(
                f"a page must have at least 1 row, an overlap at least 0: {page} and {overlap}"
            )
        self._table, self._page, self._overlap = table, page, overlap
        self._at_version = table.names.index(table.version)
        self._database = Database(url, patience_s=patience_s, sleep=sleep)
        self._select: sa.Select[Any] | None = None
        self._instants = table.instants
        self.position = Position()
        """How far it has read; set it to continue from another poller's position."""

    def poll(self) -> list[Change]:
        """Return the changed rows in order of version; at most a page, empty if there are none.

        A later poll may return a lower version, of a transaction that was committed late.

        Raises
        ------
        SourceError
            If the database cannot be reached or read, if table or columns are missing, or if a
            version is not an integer. The position is then unchanged.
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
        """Check the table's columns, and return the query."""
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
            f"{self._database.name}: {self._table.version} of {self._table.table} must be an "
            f"integer, but in row {row[0]!r} it is {value!r}"
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
    """Return the expression of a column whose values are all readable, and bounded in size."""
    column: sa.ColumnElement[Any] = sa.column(name)
    if _is_time(kind) and dialect == "postgresql":
        # The driver supports neither infinity nor years after 9999.
        zoned = bool(getattr(kind, "timezone", False))
        instant = sa.func.timezone("UTC", column) if zoned else column
        written = sa.func.to_char(instant, _ISO + '"Z"' * zoned)
        column = sa.func.coalesce(written, sa.cast(column, sa.Text))
    elif isinstance(kind, sa.String | sa.LargeBinary):
        column = sa.func.substr(column, 1, MAX_TEXT)
    return column.label(name)


def _is_time(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, sa.Date | sa.DateTime)
