"""Header of a delimited file: where it is, what delimits its cells, and what it calls them.

The header is the first line whose cells are names and whose number of cells most of the lines after
it have too. Before it may be Excel's ``sep=;``, lines that begin with ``#``, and a report's title.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

csv.field_size_limit(1 << 26)  # a cell is limited by its line, not by 128 KiB

DELIMITERS = (",", ";", "\t", "|")
_DEEPEST = 12
"""The header is looked for in so many lines."""
_SAMPLE = 30
_SEP = re.compile(r'"?sep=(.)"?[,;]*\s*', re.IGNORECASE)
_VALUE = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*")


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a delimited file's header is, and what it says.

    Attributes
    ----------
    names
        One per column, none twice: a second ``amount`` is ``amount_2``, a column without a name is
        ``column_3`` by its place.
    delimiter
        What delimits the cells.
    line
        Number of the header's line, from 1.
    spaced
        Whether blanks follow the delimiters, and are no part of the cells.
    notes
        What was out of the ordinary, for a report.
    """

    names: tuple[str, ...]
    delimiter: str
    line: int
    spaced: bool = False
    notes: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    """Names that more than one column has in the file."""


def find_heading(
    lines: Sequence[str],
    delimiter: str = "",
    known: Callable[[set[str]], bool] | None = None,
) -> Heading | None:
    """Find the header among a file's first lines; ``None`` if all of them are blank.

    Parameters
    ----------
    delimiter
        The declared delimiter; empty to find it.
    known
        Says whether names are those of a known kind of file: then no other line is a better header.

    Examples
    --------
    >>> find_heading(["Sales", "", "site; paid", "7; 4.19", "8; 2.50"]).names
    ('site', 'paid')
    >>> find_heading(["sep=;", "a;a;", "1;2;"]).names
    ('a', 'a_2')
    """
    told, begin = _told(lines)
    delimiters = (told,) if told else (delimiter,) if delimiter else DELIMITERS
    best: tuple[float, int, int] | None = None
    found: Heading | None = None
    places = [i for i in range(begin, len(lines)) if lines[i].strip()][:_DEEPEST]
    for place in places:
        for mark in delimiters:
            cells = split_line(lines[place], mark)
            if cells is None:
                continue
            if known is not None and known({cell.strip() for cell in cells}):
                return _heading(lines, place, mark)
            if (score := _score(lines, place, cells, mark)) is None:
                continue
            if best is None or score > best:
                best, found = score, _heading(lines, place, mark)
        if best is not None and best[0] >= _SURE:
            return found
    if found is not None:
        return found
    first = next((i for i in places if not lines[i].startswith("#")), places[0] if places else None)
    if first is None:
        return None
    mark = max(delimiters, key=lines[first].count)
    return _heading(lines, first, mark)


_SURE = 0.5
"""Share of the following lines with as many cells, from which a line is taken for the header."""


def split_line(line: str, delimiter: str, *, spaced: bool = False) -> list[str] | None:
    """Return the cells of one line; ``None`` if a quotation mark in it has no end."""
    if len(delimiter) > 1:
        return line.split(delimiter)
    try:
        return next(
            csv.reader([line], delimiter=delimiter, skipinitialspace=spaced, strict=True), []
        )
    except csv.Error:
        return None


def _told(lines: Sequence[str]) -> tuple[str, int]:
    """Return the delimiter that Excel's first line tells, and where the file then begins."""
    if lines and (told := _SEP.fullmatch(lines[0])):
        return told[1], 1
    return "", 0


def _score(
    lines: Sequence[str], place: int, cells: Sequence[str], delimiter: str
) -> tuple[float, int, int] | None:
    """Return how well a line fits as the header; ``None`` if it cannot be one."""
    names = _without_trailing([cell.strip() for cell in cells])
    if len(names) < 2 or lines[place].startswith("#") or sum(not name for name in names) > 1:
        return None
    if any(_VALUE.fullmatch(name) for name in names) or len(set(names)) * 2 < len(names):
        return None
    after = [line for line in lines[place + 1 : place + 1 + _SAMPLE] if line.strip()]
    counts = [len(own) if (own := split_line(line, delimiter)) else 0 for line in after]
    fitting = sum(len(names) <= count <= max(len(cells), len(names) + 1) for count in counts)
    share = fitting / len(counts) if counts else 1.0
    return (share, -place, len(names)) if share >= _SURE else None


def _without_trailing(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _heading(lines: Sequence[str], place: int, delimiter: str) -> Heading:
    cells = split_line(lines[place], delimiter) or lines[place].split(delimiter)
    behind = [cell.startswith(" ") for cell in cells[1:]]
    spaced = bool(behind) and all(behind)
    if spaced:
        cells = split_line(lines[place], delimiter, spaced=True) or cells
    trimmed = _without_trailing([cell.strip().lstrip("\ufeff") for cell in cells])
    names = tuple(_distinct(trimmed))
    notes = []
    if place:
        notes.append(f"the header is line {place + 1}: {', '.join(names)[:80]}")
    if spaced:
        notes.append("blanks after the delimiters are no part of the cells")
    if renamed := [n for n, cell in zip(names, trimmed, strict=True) if n != cell]:
        notes.append(f"columns without a name of their own: {', '.join(renamed)}")
    twice = tuple(dict.fromkeys(n for n in trimmed if n and trimmed.count(n) > 1))
    return Heading(names, delimiter, place + 1, spaced, tuple(notes), twice)


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """Yield each name once: a second one gets a number that no column has."""
    taken = set(names)
    used: set[str] = set()
    for place, name in enumerate(names, 1):
        own = name or f"column_{place}"
        number = 2
        while own in used or (own != name and own in taken):
            own = f"{name or f'column_{place}'}_{number}"
            number += 1
        used.add(own)
        yield own
