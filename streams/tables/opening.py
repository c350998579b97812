"""Recognition of a file of rows: by its content, and its header by the lines that follow it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from streamsim.streams.errors import SourceError
from streamsim.streams.spec.input_maps import Dialect
from streamsim.streams.tables.container import HEAD, name_of, opened, peek
from streamsim.streams.tables.exact_json import decode_lines
from streamsim.streams.tables.heading import Heading, find_heading
from streamsim.streams.tables.json_cutter import JsonCutter
from streamsim.streams.tables.nested import flat
from streamsim.streams.tables.row_readers import (
    PIECE,
    document_in,
    elements_in,
    flattened,
    one_line,
    text_in,
)
from streamsim.streams.tables.table import Table
from streamsim.streams.tables.text_lines import MAX_LINE, marked_encoding, text_file
from streamsim.streams.tables.xml_rows import declared_encoding, parse_elements

_FIRST = 20
"""How many rows are read to recognise a file."""


def open_table(
    source: Path | IO[bytes],
    dialect: Dialect,
    known: Callable[[set[str]], bool] | None = None,
) -> Table:
    """Recognise a file by its content.

    Parameters
    ----------
    known
        Says whether columns are those of a known kind: the header is the line that has them.

    Raises
    ------
    SourceError
        If the file is missing, empty or of no kind that is read.
    """
    with opened(source) as file:
        head = peek(file)
        if head.startswith(b"PAR1"):
            return _parquet(source, dialect)
        try:
            text, encoding = text_file(file, head, dialect.encoding)
        except SourceError as error:
            raise SourceError(f"{name_of(source)}: {error}") from None
        begin = text.read(HEAD)
        first = begin.lstrip(b"\xef\xbb\xbf \t\r\n")
        if not first:
            raise SourceError(f"{name_of(source)}: empty")
        lines = begin.splitlines()
        if len(begin) == HEAD and len(lines) > 1:
            lines.pop()  # its end is still to come
        if first.startswith(b"<") and not _is_delimited(source):
            return _xml(source, dialect, head, encoding)
        if first.startswith((b"{", b"[")) and not _is_delimited(source):
            return _json(source, dialect, lines)
    texts = [line.decode(encoding, "replace") for line in lines]
    if dialect.names:
        names = dialect.names if _are_rows(texts, dialect) else ()
        heading: Heading | None = Heading(names, dialect.delimiter or ",", 0)
    else:
        heading = find_heading(texts, dialect.delimiter, known)
    if heading is None:
        raise SourceError(f"{name_of(source)}: empty")
    return Table(source, "csv", heading.names, dialect, True, heading, encoding)


def _are_rows(lines: Sequence[str], dialect: Dialect) -> bool:
    """Say whether the first lines of a file without a header are as its kind has them."""
    first = [line.strip() for line in lines if line.strip()][:_FIRST]
    return not dialect.lines or all(re.fullmatch(dialect.lines, line) for line in first)


def _is_delimited(source: Path | IO[bytes]) -> bool:
    return any(
        suffix in (".csv", ".tsv", ".inter")
        for suffix in map(str.lower, Path(name_of(source)).suffixes)
    )


def _parquet(source: Path | IO[bytes], dialect: Dialect) -> Table:
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(source)
    except (OSError, ValueError) as error:
        raise SourceError(f"{name_of(source)}: not a Parquet file ({one_line(error)})") from None
    names = flattened(schema.empty_table()).column_names
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise SourceError(f"{name_of(source)}: two columns are called {', '.join(twice)}")
    return Table(source, "parquet", tuple(map(str, names)), dialect, True)


def _xml(source: Path | IO[bytes], dialect: Dialect, head: bytes, encoding: str) -> Table:
    if not marked_encoding(head)[0]:
        encoding = declared_encoding(head)
    table = Table(source, "xml", (), dialect, encoding=encoding)
    with opened(source) as file:
        if not _mentions(text_in(file, table), dialect.row.encode()):
            return table  # to cut the document into no rows would take long
    with opened(source) as file:
        first, _ = next(elements_in(text_in(file, table), dialect, _FIRST), ([], []))
    rows = [row for row in parse_elements(first, encoding) if row is not None]
    return Table(source, "xml", _names(rows), dialect, encoding=encoding)


def _json(source: Path | IO[bytes], dialect: Dialect, lines: Sequence[bytes]) -> Table:
    """Recognise lines, an array or objects over several lines, or one object around rows."""
    whole = [line for line in lines if line.strip()][: 1 + _FIRST]
    objects, bad = decode_lines([line.strip() for line in whole])
    is_lines = bool(objects) and (objects[0] is not None or len(bad) * 2 < len(objects))
    if is_lines and not (len(whole) == 1 and _holds_rows(objects[0])):
        names = _names([dict(flat(item)) for item in objects if item is not None])
        return Table(source, "lines", names, dialect)
    with opened(source) as file:
        cutter = JsonCutter(MAX_LINE)
        text = text_in(file, Table(source, "cut", (), dialect))
        head = text.read(HEAD)
        cut = [data for _, data in islice(cutter.feed(head), _FIRST)]
    objects, _ = decode_lines(cut)
    found = [item for item in objects if item is not None]
    is_array = head.lstrip().startswith(b"[")
    if (is_array and (found or not _of_arrays(head))) or len(found) > 1:
        return Table(source, "cut", _names([dict(flat(item)) for item in found]), dialect)
    document = document_in(Table(source, "document", (), dialect))
    names = _names([dict(flat(row)) for row in document.rows[:_FIRST]])
    return Table(source, "document", names, dialect, note=document.note)


def _holds_rows(item: dict[str, Any] | None) -> bool:
    """Say whether an object may hold rows rather than be one."""
    return item is not None and any(isinstance(v, (dict, list)) for v in item.values())


def _of_arrays(head: bytes) -> bool:
    return head.lstrip()[1:].lstrip().startswith(b"[")


def _names(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _mentions(file: IO[bytes], text: bytes) -> bool:
    """Say whether a file contains a text."""
    rest = b""
    while piece := file.read(PIECE):
        if text in rest + piece:
            return True
        rest = piece[-len(text) :]
    return False
