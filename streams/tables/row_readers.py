"""Rows of every format that is read, in chunks, with the number and the bytes of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from streamsim.streams.errors import SourceError
from streamsim.streams.events import as_objects
from streamsim.streams.spec.input_maps import Dialect
from streamsim.streams.tables.container import name_of, opened, peek
from streamsim.streams.tables.delimited import split_lines
from streamsim.streams.tables.exact_json import decode_lines
from streamsim.streams.tables.json_cutter import JsonCutter
from streamsim.streams.tables.json_rows import Rows, document_rows, dump_row
from streamsim.streams.tables.nested import columns_at
from streamsim.streams.tables.table import Chunk, Table
from streamsim.streams.tables.text_lines import (
    MAX_LINE,
    limited_lines,
    numbered_chunks,
    text_file,
)
from streamsim.streams.tables.xml_rows import Cutter, fault_of, parse_elements

if TYPE_CHECKING:
    import pandas as pd

ROWS = 8_000
"""Rows of a chunk: the first are on their way while the others are read."""
MAX_DOCUMENT = 256 << 20
"""Largest JSON document that is one object: it is read whole."""
PIECE = 1 << 18


def text_in(file: IO[bytes], table: Table) -> IO[bytes]:
    """Return a file's text, recoded if need be; see :func:`text_file`."""
    return text_file(file, peek(file), table.dialect.encoding)[0]


def read_chunks(table: Table, columns: Sequence[str], rows: int = ROWS) -> Iterator[Chunk]:
    """Read columns of a file, ``rows`` rows at a time, in the order of the file.

    No file is loaded whole, but a JSON document that is one object. No line makes a reader fail: a
    row that cannot be read has no values, keeps its bytes, and says why.

    Raises
    ------
    SourceError
        If reading the file fails.
    """
    if table.kind == "parquet":
        yield from _parquet_chunks(table, columns, rows)
        return
    readers: Mapping[str, Callable[..., Iterator[Chunk]]] = {
        "csv": _csv, "lines": _lines, "cut": _cut, "document": _of_document, "xml": _of_xml,
    }  # fmt: skip
    with opened(table.source) as file:
        yield from readers[table.kind](text_in(file, table), table, columns, rows)


def _csv(file: IO[bytes], table: Table, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    heading = table.heading
    assert heading is not None
    for _ in islice(limited_lines(file), heading.line):
        pass
    wanted = [heading.names.index(name) for name in columns]
    for lines, numbers in numbered_chunks(file, heading.line + 1, rows):
        split = split_lines(lines, heading, table.encoding)
        by_column = list(zip(*split.cells, strict=True))
        found = [[cell or None for cell in by_column[i]] for i in wanted]
        frame = _frame(dict(zip(columns, found, strict=True)), len(lines))
        yield Chunk(frame, lines, numbers, split.bad)


def _lines(file: IO[bytes], table: Table, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    for lines, numbers in numbered_chunks(file, 1, rows):
        objects, bad = decode_lines(lines)
        yield Chunk(_frame(columns_at(objects, columns), len(lines)), lines, numbers, bad)


def _cut(file: IO[bytes], table: Table, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    for found, numbers in _in_groups(JsonCutter(MAX_LINE), file, rows):
        objects, bad = decode_lines(found)
        yield Chunk(_frame(columns_at(objects, columns), len(found)), found, numbers, bad)


def _in_groups(
    cutter: JsonCutter, file: IO[bytes], n: int
) -> Iterator[tuple[list[bytes], list[int]]]:
    found: list[tuple[int, bytes]] = []
    while piece := file.read(PIECE):
        for row in cutter.feed(piece):
            found.append(row)
            if len(found) >= n:
                yield [data for _, data in found], [line for line, _ in found]
                found = []
    found += cutter.end()
    if found:
        yield [data for _, data in found], [line for line, _ in found]


def _of_document(_: IO[bytes], table: Table, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    found = document_in(table)
    places = list(range(1, len(found.rows) + len(found.bad) + 1))
    good = iter(found.rows)
    items = [None if place in found.bad else next(good) for place in places]
    for begin in range(0, len(items), rows):
        part, numbers = items[begin : begin + rows], places[begin : begin + rows]
        wrong = {row: found.bad[n] for row, n in enumerate(numbers) if n in found.bad}
        raw = [dump_row(wrong[row].value if row in wrong else own) for row, own in enumerate(part)]
        bad = {row: own.reason for row, own in wrong.items()}
        yield Chunk(_frame(columns_at(part, columns), len(part)), raw, numbers, bad)


def _of_xml(file: IO[bytes], table: Table, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    for elements, numbers in elements_in(file, table.dialect, rows):
        parsed = parse_elements(elements, table.encoding)
        bad = {row: fault_of(elements[row]) for row, own in enumerate(parsed) if own is None}
        known = [row or {} for row in parsed]
        found = {name: [row.get(name) for row in known] for name in columns}
        yield Chunk(_frame(found, len(elements)), elements, numbers, bad)


def elements_in(
    file: IO[bytes], dialect: Dialect, rows: int
) -> Iterator[tuple[list[bytes], list[int]]]:
    """Split a document into the bytes of its rows, and the place of each in it."""
    cutter = Cutter(dialect.row, MAX_LINE)
    found: list[bytes] = []
    place = 1
    while piece := file.read(PIECE):
        for row in cutter.feed(piece):
            found.append(row)
            if len(found) >= rows:
                yield found, list(range(place, place + len(found)))
                place, found = place + len(found), []
    found += cutter.end()
    if found:
        yield found, list(range(place, place + len(found)))


def _parquet_chunks(table: Table, columns: Sequence[str], rows: int) -> Iterator[Chunk]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from streamsim.streams.tables.parquet_rows import plain_column

    first = 1
    try:
        with pq.ParquetFile(table.source) as file:
            own = set(file.schema_arrow.names)
            tops = [name if name in own else name.partition(".")[0] for name in columns]
            for batch in file.iter_batches(rows, columns=list(dict.fromkeys(tops))):
                whole = flattened(pa.Table.from_batches([batch]))
                found: dict[str, list[Any]] = {}
                bad: dict[int, str] = {}
                for name in columns:
                    values, wrong = plain_column(whole.column(name).combine_chunks())
                    found[name] = values
                    for row, why in wrong.items():
                        bad.setdefault(row, f"{name}: {why}")
                n = batch.num_rows
                yield Chunk(_frame(found, n), None, range(first, first + n), bad)
                first += n
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{name_of(table.source)}: {one_line(error)}") from None


def _frame(columns: Mapping[str, Sequence[Any]], n: int) -> pd.DataFrame:
    import pandas as pd

    objects = {name: as_objects(values) for name, values in columns.items()}
    return pd.DataFrame(objects, index=pd.RangeIndex(n), dtype=object)


def document_in(table: Table) -> Rows:
    """Return the rows of a JSON document that is one object.

    Raises
    ------
    SourceError
        If it is too large, or no JSON with rows.
    """
    name = name_of(table.source)
    with opened(table.source) as file:
        data = text_in(file, table).read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        most = f"{MAX_DOCUMENT >> 20} MiB"
        raise SourceError(f"{name}: one JSON object of more than {most}; save it as JSON Lines")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}: not UTF-8, from byte {error.start + 1}") from None
    return document_rows(text, name, table.dialect.at)


def flattened(table: Any) -> Any:
    """Return an Arrow table with the fields of its structs as columns, by path."""
    import pyarrow as pa

    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def one_line(error: Exception) -> str:
    """Return an error's text in one line."""
    return " ".join(str(error).split())[:200]
