"""Input maps: how rows of files and of database tables become events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamsim.streams.reading.formats import Instants

if TYPE_CHECKING:
    import pandas as pd

FILE, PART, ROW = "file", "part", "row"
"""Attributes of a frame: the name of its file without its ending; what to put before a number of a
row, so that it is the only one among several files, empty for a single file; and the number of its
first row."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Format of a text file.

    Parameters
    ----------
    encoding
        Encoding of CSV; JSON is UTF-8, and XML declares its own. A byte order mark overrules it.
    delimiter
        Delimiter of the cells of CSV; empty to find it. Between cells that are delimited by more
        than one character, nothing is quoted.
    row
        Name of the XML element that is a row.
    names
        The columns of a delimited file without a header.
    lines
        Pattern that each of the first lines of such a file matches whole; otherwise it has none of
        these columns.
    at
        Path of the rows within a JSON document that is one object; empty to find them.
    missing
        What stands for a value that is not there, besides an empty cell.
    """

    encoding: str = "utf-8"
    delimiter: str = ""
    row: str = "row"
    names: tuple[str, ...] = ()
    lines: str = ""
    at: str = ""
    missing: frozenset[str] = frozenset()


PLACE, COUNT = "(place)", "count"
"""Name of the column with a row's place in the order of its file, and of the frame's attribute with
the number of the file's rows: both only of a file that is read in an order."""


@dataclass(frozen=True, slots=True)
class FileMap:
    """How the columns of a known kind of file become events.

    Parameters
    ----------
    columns
        The columns by which the kind is recognised; others are ignored unless ``optional``. In
        nested rows they are paths with dots (:mod:`streamsim.streams.tables.nested`).
    convert
        ``frame -> {source: frame of that source's fields}``. Each frame has ``event_time`` in
        ms (``NO_TIME`` where a row has none) and the index of the rows that it was made from. A
        value that a row lacks stays missing: validation is the cleaner's work. ``frame.attrs`` has
        the name of its :data:`FILE` and the number of its first :data:`ROW`.
    order
        Integer column by which an unordered file is sorted before its rows become events, or what
        makes instants (ms) of its columns; ``convert`` then gets each row's place, from 0, as the
        column :data:`PLACE`. For text files and for Parquet, whose instants are such numbers (ms).
        The sort is on disk: no file is held in memory.
    begin
        Makes a ``convert`` with a memory of its own for each reading of a file, for rows that
        need those before them.
    kinds
        Column whose text, up to ``//``, is the kind of a row: rows that become no event are
        counted by it.
    files
        Pattern of the names of its files, in lower case, if they cannot be told by their columns.
    leads
        The source whose events are in the order of the file, and are its clock: the trigger, unless
        another is named. Events of other sources are sent when the clock has come to their time.
    refused
        Why files of this kind are not read, though they are recognised.
    written
        Fields of events to the columns that they are read from, where the names differ. A row
        whose column has a value that the field lacks is refused, with that value in the reason.
    strict
        Whether a file that names its columns must have the optional ones, too.
    flags
        Columns that say yes or no. A row in which one says neither is refused.
    undated
        Features that stand on times which such a file does not have, so that ``convert`` invents
        them. A model that learns from it leaves them out.
    """

    name: str
    columns: tuple[str, ...]
    convert: Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]]
    optional: tuple[str, ...] = ()
    dialect: Dialect = Dialect()
    order: str | Callable[[pd.DataFrame], pd.Series] = ""
    begin: Callable[[], Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]]] | None = None
    kinds: str = ""
    files: str = ""
    leads: str = ""
    refused: str = ""
    written: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    flags: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()

    def columns_are_in(self, names: set[str]) -> bool:
        """Say whether a file with columns of these names is of this kind."""
        return names.issuperset(self.columns)


_ISO = Instants()


@dataclass(frozen=True, slots=True)
class TableMap:
    """How the rows of a database table become events, one for each change that a poll finds.

    Parameters
    ----------
    source
        Name of the domain's source whose events they become.
    table
        Name of the table, or view.
    columns
        Fields of the event to columns of the table.
    key
        Column of the entity; unique.
    version
        Integer column that every change of any row sets higher than all before it.
    updated_at
        Column with the time of the row's last change: the event time.
    instants
        Format of ``updated_at`` if it is a text. A column of a timestamp type needs only ``zone``,
        and only if its type has no time zone.
    """

    source: str
    table: str
    columns: Mapping[str, str]
    key: str
    version: str = "row_version"
    updated_at: str = "updated_at"
    instants: Instants = _ISO

    @property
    def names(self) -> tuple[str, ...]:
        """All columns to read, each once."""
        own = (self.key, self.version, self.updated_at)
        return tuple(dict.fromkeys((*own, *self.columns.values())))
