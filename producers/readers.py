"""Readers of event files in chunks: Parquet, CSV, JSON Lines, XML.

Text files may be gzipped. No file is loaded whole, and no line makes a reader fail: an unreadable
line becomes a row without values that keeps the line's bytes, and the cleaner rejects it as dead.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import orjson
import pandas as pd

from streamsim.streams.codec import decode_objects
from streamsim.streams.errors import SourceError
from streamsim.streams.events import as_objects
from streamsim.streams.reading.delimited import cells_of, split_lines
from streamsim.streams.reading.nested import (
    Cutter,
    columns_at,
    declared_encoding,
    flat,
    parse_elements,
)
from streamsim.streams.spec.input_maps import Dialect

ROWS = 8_000
"""Rows of a chunk: the first are on their way while the others are read."""
MAX_LINE = 4 << 20
"""Most bytes kept of a line, or row of XML; a longer one is dead anyway."""
_PIECE = 1 << 18
_FIRST = 20
"""How many rows are read to recognise a file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a file, with the original bytes of each.

    ``raw`` is ``None`` for a file that has no lines (Parquet).
    """

    frame: pd.DataFrame
    raw: Sequence[bytes] | None

    def original(self, row: int) -> bytes:
        """Return a row's original bytes, or for Parquet its values as JSON."""
        if self.raw is not None:
            return self.raw[row]
        values = self.frame.iloc[row].to_dict()
        return orjson.dumps({str(k): None if pd.isna(v) else str(v) for k, v in values.items()})


def columns_of(path: Path, dialect: Dialect) -> list[str]:
    """Return the names of a file's columns, by its header, schema or first rows.

    In JSON and XML every row has its own fields: later rows may have more.

    Raises
    ------
    SourceError
        If the file is missing, empty, or of an unknown kind.
    """
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return [str(name) for name in pq.read_schema(path).names]
        with _open(path) as file:
            head = file.readline(MAX_LINE)
            more = [line.strip() for line in islice(_limited(file), _FIRST)]
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except ValueError as error:  # pyarrow's errors about a file's content
        raise SourceError(f"{path}: not a Parquet file ({error})") from None
    kind = _kind(path)
    if kind == ".csv":
        return cells_of(head.rstrip(b"\r\n"), dialect)
    if kind in (".jsonl", ".ndjson"):
        objects, _ = decode_objects([head.strip(), *more])
        return _names([dict(flat(item)) for item in objects if item is not None])
    if kind == ".xml":
        if not _mentions(path, f"<{dialect.row}".encode()):
            return []  # to cut the document into no rows would take long
        first = next(_elements(path, dialect, _FIRST), [])
        return _names([row for row in parse_elements(first, _encoding(path)) if row is not None])
    raise SourceError(
        f"{path}: unknown kind of file; .parquet, .csv, .tsv, .jsonl and .xml are read"
    )


_DELIMITED = (".csv", ".tsv", ".inter")
"""Delimited files with a header; the dialect names the delimiter."""


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))


def _kind(path: Path) -> str:
    """Return the suffix of the unpacked file; ``.csv`` for all delimited files."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return ".csv" if suffix in _DELIMITED else suffix


def _limited(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE):
        yield line


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def says_its_columns(path: Path) -> bool:
    """Say whether a file has a header or a schema that holds for all of its rows."""
    return _kind(path) in (".parquet", ".csv")


def read_chunks(
    path: Path, columns: Sequence[str], dialect: Dialect, rows: int = ROWS
) -> Iterator[Chunk]:
    """Read a file's columns, ``rows`` rows at a time, in the order of the file.

    Raises
    ------
    SourceError
        If reading the file fails.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path, columns, rows)
    if _kind(path) == ".csv":
        return _unpacked(path, _read_csv(path, columns, dialect, rows))
    if _kind(path) == ".xml":
        return _unpacked(path, _read_xml(path, columns, dialect, rows))
    return _unpacked(path, _read_json_lines(path, columns, rows))


def _unpacked(path: Path, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield chunks; raise :class:`SourceError` for a truncated or damaged gzip file."""
    try:
        yield from chunks
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: {error}") from None


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


def _read_csv(path: Path, columns: Sequence[str], dialect: Dialect, rows: int) -> Iterator[Chunk]:
    with _open(path) as file:
        header = cells_of(file.readline(MAX_LINE).rstrip(b"\r\n"), dialect)
        wanted = [header.index(name) for name in columns]
        for lines in _lines(file, rows):
            nothing = [""] * len(header)
            records = []
            for cells in split_lines(lines, dialect):
                if dialect.trailing and len(cells) == len(header) + 1 and not cells[-1]:
                    cells.pop()
                records.append(cells if len(cells) == len(header) else nothing)
            by_column = list(zip(*records, strict=True))
            found = [[cell or None for cell in by_column[i]] for i in wanted]
            yield Chunk(_frame(dict(zip(columns, found, strict=True)), len(lines)), lines)


def _read_json_lines(path: Path, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    with _open(path) as file:
        for lines in _lines(file, rows):
            objects, _ = decode_objects(lines)
            yield Chunk(_frame(columns_at(objects, columns), len(lines)), lines)


def _read_xml(path: Path, columns: Sequence[str], dialect: Dialect, rows: int) -> Iterator[Chunk]:
    encoding = _encoding(path)
    for elements in _elements(path, dialect, rows):
        parsed = [row or {} for row in parse_elements(elements, encoding)]
        found = {name: [row.get(name) for row in parsed] for name in columns}
        yield Chunk(_frame(found, len(elements)), elements)


def _frame(columns: Mapping[str, Sequence[Any]], n: int) -> pd.DataFrame:
    objects = {name: as_objects(values) for name, values in columns.items()}
    return pd.DataFrame(objects, index=pd.RangeIndex(n), dtype=object)


def _elements(path: Path, dialect: Dialect, rows: int) -> Iterator[list[bytes]]:
    """Split a document into the bytes of its rows."""
    cutter = Cutter(dialect.row, MAX_LINE)
    found: list[bytes] = []
    with _open(path) as file:
        while piece := file.read(_PIECE):
            for row in cutter.feed(piece):
                found.append(row)
                if len(found) >= rows:
                    yield found
                    found = []
    found += cutter.end()
    if found:
        yield found


def _mentions(path: Path, text: bytes) -> bool:
    """Say whether a file contains a text."""
    rest = b""
    with _open(path) as file:
        while piece := file.read(_PIECE):
            if text in rest + piece:
                return True
            rest = piece[-len(text) :]
    return False


def _encoding(path: Path) -> str:
    with _open(path) as file:
        return declared_encoding(file.read(200))


def _lines(file: IO[bytes], rows: int) -> Iterator[list[bytes]]:
    """Read lines without their line ends; keep the beginning of an over-long line."""
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
