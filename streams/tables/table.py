"""A file of rows: how it was recognised, and its rows in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson

from streamsim.streams.spec.input_maps import Dialect
from streamsim.streams.tables.heading import Heading

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file.

    Attributes
    ----------
    frame
        The values by column, as they are written: texts in CSV and XML.
    raw
        The original bytes of each; ``None`` for a file that has no lines (Parquet).
    numbers
        The line of each in its file, from 1; the row for Parquet.
    bad
        Row to reason, for the rows that could not be read.
    """

    frame: pd.DataFrame
    raw: Sequence[bytes] | None
    numbers: Sequence[int]
    bad: Mapping[int, str] = field(default_factory=dict)

    def original(self, row: int) -> bytes:
        """Return a row's original bytes, or for Parquet its values as JSON."""
        if self.raw is not None:
            return self.raw[row]
        values = self.frame.iloc[row].to_dict()
        return orjson.dumps({str(k): None if v is None else v for k, v in values.items()})


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows, recognised.

    Attributes
    ----------
    source
        The file, or an open one.
    kind
        ``parquet``, ``csv``, ``lines`` (JSON), ``cut`` (JSON objects over several lines),
        ``document`` (JSON in one object) or ``xml``.
    names
        Its columns, by its header or schema, or by its first rows.
    fixed
        Whether these are the columns of all rows: rows of JSON and XML may have others.
    note
        What else the file has that is not read; empty if nothing.
    """

    source: Path | IO[bytes]
    kind: str
    names: tuple[str, ...]
    dialect: Dialect
    fixed: bool = False
    heading: Heading | None = None
    encoding: str = "utf-8"
    note: str = ""
