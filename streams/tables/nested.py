"""Nested rows of JSON, flattened: columns are paths with dots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

DEEPEST = 32
"""Deepest nesting of a column: deeper values are ignored, as they could exhaust the stack."""


def flat(item: Mapping[str, Any], before: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested object by path; an array stays JSON.

    >>> dict(flat({"a": 1, "b": {"c": [2, 3], "d": {"e": None}}}))
    {'a': 1, 'b.c': '[2,3]', 'b.d.e': None}
    """
    for name, value in item.items():
        if isinstance(value, dict):
            if depth < DEEPEST:
                yield from flat(value, f"{before}{name}.", depth + 1)
        elif isinstance(value, list):
            yield before + name, _written(value)
        else:
            yield before + name, value


def _written(value: list[Any]) -> str | None:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # too deep
        return None


def columns_at(
    rows: Sequence[Mapping[str, Any] | None], paths: Sequence[str]
) -> dict[str, list[Any]]:
    """Return the values at these paths, a list per path, ``None`` where a row has none.

    They are those of :func:`flat`, read by column.

    >>> columns_at([{"a": 1, "b": {"c": [2]}}, None, {"b": 3, "b.c": 4}], ["a", "b", "b.c"])
    {'a': [1, None, None], 'b': [None, None, 3], 'b.c': ['[2]', None, 4]}
    """
    if all("." not in path for path in paths):
        return {path: [None if row is None else row.get(path) for row in rows] for path in paths}
    found = _columns([{} if row is None else row for row in rows], paths)
    if found is None:
        flattened = [dict(flat(row or {})) for row in rows]
        found = {path: [row.get(path) for row in flattened] for path in paths}
    return found


def _columns(rows: Sequence[Any], paths: Sequence[str]) -> dict[str, list[Any]] | None:
    """Return values by path; ``None`` if a name has a dot itself, or a path is too deep."""
    names = {name for shape in set(map(tuple, rows)) for name in shape}
    if any("." in name for name in names) or any(p.count(".") >= DEEPEST - 1 for p in paths):
        return None
    found: dict[str, list[Any]] = {}
    below: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        if rest:
            below.setdefault(name, []).append(rest)
        else:
            found[path] = [_leaf(row.get(name)) for row in rows]
    for name, own in below.items():
        inner = [row.get(name) for row in rows]
        columns = _columns([v if type(v) is dict else {} for v in inner], own)
        if columns is None:
            return None
        found |= {f"{name}.{rest}": values for rest, values in columns.items()}
    return {path: found[path] for path in paths}


def _leaf(value: Any) -> Any:
    if type(value) is list:
        return _written(value)
    return None if type(value) is dict else value
