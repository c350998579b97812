"""Rows of JSON documents, of the shapes that programs write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from streamsim.streams.errors import SourceError
from streamsim.streams.tables.exact_json import DECODER, Row, all_pairs, exact_json

_NUMBERED = re.compile(r"0|[1-9]\d*", re.ASCII)


class NoRow(NamedTuple):
    """What is no row of a document: why, and what it is."""

    reason: str
    value: Any


class Rows(NamedTuple):
    """The rows of a document, and what is none, by line or by place in an array (from 1)."""

    rows: list[Row]
    bad: dict[int, NoRow]
    note: str = ""
    """What else the document holds."""


def document_rows(text: str, name: str, at: str = "") -> Rows:
    r"""Return the rows of a document.

    Parameters
    ----------
    name
        What to call the document in an error.
    at
        Path of the rows within it (``data.orders``); empty to find them.

    Raises
    ------
    SourceError
        If it is no JSON, has no rows, or its rows may be one of several arrays.

    Examples
    --------
    >>> document_rows('{"a": 1}\n{"a": \n', "x")
    Rows(rows=[{'a': 1}], bad={2: NoRow(reason='not JSON', value='{"a": ')}, note='')
    >>> document_rows('{"columns":["a"],"index":[0],"data":[[1]]}', "x").rows
    [{'a': 1}]
    """
    try:
        found = exact_json(text)
    except RecursionError:
        raise SourceError(f"{name}: JSON that is nested too deeply") from None
    except ValueError as error:
        several = _several(text)
        if not several.rows:
            raise SourceError(f"{name}: not JSON ({error}), and no line of it is") from None
        return several
    inside, note = _inside(found, name, at)
    items = list(enumerate(inside, 1))
    return Rows(
        [item for _, item in items if isinstance(item, dict)],
        {place: NoRow(_NO_OBJECT, item) for place, item in items if not isinstance(item, dict)},
        note,
    )


_NO_OBJECT = "not a JSON object"


def _several(text: str) -> Rows:
    """Read lines with a value each, or values one after the other over several lines."""
    rows: list[Any] = []
    bad: dict[int, NoRow] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                item = exact_json(line)
            except (ValueError, RecursionError):
                bad[number] = NoRow("not JSON", line)
                continue
            if isinstance(item, dict):
                rows.append(item)
            else:
                bad[number] = NoRow(_NO_OBJECT, item)
    if not bad:
        return Rows(rows, bad)
    spread = list(_one_after_another(text))
    whole = bool(spread) and all(isinstance(item, dict) for item in spread)
    return Rows(spread, {}) if whole else Rows(rows, bad)


def _one_after_another(text: str) -> Iterator[Any]:
    """Yield values that follow each other; ``None`` where the text is none."""
    place = 0
    blank = re.compile(r"[\s\x1e]*")  # a record separator (RFC 7464) is blank too
    while (place := blank.match(text, place).end()) < len(text):  # type: ignore[union-attr]
        try:
            item, place = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            yield None
            return
        yield item


def _inside(found: Any, name: str, at: str) -> tuple[list[Any], str]:
    """Return the rows of a decoded document, and what else it holds."""
    for step in at.split(".") if at else ():
        if not isinstance(found, dict) or step not in found:
            has = ", ".join(found) if isinstance(found, dict) else "no object"
            raise SourceError(f"{name}: nothing at {at}; there is {has}")
        found = found[step]
    if isinstance(found, list):
        return _of_array(found, name), ""
    if not isinstance(found, dict):
        raise SourceError(f"{name}: one JSON value, and no rows")
    if rows := _of_frame(found):
        return rows, ""
    inside = dict(_tables(found, ""))
    if rows := _objects(found, alike=bool(inside)):
        return rows, ""
    if not inside:
        return [found], ""
    largest, *others = sorted(inside, key=lambda path: -len(inside[path]))
    if not others:
        return inside[largest], ""
    sizes = [f"{path} ({len(inside[path])})" for path in (largest, *others[:_TABLES])]
    if len(inside[largest]) < _MUCH * len(inside[others[0]]):
        raise SourceError(f"{name}: the rows may be those of {', '.join(sizes)}; say which")
    return inside[largest], f"the rows are those of {sizes[0]}; not read: {', '.join(sizes[1:])}"


_TABLES = 5
_MUCH = 10
"""One of several tables is taken for the rows if it has so many times more."""


def _of_array(found: list[Any], name: str) -> list[Any]:
    if found and all(isinstance(item, list) for item in found):
        raise SourceError(
            f"{name}: arrays of values without the names of the columns, as "
            "to_json(orient='values') writes; use orient='records'"
        )
    return found


def _of_frame(found: Row) -> list[Row]:
    """Return the rows of what ``DataFrame.to_json`` wrote: split, table or columns."""
    columns, data = found.get("columns"), found.get("data")
    if (
        isinstance(columns, list)
        and isinstance(data, list)
        and set(found) <= _SPLIT
        and all(isinstance(row, list) and len(row) == len(columns) for row in data)
    ):
        return [all_pairs(list(zip(map(str, columns), row, strict=True))) for row in data]
    if isinstance(found.get("schema"), dict) and isinstance(data, list):
        return data
    values = list(found.values())
    if not values or not all(isinstance(value, dict) and value for value in values):
        return []
    inner = list(values[0])
    by_column = _are_numbers(inner) and not _are_numbers(list(found))
    if by_column and all(list(value) == inner for value in values):
        return [{name: column[place] for name, column in found.items()} for place in inner]
    return []


_SPLIT = {"columns", "index", "data"}


def _are_numbers(names: Sequence[str]) -> bool:
    return all(_NUMBERED.fullmatch(name) for name in names)


def _objects(found: Row, *, alike: bool) -> list[Row]:
    """Return the rows of objects by name; the name is their ``id``, unless it numbers them.

    They must have a field in common, if they are to be ``alike``.
    """
    values = list(found.values())
    if not values or not all(isinstance(value, dict) for value in values):
        return []
    if alike and not set(values[0]).intersection(*values[1:]):
        return []
    if list(found) == [str(place) for place in range(len(found))]:
        return values
    if len(found) == 1 and not _are_numbers(list(found)):
        return []  # an object within a row
    return [{"id": name, **row} if "id" not in row else row for name, row in found.items()]


def _tables(found: Row, before: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the arrays of objects, and the objects by name, within an object, by path."""
    for name, value in found.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield before + name, value
        elif isinstance(value, dict):
            if rows := _objects(value, alike=True):
                yield before + name, rows
            elif before.count(".") < _DEEPEST:
                yield from _tables(value, f"{before}{name}.")


_DEEPEST = 8


def dump_row(row: Any) -> bytes:
    """Encode a row of a document, whose own bytes cannot be told from the others'."""
    try:
        return orjson.dumps(row)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits
        return json.dumps(row).encode()  # half a character, too, stays an escape
