"""Rows of a file in order of a number or instant, sorted on disk by a temporary SQLite database."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import orjson
import pandas as pd

from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Instants
from streamsim.streams.spec.input_maps import COUNT, PLACE
from streamsim.streams.tables.row_readers import ROWS, read_chunks
from streamsim.streams.tables.table import Chunk, Table

_WHOLE = re.compile(r"\s*-?\d{1,18}\s*", re.ASCII)
_DECIMAL = re.compile(r"\s*-?\d{1,15}\.\d*\s*", re.ASCII)
_PAGES_KIB = 16_384
"""Page cache of the database (KiB)."""


def read_ordered(
    table: Table,
    columns: Sequence[str],
    by: str | Callable[[pd.DataFrame], pd.Series],
    rows: int = ROWS,
) -> Iterator[Chunk]:
    """Read a file's columns in order, with each row's place in that order.

    The order is that of the numbers or instants of a column, or of what is made of several (ms).
    Rows with the same number stay in the order of the file; a row without a number stays after the
    row before it.

    Raises
    ------
    SourceError
        If reading the file fails.
    """
    with closing(sqlite3.connect("")) as base:
        base.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
        base.execute(
            "CREATE TABLE line (number INTEGER, cells BLOB, raw BLOB, line INTEGER, bad TEXT)"
        )
        last: float = -(2**63)
        for chunk in read_chunks(table, columns, rows):
            raws = chunk.raw if chunk.raw is not None else [None] * len(chunk.frame)
            numbers = []
            for number in _places(chunk.frame, by):
                last = last if number is None else number
                numbers.append(last)
            cells = (_dumped(row) for row in chunk.frame.to_numpy(object).tolist())
            bad = map(chunk.bad.get, range(len(chunk.frame)))
            base.executemany(
                "INSERT INTO line VALUES (?, ?, ?, ?, ?)",
                zip(numbers, cells, raws, chunk.numbers, bad, strict=True),
            )
        base.execute("CREATE INDEX place ON line (number)")
        found = base.execute("SELECT cells, raw, line, bad FROM line ORDER BY number, rowid")
        place, (count,) = 0, base.execute("SELECT count(*) FROM line").fetchone()
        while lines := found.fetchmany(rows):
            frame = pd.DataFrame(
                [orjson.loads(cells) for cells, *_ in lines], columns=list(columns), dtype=object
            )
            frame[PLACE] = range(place, place + len(lines))
            frame.attrs[COUNT] = count
            place += len(lines)
            raw = [own for _, own, *_ in lines]
            wrong = {row: why for row, (*_, why) in enumerate(lines) if why is not None}
            yield Chunk(frame, None if raw[0] is None else raw, [n for *_, n, _ in lines], wrong)


def _dumped(row: list[Any]) -> bytes:
    try:
        return orjson.dumps(row)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits keeps its digits as a text
        return orjson.dumps([str(v) if type(v) is int else v for v in row])


def _places(
    frame: pd.DataFrame, by: str | Callable[[pd.DataFrame], pd.Series]
) -> list[float | None]:
    if isinstance(by, str):
        return _numbers(frame[by])
    return [None if at == NO_TIME else at for at in by(frame).tolist()]


def _numbers(column: pd.Series) -> list[float | None]:
    """Return numbers, instants in ms, and ``None`` for other values."""
    found = list(map(_number, column.tolist()))
    if not any(own is None for own in found):
        return found
    stamps = Instants().read(column).tolist()
    pairs = zip(found, stamps, strict=True)
    return [own if own is not None or at == NO_TIME else at for own, at in pairs]


def _number(value: Any) -> float | None:
    if type(value) is float:
        return value if math.isfinite(value) else None
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None
