"""Database connection: opening, retries of transient errors, and error messages without secrets.

No message holds a password: an address is shown without its secrets.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.types import TypeEngine

from streamsim.streams.errors import SourceError
from streamsim.streams.spec.input_maps import TableMap

T = TypeVar("T")

PATIENCE_S = 10.0
"""How long a database may be unavailable or locked before that is an error."""
CONNECT_S = 5
"""Connection time-out of a server."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_MAGIC = b"SQLite format 3\0"
_BUSY, _LOCKED = 5, 6
"""https://sqlite.org/rescode.html"""
_PASSING = ("08", "40", "53", "57")
"""Classes of SQLSTATE: connection, rollback, resources, operator; PostgreSQL's appendix A."""
_NO_LOCK = "55P03"
_REFUSED = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password")
"""Messages of permanent connection failures, for which the driver has no SQLSTATE."""
_SECRET = ("pass", "secret", "token", "key")


def is_sqlite(path: Path) -> bool:
    """Say whether a file is an SQLite database, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def sqlite_url(path: Path) -> str:
    """Return the address that opens a file read-only.

    >>> sqlite_url(Path("/data/people.sqlite"))
    'sqlite:///file%3A/data/people.sqlite?mode=ro&uri=true'
    """
    where = "file:" + quote(str(path.absolute()))
    return URL.create(
        "sqlite", database=where, query={"mode": "ro", "uri": "true"}
    ).render_as_string()


class Database:
    """A database by its address.

    Parameters
    ----------
    url
        SQLAlchemy URL: ``sqlite:///file.db``, ``postgresql://user:password@host/name``.
    create
        Whether to create an SQLite file that does not exist.
    patience_s
        How long transient errors are retried.
    sleep
        Waits between retries (s).

    Raises
    ------
    SourceError
        If the kind of database is unknown, its driver is not installed, or the file does not exist
        or is truncated. A server is contacted only by the first :meth:`run`.
    """

    def __init__(
        self,
        url: str,
        *,
        create: bool = False,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience_s, self._sleep = patience_s, sleep
        parsed = _parse(url)
        self.name = _shown(parsed)
        self._secrets = _secrets(parsed)
        if parsed.get_backend_name() == "sqlite" and not create:
            _must_be_whole(parsed)
        self.engine = self._open(parsed)

    def _open(self, url: URL) -> sa.Engine:
        bounded = url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query
        options: dict[str, Any] = {"connect_timeout": CONNECT_S} if bounded else {}
        try:
            # Explicit pool: SQLAlchemy will change its default for SQLite in memory.
            engine = sa.create_engine(
                url, connect_args=options, hide_parameters=True, poolclass=sa.QueuePool
            )
        except ImportError as error:
            driver = error.name or url.get_driver_name()
            extra = " (pip install 'streamsim[postgresql]')" if driver == "psycopg" else ""
            raise SourceError(f"{self.name}: {driver} is not installed{extra}") from None
        except (sa.exc.SQLAlchemyError, TypeError, ValueError) as error:
            raise self._error(error) from None
        if engine.dialect.is_async:
            raise SourceError(f"{self.name}: {engine.driver} is a driver for asyncio, use another")
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _keep_bytes)
        return engine

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in one transaction; retry the whole of it after a transient error.

        If the connection breaks during a commit, its outcome is unknown: the work runs again.

        Raises
        ------
        SourceError
            If the error is permanent, or lasts longer than ``patience_s``.
        """
        pause, waited = _FIRST_PAUSE_S, 0.0
        began = time.monotonic()
        while True:
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except sa.exc.SQLAlchemyError as error:
                spent = max(waited, time.monotonic() - began)
                if not _passes(error) or spent + pause > self._patience_s:
                    raise self._error(error) from None
            self._sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def check(self, table: TableMap) -> dict[str, TypeEngine[Any]]:
        """Check that a table exists with its columns; return the columns with their types.

        Raises
        ------
        SourceError
            If the table or a column does not exist.
        """
        found = self.run(lambda connection: _look(connection, table.table))
        if not isinstance(found, dict):
            others = ", ".join(found[:20]) or "none"
            raise SourceError(f"{self.name}: no table {table.table}; there is {others}")
        if missing := [name for name in table.names if name not in found]:
            raise SourceError(
                f"{self.name}: table {table.table} has no column {', '.join(missing)}; "
                f"it has {', '.join(found)}"
            )
        return found

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _error(self, error: Exception) -> SourceError:
        """Return a driver's error in one line, without secrets."""
        said = str(getattr(error, "orig", None) or error).strip()
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return SourceError(f"{self.name}: {' '.join(said.split()) or type(error).__name__}")


def _look(connection: sa.Connection, table: str) -> dict[str, TypeEngine[Any]] | list[str]:
    """Return a table's columns, or the names of all tables if it does not exist."""
    inspector = sa.inspect(connection)
    try:
        # A column of a type that SQLAlchemy does not know is read as its driver returns it.
        with warnings.catch_warnings(action="ignore", category=sa.exc.SAWarning):
            return {c["name"]: c["type"] for c in inspector.get_columns(table)}
    except sa.exc.NoSuchTableError:
        return sorted([*inspector.get_table_names(), *inspector.get_view_names()])


def _parse(url: str) -> URL:
    if url.startswith("postgres://"):  # hosts hand this out, and SQLAlchemy has another name
        url = "postgresql://" + url.removeprefix("postgres://")
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except sa.exc.NoSuchModuleError:
        kind = parsed.drivername
        raise SourceError(
            f"no kind of database {kind!r}; sqlite and postgresql are known"
        ) from None
    except ImportError:
        return parsed  # the driver is missing: _open reports it
    except (sa.exc.ArgumentError, ValueError):
        # No part of the address is shown: any part may be the password.
        raise SourceError(
            "not the address of a database; one is like sqlite:///file.db or "
            "postgresql://user:password@host:5432/name"
        ) from None
    if parsed.get_backend_name() != "sqlite" and "@" in (parsed.database or ""):
        # Not shown: what follows the first sign may be the rest of the password.
        raise SourceError(
            "the address has an @ behind its host; write signs in a password as %40 for @, %2F for "
            "/, %23 for #, %3A for :"
        )
    return parsed


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        place = url.database or ":memory:"
        return unquote(place.removeprefix("file:")) if _is_uri(url) else place
    host = (url.host or "").rpartition("@")[2] or None
    return url.set(query={}, host=host).render_as_string(hide_password=True)


def _secrets(url: URL) -> list[str]:
    """Return the secrets of an address, in plain and URL-quoted form."""
    found = [str(url.password or "")]
    # If a password holds an unescaped @, the part after it is parsed as the host.
    found.append((url.host or "").rpartition("@")[0])
    for name, value in url.query.items():
        if any(part in name.lower() for part in _SECRET):
            found += [value] if isinstance(value, str) else value
    return [written for secret in found if secret for written in (secret, quote(secret, safe=""))]


def _is_uri(url: URL) -> bool:
    return (url.database or "").startswith("file:")


def _must_be_whole(url: URL) -> None:
    """Refuse a file that does not exist, since SQLite would create it, or that is truncated.

    A database ends with a whole page. SQLite reads the rest of a partial page as zeros, so rows
    would be lost silently. (https://sqlite.org/fileformat2.html#the_database_header)
    """
    place = _shown(url)
    path = Path(place)
    if is_sqlite(path):
        with path.open("rb") as file:
            size = int.from_bytes(file.read(18)[16:])
            length = file.seek(0, os.SEEK_END)
        if length % (1 << 16 if size == 1 else size or 1):
            raise SourceError(f"{place}: cut off, {length} bytes are not a whole database")
    elif not _is_uri(url) and place != ":memory:" and not path.is_file():
        raise SourceError(f"{place}: no such file")


def _keep_bytes(connection: Any, record: object) -> None:
    """Read texts that are not UTF-8 as bytes, so that other rows stay readable."""
    connection.text_factory = _text_or_bytes


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _passes(error: sa.exc.SQLAlchemyError) -> bool:
    """Say whether an error is transient."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    state = getattr(error.orig, "sqlstate", None)
    if code is not None:
        return code & 0xFF in (_BUSY, _LOCKED)
    if error.connection_invalidated or state == _NO_LOCK:
        return True
    if state is not None:
        return str(state).startswith(_PASSING)
    said = str(error.orig)
    return isinstance(error, sa.exc.OperationalError) and not any(no in said for no in _REFUSED)
