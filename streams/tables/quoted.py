"""Rows of CSV whose quoted cells may hold line ends, and the lines that are no rows.

A quotation mark that is opened and not closed would take the rest of the file into one cell. Here a
cell spans lines only if the row that it is part of fits the header; otherwise the line with the
mark is bad, and the next line is a row again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamsim.streams.tables.delimited import split_lines
from streamsim.streams.tables.heading import Heading, split_line

_MOST_LINES = 1_000
"""Most lines of one row."""


def quoted_rows(text: str, heading: Heading) -> tuple[list[list[str]], dict[int, str]]:
    r"""Return the rows after the header, and the number of each bad line with the reason.

    >>> heading = Heading(("a", "b"), ",", 1)
    >>> quoted_rows('a,b\n1,"two\nlines"\n2,"5 inch\n3,x\n', heading)
    ([['1', 'two\nlines'], ['3', 'x']], {4: 'a quotation mark without its other'})
    """
    lines = text.split("\n")
    rows: list[list[str]] = []
    bad: dict[int, str] = {}
    for numbers, record in _records(lines, heading):
        if isinstance(record, str):
            bad[numbers[0]] = record
            continue
        split = split_lines([line.encode() for line in record], heading)
        for place, cells in enumerate(split.cells):
            if place in split.bad:
                bad[numbers[place]] = split.bad[place]
            else:
                rows.append(cells)
    return rows, bad


def _records(lines: Sequence[str], heading: Heading) -> Iterator[tuple[list[int], list[str] | str]]:
    """Yield lines that are rows by themselves together, each other row, and each bad line."""
    plain: list[str] = []
    numbers: list[int] = []
    at = heading.line
    while at < len(lines):
        line = lines[at].removesuffix("\r")
        if line.count('"') % 2 == 0:
            if line.strip():
                plain.append(line)
                numbers.append(at + 1)
            at += 1
            continue
        end = _end(lines, at, heading)
        if end is None:
            yield [at + 1], "a quotation mark without its other"
            at += 1
            continue
        if plain:
            yield numbers, plain
            plain, numbers = [], []
        yield [at + 1], ["\n".join(lines[at : end + 1]).removesuffix("\r")]
        at = end + 1
    if plain:
        yield numbers, plain


def _end(lines: Sequence[str], at: int, heading: Heading) -> int | None:
    """Return the last line of the row that begins at a line; ``None`` if it fits no row."""
    width = len(heading.names)
    for end in range(at + 1, min(len(lines), at + _MOST_LINES)):
        if lines[end].count('"') % 2 == 0:
            continue
        whole = "\n".join(lines[at : end + 1]).removesuffix("\r")
        cells = split_line(whole, heading.delimiter, spaced=heading.spaced)
        if cells is None or len(cells) < width or any(cells[width:]):
            return None
        between = [split_line(line, heading.delimiter) for line in lines[at + 1 : end]]
        # Lines that are rows by themselves were swallowed by two stray marks.
        if between and all(own is not None and len(own) == width for own in between):
            return None
        return end
    return None
