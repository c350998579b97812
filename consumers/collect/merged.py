"""Merge one CSV and one JSON source, or XML in place of either, into one table.

This is the collect stage for a notebook. The stream harmonises its feeds by the same tables
(:mod:`streamsim.streams.reading.feeds`).
"""

from __future__ import annotations

import csv as csv_reader
import io
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import orjson

from streamsim.streams.errors import SourceError
from streamsim.streams.reading.feeds import Feed
from streamsim.streams.reading.guessing import guessed
from streamsim.streams.reading.merging import How, merge_frames
from streamsim.streams.reading.nested import cells, flat

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = "str | PathLike[str] | IO[bytes]"
Rows: TypeAlias = list[dict[str, Any]]
MAX_BYTES = 1 << 30
"""Largest size of one source: its table must fit in memory, several times."""


def merge_sources(
    csv: Source,
    json: Source,
    *,
    on: str | Sequence[str],
    how: How = "inner",
    feeds: tuple[Feed | None, Feed | None] = (None, None),
    zone: str = "UTC",
) -> pd.DataFrame:
    """Merge a CSV and a JSON source into one table.

    Names, types, times and money are harmonised first: ``householdId`` and ``Household ID`` are
    both ``household_id``, instants are in UTC, amounts in integer cents, ``0027`` and ``27`` are
    the same id.

    Parameters
    ----------
    csv, json
        Paths, or files opened in binary mode. JSON may be an array of objects, JSON Lines, or an
        object that holds such an array, or that holds objects by name. Nested objects are flattened
        to paths with dots. Either source may be XML instead, recognised by its first byte: the
        children of the root are the rows, their attributes and children the columns.
    on
        The fields to match by, under their harmonised names.
    how
        ``inner``, ``left``, ``right`` or ``outer``, as in :func:`pandas.merge`.
    feeds
        The format of each source's rows; ``None`` to guess it from the rows.
    zone
        Time zone of times without an offset, where the format is guessed.

    Returns
    -------
    One row per match; ``attrs["report"]`` says what did not match, differed, or could not be read
    (:class:`streamsim.streams.reading.merging.MergeReport`, and ``bad_lines`` per side).

    Raises
    ------
    SourceError
        If a source cannot be read at all.
    UsageError
        If it lacks a field to match by.
    """
    read = [_read(source, feed) for source, feed in zip((csv, json), feeds, strict=True)]
    tables = [
        feed or guessed(name, rows, zone) for (name, rows, _), feed in zip(read, feeds, strict=True)
    ]
    merged = merge_frames(read[0][1], read[1][1], on, how, (tables[0], tables[1]))
    for side, (_, _, bad) in zip(("left", "right"), read, strict=True):
        merged.attrs["report"][side]["bad_lines"] = bad
    return merged


def _read(source: Source, feed: Feed | None) -> tuple[str, pd.DataFrame, int]:
    """Return a source's name, its unconverted rows, and how many lines could not be read."""
    import pandas as pd

    name, data = _bytes(source)
    head = data[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise SourceError(f"{name}: empty")
    if head.startswith(b"<"):
        rows, bad = _from_xml(name, data), 0
    elif head.startswith((b"{", b"[")):
        rows, bad = _from_json(name, data)
    else:
        rows, bad = _from_csv(name, data, feed)
    if not rows:
        raise SourceError(f"{name}: no rows")
    return name, pd.DataFrame(rows, dtype=object), bad


def _bytes(source: Source) -> tuple[str, bytes]:
    if not isinstance(source, (str, PathLike)):
        name, data = str(getattr(source, "name", "source")), source.read(MAX_BYTES + 1)
    else:
        name = str(source)
        try:
            with Path(source).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise SourceError(f"{name}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise SourceError(f"{name}: larger than {MAX_BYTES >> 20} MiB; send it as a stream instead")
    return Path(name).name, data


def _from_csv(name: str, data: bytes, feed: Feed | None) -> tuple[Rows, int]:
    """Read lines under a header; a line with another number of cells is counted as bad."""
    try:
        text = data.decode(feed.encoding if feed else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    delimiter = feed.delimiter if feed else max(",;\t|", key=first.count)
    try:
        cells = list(csv_reader.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv_reader.Error as error:
        raise SourceError(f"{name}: not CSV ({error})") from None
    header, *lines = (line for line in cells if line)
    rows: Rows = [
        dict(zip(header, (cell or None for cell in line), strict=True))
        for line in lines
        if len(line) == len(header)
    ]
    return rows, len(lines) - len(rows)


def _from_json(name: str, data: bytes) -> tuple[Rows, int]:
    """Read an array, lines, or an object that holds rows; an array within a row stays JSON."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        items = [_line(line) for line in data.splitlines() if line.strip()]
        if not any(isinstance(item, dict) for item in items):
            raise SourceError(f"{name}: not JSON, and no line of it is") from None
    else:
        items = _rows_in(found)
    rows = [dict(flat(item)) for item in items if isinstance(item, dict)]
    return rows, len(items) - len(rows)


def _line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _rows_in(found: Any) -> list[Any]:
    if isinstance(found, list):
        return found
    if not isinstance(found, dict):
        return []
    inside = [rows for value in found.values() if (rows := _objects(value))]
    return _objects(found) or (max(inside, key=len) if inside else [found])


def _objects(value: Any) -> list[Any]:
    """Return the rows of an array of objects, or of objects by name; empty for other values."""
    if isinstance(value, list):
        return value if value and all(isinstance(item, dict) for item in value) else []
    if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
        return [{"id": key, **row} for key, row in value.items()]
    return []


def _from_xml(name: str, data: bytes) -> Rows:
    """Read the children of the root. Document types are refused: entities can expand endlessly."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SourceError(f"{name}: not XML that is read here ({error!r})") from None
    return [dict(cells(element)) for element in root]
