"""How rows of files and tables, and the answers of third parties, become events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamsim.streams.reading.feeds import Instants

if TYPE_CHECKING:
    import pandas as pd

FILE, ROW = "file", "row"
"""Attributes of a frame: name of its file without endings, and number of its first row."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written.

    Parameters
    ----------
    encoding
        Of CSV; JSON is UTF-8, and XML says it itself.
    delimiter
        Between the cells of CSV.
    row
        Name of the element that is a row of XML.
    trailing
        A row of CSV may end in one more delimiter than its header has.
    """

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    row: str = "row"
    trailing: bool = False


PLACE = "(place)"
"""Name of the column that says where a row is in the order of its file."""


@dataclass(frozen=True, slots=True)
class FileMap:
    """How the columns of a known kind of file become events.

    Parameters
    ----------
    columns
        The columns by which the kind is recognised; others are ignored unless ``optional``. In
        rows that are nested they are paths with dots (:mod:`streamsim.streams.reading.nested`).
    convert
        ``frame -> {source: frame of that source's fields}``. Each frame has ``event_time`` in
        ms (``NO_TIME`` where a row has none) and the index of the rows that it came from. What
        a row lacks stays missing: judging is the cleaner's work. ``frame.attrs`` says the
        :data:`FILE` that it is of, and which :data:`ROW` of it is the frame's first.
    order
        Column of a whole number by which the rows are put in order before they become events, for
        files that are in none; ``convert`` then finds each row's place, from 0, as the column
        :data:`PLACE`. Of text files and Parquet, whose instants are such numbers (ms); it is done
        on disk, and no file is held in memory.
    begin
        Makes, for each reading of a file, a ``convert`` with a memory of its own, for rows that say
        something only together with those before them.
    kinds
        Column whose text, up to ``//``, says of what kind a row is: rows that become no event are
        counted by it.
    """

    name: str
    columns: tuple[str, ...]
    convert: Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]]
    optional: tuple[str, ...] = ()
    dialect: Dialect = Dialect()
    order: str = ""
    begin: Callable[[], Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]]] | None = None
    kinds: str = ""


_ISO = Instants()


@dataclass(frozen=True, slots=True)
class TableMap:
    """How the rows of a database's table become events, one for each change that is seen.

    Parameters
    ----------
    source
        Name of the domain's source that they are events of.
    table
        Name of the table, or view.
    columns
        Fields of the event to columns of the table.
    key
        Column of the entity; no two rows have the same.
    version
        Column of an integer that every change of any row sets higher than all before it.
    updated_at
        Column that says when the row was changed: the event time.
    instants
        How ``updated_at`` is written, where it is a text; a column that the database knows to be
        an instant needs only ``zone``, and that only if it has none.
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
        """All columns that are read, each once."""
        own = (self.key, self.version, self.updated_at)
        return tuple(dict.fromkeys((*own, *self.columns.values())))
