"""Rows of a text file in the order of a number that they have, by way of a temporary database.

The file is read twice over: once to put its rows where they can be sorted on disk, once from there.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from producers.readers import ROWS, Chunk, read_chunks
from streams.errors import SourceError
from streams.world import PLACE, Dialect

_WHOLE = re.compile(r"\s*-?\d{1,18}\s*", re.ASCII)
_PAGES_KIB = 16_384
"""What the database may keep in memory."""


def read_ordered(
    path: Path, columns: Sequence[str], dialect: Dialect, by: str, rows: int = ROWS
) -> Iterator[Chunk]:
    """Read a file's columns in the order of one of them, with each row's place in that order.

    Rows with the same number stay in the order of the file; one without a number stays behind the
    row before it.

    Raises
    ------
    SourceError
        If the file cannot be read on, or is no text.
    """
    with closing(sqlite3.connect("")) as base:
        base.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        base.execute("CREATE TABLE line (number INTEGER, cells BLOB, raw BLOB)")
        last = -(2**63)
        for chunk in read_chunks(path, columns, dialect, rows):
            if chunk.raw is None:
                raise SourceError(f"{path}: only rows of text files can be put in order")
            numbers = []
            for value in chunk.frame[by]:
                last = _number(value, last)
                numbers.append(last)
            cells = (orjson.dumps(row) for row in chunk.frame.to_numpy(object).tolist())
            base.executemany(
                "INSERT INTO line VALUES (?, ?, ?)", zip(numbers, cells, chunk.raw, strict=True)
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
            yield Chunk(frame, [raw for _, raw in lines])


def _number(value: Any, last: int) -> int:
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    return int(text) if _WHOLE.fullmatch(text) else last
