"""Merge two sources, CSV, JSON, XML, Parquet or rows in memory, into one table.

This is the collect stage for a notebook. The stream harmonises its feeds by the same tables
(:mod:`streamsim.streams.reading.feeds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from streamsim.streams.errors import SourceError, UsageError
from streamsim.streams.reading.feeds import Feed
from streamsim.streams.reading.inferring import Said, infer
from streamsim.streams.reading.merging import Format, How, merge_frames
from streamsim.streams.spec.input_maps import Dialect
from streamsim.streams.tables.container import HEAD, name_of, opened, peek, seekable
from streamsim.streams.tables.heading import find_heading
from streamsim.streams.tables.json_rows import document_rows
from streamsim.streams.tables.nested import flat
from streamsim.streams.tables.opening import open_table
from streamsim.streams.tables.quoted import quoted_rows
from streamsim.streams.tables.row_readers import read_chunks
from streamsim.streams.tables.text_lines import text_file
from streamsim.streams.tables.xml_rows import cells

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = (
    "str | PathLike[str] | IO[bytes] | bytes | pd.DataFrame | Sequence[Mapping[str, Any]]"
)
MAX_BYTES = 1 << 30
"""Largest size of one source, unpacked: its table must fit in memory, several times."""
_LINES = 50
"""How many lines decide what the header is."""
_BAD_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Read:
    """A source's rows as they are written, and what was not read of it."""

    name: str
    rows: pd.DataFrame
    bad: Mapping[int, str]
    notes: tuple[str, ...] = ()
    decimal_comma: bool = False


def merge_sources(
    csv: Source,
    json: Source,
    *,
    on: str | Sequence[str],
    how: How = "inner",
    feeds: tuple[Feed | None, Feed | None] = (None, None),
    zone: str = "UTC",
    types: Mapping[str, Said] | None = None,
    rows_at: tuple[str, str] = ("", ""),
) -> pd.DataFrame:
    """Merge two sources into one table, most often one of CSV and one of JSON.

    Names become ``snake_case``: ``householdId`` and ``Household ID`` are both ``household_id``.
    In the fields to match by ``0027``, ``27`` and ``27.0`` are the same, unless one source has both
    ``0027`` and ``27``. A column has another type than text only if each of its values, read as
    that type, is what its text says (:mod:`streamsim.streams.reading.inferring`). Times are in UTC,
    amounts with a currency's symbol in integer cents.

    Parameters
    ----------
    csv, json
        Paths, files opened in binary mode, bytes, DataFrames, or lists of mappings. Content
        decides what a file is: CSV, JSON (lines, an array, an object that holds rows, or any form
        of ``DataFrame.to_json`` with names), XML (the children of the root are the rows), or
        Parquet; packed by gzip, bzip2 or xz, or not. Nested objects become paths with dots.
    on
        The fields to match by, under their harmonised names.
    how
        ``inner``, ``left``, ``right`` or ``outer``, as in :func:`pandas.merge`.
    feeds
        The format of each source's rows; ``None`` to infer it from the rows.
    zone
        Time zone of times without an offset, where the format is inferred.
    types
        Types of fields, by their harmonised names, where they are not to be inferred: an
        :class:`Instants`, a :class:`Money`, a :class:`Number`, or ``text``, ``number`` or ``id``.
    rows_at
        Path of each source's rows in a JSON document; empty to find them.

    Returns
    -------
    One row per match. ``attrs["report"]`` says what did not match, differed, or could not be read
    (:class:`streamsim.streams.reading.merging.MergeReport`). Each side also has ``bad_lines``, the
    number of lines that are no rows, ``bad``, some of these with the reason, and ``notes``.

    Raises
    ------
    SourceError
        If a source cannot be read at all.
    UsageError
        If it lacks a field to match by, or a type is said of a field that neither has.
    """
    sides = zip((csv, json), feeds, rows_at, strict=True)
    read = [_read(source, feed, at) for source, feed, at in sides]
    tables = [
        feed or infer(own.name, own.rows, zone, types, decimal_comma=own.decimal_comma)
        for own, feed in zip(read, feeds, strict=True)
    ]
    known = {name for table in tables for name in table.fields}
    if unknown := sorted(set(types or {}) - known):
        raise UsageError(f"types= names {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    formats: tuple[Format, Format] = (tables[0], tables[1])
    merged = merge_frames(read[0].rows, read[1].rows, on, how, formats)
    for side, own in zip(("left", "right"), read, strict=True):
        bad = [f"{place}: {why}" for place, why in list(own.bad.items())[:_BAD_SHOWN]]
        merged.attrs["report"][side] |= {
            "bad_lines": len(own.bad), "bad": bad, "notes": list(own.notes)
        }  # fmt: skip
    return merged


def _read(source: Source, feed: Feed | None, at: str) -> _Read:
    """Return a source's rows, as they are written."""
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return _Read("the DataFrame", _with_names(source), {})
    if isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
        return _of_list(source)
    read = _of_file(_as_file(source), feed, at)
    if read.rows.empty and not len(read.rows.columns):
        first = next(iter(read.bad.values()), "")
        raise SourceError(f"{read.name}: no rows{first and f': {first}'}")
    if not len(read.rows) and not read.bad:
        raise SourceError(f"{read.name}: no rows{''.join(f'; {note}' for note in read.notes)}")
    return read


def _as_file(source: Any) -> Path | IO[bytes]:
    import io

    if isinstance(source, (str, PathLike)):
        return Path(source)
    if isinstance(source, (bytes, bytearray)):
        return io.BytesIO(bytes(source))
    if not hasattr(source, "read"):
        raise UsageError(
            f"a source is a path, a file opened in binary mode, bytes, a DataFrame or a list of "
            f"mappings, not {type(source).__name__}"
        )
    return seekable(source, MAX_BYTES)


def _with_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a DataFrame whose columns are called by texts, none twice."""
    columns: list[Any] = list(frame.columns)
    names = [".".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"the DataFrame has two columns called {', '.join(twice)}")
    return frame.set_axis(names, axis=1)


def _of_list(source: Sequence[Any]) -> _Read:
    import pandas as pd

    is_row = [isinstance(row, Mapping) for row in source]
    bad = {place: "not a mapping" for place, own in enumerate(is_row, 1) if not own}
    rows = [dict(flat(row)) for row, own in zip(source, is_row, strict=True) if own]
    if not rows:
        raise SourceError("the list has no mappings, so there are no rows")
    return _Read("the list", pd.DataFrame(rows, dtype=object), bad)


def _of_file(source: Path | IO[bytes], feed: Feed | None, at: str) -> _Read:
    import pandas as pd

    name = Path(name_of(source)).name
    with opened(source) as file:
        head = peek(file)
        if head.startswith(b"PAR1"):
            return _of_parquet(name, source)
        try:
            text, encoding = text_file(file, head, feed.encoding if feed else "")
        except SourceError as error:
            raise SourceError(f"{name}: {error}") from None
        data = text.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SourceError(f"{name}: larger than {MAX_BYTES >> 20} MiB; send it as a stream instead")
    first = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not first:
        raise SourceError(f"{name}: empty")
    if first.startswith(b"<"):
        return _Read(name, pd.DataFrame(_from_xml(name, data), dtype=object), {})
    if first.startswith((b"{", b"[")):
        return _from_json(name, data, at)
    return _from_csv(name, data, encoding, feed)


def _of_parquet(name: str, source: Path | IO[bytes]) -> _Read:
    import pandas as pd

    table = open_table(source, Dialect())
    frames: list[pd.DataFrame] = []
    bad: dict[int, str] = {}
    for chunk in read_chunks(table, table.names):
        good = [row for row in range(len(chunk.frame)) if row not in chunk.bad]
        frames.append(chunk.frame.iloc[good])
        bad |= {chunk.numbers[row]: why for row, why in chunk.bad.items()}
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=table.names)
    return _Read(name, rows, bad)


def _from_csv(name: str, data: bytes, encoding: str, feed: Feed | None) -> _Read:
    import pandas as pd

    text, notes = _decoded(name, data, encoding, said=feed is not None)
    heading = find_heading(
        text[: HEAD * 4].split("\n", _LINES)[:_LINES],
        feed.delimiter if feed else "",
        set(feed.fields.values()).issubset if feed else None,
    )
    if heading is None:
        raise SourceError(f"{name}: empty")
    rows, bad = quoted_rows(text, heading)
    frame = pd.DataFrame(
        [[cell or None for cell in row] for row in rows], columns=heading.names, dtype=object
    )
    return _Read(name, frame, bad, (*notes, *heading.notes), heading.delimiter != ",")


def _decoded(name: str, data: bytes, encoding: str, *, said: bool) -> tuple[str, list[str]]:
    """Decode a text; bytes that are no UTF-8 are read as Windows' code page, which is noted."""
    try:
        return data.decode(encoding).removeprefix("\ufeff"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if said:
            raise SourceError(f"{name}: line {line} is not {encoding}") from None
    note = f"line {line} is not UTF-8; the file was read as cp1252"
    try:
        return data.decode("cp1252"), [note]
    except UnicodeDecodeError:
        return data.decode("latin-1"), [note.replace("cp1252", "latin-1")]


def _from_json(name: str, data: bytes, at: str) -> _Read:
    import pandas as pd

    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{name}: line {line} is not UTF-8") from None
    found = document_rows(text, name, at)
    rows = pd.DataFrame([dict(flat(row)) for row in found.rows], dtype=object)
    bad = {place: own.reason for place, own in found.bad.items()}
    return _Read(name, rows, bad, (found.note,) if found.note else ())


def _from_xml(name: str, data: bytes) -> list[dict[str, str | None]]:
    """Read the children of the root. Document types are refused: entities can expand endlessly."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise SourceError(f"{name}: XML with a document type, which is not read") from None
    except (ParseError, ValueError, LookupError) as error:
        raise SourceError(f"{name}: not XML ({error})") from None
    return [cells(element) for element in root]
