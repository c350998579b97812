"""Delimited lines: the cells of each, many lines at a time, and why a line is no row.

A cell cannot span lines here, so an invalid line affects no other.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamsim.streams.tables.heading import Heading

_WHOLE = frozenset({"ascii", "cp1252", "latin-1", "iso8859-1", "utf-8"})
"""Encodings in which a line end is a character by itself: joined lines can be decoded at once."""
_SINGLE = 16
"""At most this many lines are split one by one if they cannot be split together."""


@dataclass(frozen=True, slots=True)
class Split:
    """Cells of lines.

    Attributes
    ----------
    cells
        Per line as many cells as there are columns; all empty for a line that is no row.
    bad
        Row to reason, for the lines that are none.
    """

    cells: list[list[str]]
    bad: dict[int, str]


def split_lines(lines: Sequence[bytes], heading: Heading, encoding: str = "utf-8") -> Split:
    r"""Split lines of CSV, none of which is empty or has a line end.

    A line may end in more delimiters than the header has columns.

    >>> heading = Heading(("a", "b"), ";", 1)
    >>> found = split_lines([b'1;"a;b"', b'"2;', b"3;\xff", b"4;;", b"5;6;7"], heading)
    >>> found.cells
    [['1', 'a;b'], ['', ''], ['', ''], ['4', ''], ['', '']]
    >>> found.bad  # doctest: +NORMALIZE_WHITESPACE
    {1: 'a quotation mark without its other', 2: 'not UTF-8, from byte 3 of the line',
     4: '3 cells under a header of 2'}
    """
    width = len(heading.names)
    found: list[list[str] | str] = _cells(lines, heading, encoding)
    bad: dict[int, str] = {}
    nothing = [""] * width
    for row, cells in enumerate(found):
        if len(cells) == width and type(cells) is list:
            continue
        if isinstance(cells, str):
            bad[row], found[row] = cells, nothing
        elif len(cells) > width and not any(cells[width:]):
            found[row] = cells[:width]
        else:
            bad[row] = f"{len(cells)} cell{'s' * (len(cells) != 1)} under a header of {width}"
            found[row] = nothing
    return Split(found, bad)  # type: ignore[arg-type]


def _cells(lines: Sequence[bytes], heading: Heading, encoding: str) -> list[list[str] | str]:
    if (found := _together(lines, heading, encoding)) is not None:
        return found
    if len(lines) <= _SINGLE:
        return [_single(line, heading, encoding) for line in lines]
    # A few bad lines are found by halving: the others are split together still.
    half = len(lines) // 2
    return _cells(lines[:half], heading, encoding) + _cells(lines[half:], heading, encoding)


def _single(line: bytes, heading: Heading, encoding: str) -> list[str] | str:
    """Return the cells of a line, or why it is no row."""
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.upper() if encoding == "utf-8" else encoding
        return f"not {name}, from byte {error.start + 1} of the line"
    if "\0" in text:
        return "a NUL character in the line"
    try:
        return next(_rows([text], heading), [])
    except csv.Error as error:
        return "a quotation mark without its other" if _is_quote(error) else f"not CSV ({error})"


def _is_quote(error: csv.Error) -> bool:
    return "unexpected end of data" in str(error) or "expected after" in str(error)


def _rows(texts: list[str], heading: Heading) -> Iterator[list[str]]:
    if len(heading.delimiter) > 1:  # more than a format of csv has: nothing is quoted
        return (text.split(heading.delimiter) for text in texts)
    return csv.reader(
        texts, delimiter=heading.delimiter, skipinitialspace=heading.spaced, strict=True
    )


def _together(
    lines: Sequence[bytes], heading: Heading, encoding: str
) -> list[list[str] | str] | None:
    """Split lines in one call; return ``None`` if one is invalid, or runs on into the next."""
    if encoding not in _WHOLE:
        return None
    try:
        joined = b"\n".join(lines).decode(encoding)
        if "\0" in joined:
            return None
        texts = joined.split("\n")
        found: list[list[str] | str] = list(_rows(texts, heading))
    except (UnicodeDecodeError, csv.Error):
        return None
    return found if len(texts) == len(found) == len(lines) else None
