"""Delimited lines: the cells of each, many lines at a time.

A cell cannot span lines, so an invalid line affects no other.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence

from streamsim.streams.spec.input_maps import Dialect

_WHOLE = frozenset({"ascii", "cp1252", "latin-1", "utf-8"})
"""Encodings in which a line end is a character by itself: joined lines can be decoded at once."""
_SINGLE = 16
"""At most this many lines are split one by one if they cannot be split together."""


def split_lines(lines: Sequence[bytes], dialect: Dialect) -> list[list[str]]:
    r"""Split lines of CSV, none of which is empty or has a line end; no cells for an invalid line.

    >>> split_lines([b'1;"a;b"', b'"2', b"3;\xff", b"4;"], Dialect(delimiter=";"))
    [['1', 'a;b'], ['2'], [], ['4', '']]
    """
    if (found := _together(lines, dialect)) is not None:
        return found
    if len(lines) <= _SINGLE:
        return [cells_of(line, dialect) for line in lines]
    # A few bad lines are found by halving: the others are split together still.
    half = len(lines) // 2
    return split_lines(lines[:half], dialect) + split_lines(lines[half:], dialect)


def cells_of(line: bytes, dialect: Dialect) -> list[str]:
    """Split a line of CSV; empty for an invalid line."""
    try:
        text = line.decode(dialect.encoding)
        return next(csv.reader([text], delimiter=dialect.delimiter), [])
    except (UnicodeDecodeError, csv.Error):
        return []


def _together(lines: Sequence[bytes], dialect: Dialect) -> list[list[str]] | None:
    """Split lines in one call; return ``None`` if one is invalid, or runs on into the next."""
    if dialect.encoding not in _WHOLE:
        return None
    try:
        texts = b"\n".join(lines).decode(dialect.encoding).split("\n")
        found = list(csv.reader(texts, delimiter=dialect.delimiter))
    except (UnicodeDecodeError, csv.Error):
        return None
    return found if len(texts) == len(found) == len(lines) else None
