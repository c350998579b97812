"""Read files of events a chunk at a time: Parquet, CSV, JSON Lines.

No file is loaded whole, and no line makes a reader fail: what cannot be read becomes a row
without values that keeps the line's own bytes, so that the cleaner can judge and bury it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from streams.codec import decode_objects
from streams.errors import SourceError

ROWS = 50_000
MAX_LINE = 4 << 20
"""Of a longer line, only so many bytes are kept; it is dead anyway."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, with the bytes that each was read from.

    ``raw`` is ``None`` for a file that has no lines (Parquet).
    """

    frame: pd.DataFrame
    raw: Sequence[bytes] | None

    def original(self, row: int) -> bytes:
        """Return what a row looked like in the file, as near as can be."""
        if self.raw is not None:
            return self.raw[row]
        values = self.frame.iloc[row].to_dict()
        return orjson.dumps({str(k): None if pd.isna(v) else str(v) for k, v in values.items()})


def columns_of(path: Path) -> list[str]:
    """Return the names of a file's columns.

    Raises
    ------
    SourceError
        If the file is missing, empty, or of no known kind.
    """
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return [str(name) for name in pq.read_schema(path).names]
        with path.open("rb") as file:
            head = file.readline(MAX_LINE)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # pyarrow's errors about a file's content
        raise SourceError(f"{path}: not a Parquet file ({error})") from None
    if path.suffix == ".csv":
        return _cells(head.rstrip(b"\r\n"))
    if path.suffix in (".jsonl", ".ndjson"):
        return list(decode_objects([head.strip()])[0][0] or {})
    raise SourceError(f"{path}: unknown kind of file; .parquet, .csv and .jsonl are read")


def read_chunks(path: Path, columns: Sequence[str], rows: int = ROWS) -> Iterator[Chunk]:
    """Read a file's columns, ``rows`` rows at a time, in the order of the file.

    Raises
    ------
    SourceError
        If the file cannot be read on.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path, columns, rows)
    if path.suffix == ".csv":
        return _read_csv(path, columns, rows)
    return _read_json_lines(path, columns, rows)


def _read_parquet(path: Path, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(rows, columns=list(columns)):
                # As objects, integers beside missing values keep all their digits.
                yield Chunk(batch.to_pandas(integer_object_nulls=True), None)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path}: {error}") from None


def _read_csv(path: Path, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    with path.open("rb") as file:
        header = _cells(file.readline(MAX_LINE).rstrip(b"\r\n"))
        wanted = [header.index(name) for name in columns]
        for lines in _lines(file, rows):
            records = []
            for line in lines:
                cells = _cells(line)
                fits = len(cells) == len(header)
                records.append([cells[i] or None for i in wanted] if fits else [None] * len(wanted))
            yield Chunk(pd.DataFrame(records, columns=list(columns), dtype=object), lines)


def _read_json_lines(path: Path, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    with path.open("rb") as file:
        for lines in _lines(file, rows):
            objects, _ = decode_objects(lines)
            values: list[list[Any]] = [[(o or {}).get(name) for name in columns] for o in objects]
            yield Chunk(pd.DataFrame(values, columns=list(columns), dtype=object), lines)


def _lines(file: io.BufferedReader, rows: int) -> Iterator[list[bytes]]:
    """Read lines without their ends; of an over-long one, keep the beginning."""
    lines: list[bytes] = []
    while line := file.readline(MAX_LINE):
        if not line.endswith(b"\n") and len(line) == MAX_LINE:
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        if line.strip():
            lines.append(line.rstrip(b"\r\n"))
        if len(lines) >= rows:
            yield lines
            lines = []
    if lines:
        yield lines


def _cells(line: bytes) -> list[str]:
    """Split a line of CSV; none for one that is not such a line. A cell ends with its line."""
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):
        return []
