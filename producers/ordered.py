"""Rows of a file in order of a numeric column, sorted on disk by a temporary SQLite database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from streamsim.producers.readers import ROWS, Chunk, read_chunks
from streamsim.streams.spec.input_maps import PLACE, Dialect

_WHOLE = re.compile(r"\s*-?\d{1,18}\s*", re.ASCII)
_PAGES_KIB = 16_384
"""Page cache of the database (KiB)."""


def read_ordered(
    path: Path, columns: Sequence[str], dialect: Dialect, by: str, rows: int = ROWS
) -> Iterator[Chunk]:
    """Read a file's columns in the order of one of them, with each row's place in that order.

    Rows with the same number stay in the order of the file; a row without a number stays after the
    row before it.

    Raises
    ------
    SourceError
        If reading the file fails.
    """
    with closing(sqlite3.connect("")) as base:
        base.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        base.execute("CREATE TABLE line (number INTEGER, cells BLOB, raw BLOB)")
        last = -(2**63)
        for chunk in read_chunks(path, columns, dialect, rows):
            frame = chunk.frame if chunk.raw is not None else _plain(chunk.frame)
            raws = chunk.raw if chunk.raw is not None else [None] * len(frame)
            numbers = []
            for value in frame[by].tolist():
                last = _number(value, last)
                numbers.append(last)
            cells = (orjson.dumps(row) for row in frame.to_numpy(object).tolist())
            base.executemany(
                "INSERT INTO line VALUES (?, ?, ?)", zip(numbers, cells, raws, strict=True)
            )
        base.execute("CREATE INDEX place ON line (number)")
        found = base.execute("SELECT cells, raw FROM line ORDER BY number, rowid")
        place = 0
        while lines := found.fetchmany(rows):
            frame = pd.DataFrame(
                [orjson.loads(cells) for cells, _ in lines], columns=list(columns), dtype=object
            )
            frame[PLACE] = range(place, place + len(lines))
            place += len(lines)
            raw = [own for _, own in lines]
            yield Chunk(frame, None if raw[0] is None else raw)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return typed columns as JSON types: instants in ms, ``None`` for missing values."""
    columns = {}
    for name, column in frame.items():
        if column.dtype.kind == "M":
            column = column.dt.as_unit("ms").astype("int64").where(column.notna())
            column = column.astype("Int64")
        columns[name] = column.astype(object).where(column.notna(), None)
    return pd.DataFrame(columns)


def _number(value: Any, last: int) -> int:
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    return int(text) if _WHOLE.fullmatch(text) else last
