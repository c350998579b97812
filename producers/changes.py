"""Changed rows of a table as events of a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from streamsim.producers.encode import encode_rows
from streamsim.streams.reading.feeds import Instants
from streamsim.streams.spec import Field, Kind, SourceSpec
from streamsim.streams.spec.world import Emission

_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it was when its change was seen.

    Attributes
    ----------
    key
        The entity in the common form (:func:`streamsim.streams.reading.feeds.identifier`), if there
        is one.
    event_time
        When it was changed (ms, ``NO_TIME`` if that cannot be read).
    values
        The event's fields, as the database has them.
    row
        All columns that were read, by their names in the table.
    """

    version: int
    key: str | None
    event_time: int
    values: Mapping[str, Any]
    row: Mapping[str, Any]


def changes_as_emission(rows: Sequence[Change], source: SourceSpec, clock: int = 0) -> Emission:
    """Turn changes into events of a source.

    An event's id is ``<source>-<key>-<version>``: a change that is read again is known. A row
    that lacks what is required is kept as JSON of what is in the table, to be judged dead.

    Parameters
    ----------
    clock
        What the source's clock shows already (ms).

    Returns
    -------
    By event time; the clock goes with it, from ``clock`` on.
    """
    import pandas as pd

    columns: dict[str, Any] = {
        "event_id": [f"{source.name}-{row.key or ''}-{row.version}" for row in rows],
        "event_time": np.array([row.event_time for row in rows], np.int64),
    }
    for field in source.fields:
        if all(field.name in row.values for row in rows):
            columns[field.name] = _column(field, [row.values[field.name] for row in rows])
    columns[source.key] = pd.Series([row.key for row in rows], dtype=object)
    emission = encode_rows(source, pd.DataFrame(columns), lambda i: _original(rows[i].row))
    return replace(emission, clock=np.maximum(emission.clock, clock))


def times_of(values: Sequence[Any], instants: Instants) -> list[int]:
    """Return instants in ms; those that a driver gives as such need no pattern."""
    import pandas as pd

    texts = pd.Series([v.isoformat() if isinstance(v, date) else v for v in values], dtype=object)
    times = instants.read(texts)
    typed = np.array([isinstance(value, date) for value in values], bool)
    if typed.any():
        plain = replace(instants, pattern="", believe_offset=True)
        times = times.where(~typed, plain.read(texts))
    return [int(value) for value in times]


def _column(field: Field, values: Sequence[Any]) -> Any:
    import pandas as pd

    if field.kind is Kind.TIME:
        return np.array(times_of(values, Instants()), np.int64)
    convert = _CONVERTERS[field.kind]
    return pd.Series([convert(value) for value in values], dtype=object)


def text_of(value: Any) -> str | None:
    """Return a plain value as text, ``None`` for bytes and for what has parts."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, bytes | memoryview | list | tuple | dict):
        return None
    return str(value)


def _number(value: Any) -> float | None:
    try:
        number = float(_digits(value))
    except (ValueError, OverflowError):
        return None
    return number if np.isfinite(number) else None


def integer_of(value: Any) -> int | None:
    """Return a value as an integer of 64 bits, ``None`` for what is none.

    >>> [integer_of(value) for value in (" 7", 7.0, "7.5", "1e999999999", "1_0", None)]
    [7, 7, None, None, None, None]
    """
    try:
        number = Decimal(_digits(value))
        return int(number) if abs(number) < _LARGEST and number == int(number) else None
    except (ArithmeticError, ValueError):
        return None


def _digits(value: Any) -> str:
    """Return a number as text, without what only Python takes for a part of one."""
    text = text_of(value) or ""
    return "" if "_" in text else text.strip()


_CONVERTERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.STRING: text_of,
    Kind.INTEGER: integer_of,
    Kind.NUMBER: _number,
}


def _original(row: Mapping[str, Any]) -> bytes:
    shown = {
        name: bytes(value).decode(errors="backslashreplace")
        if isinstance(value, bytes | memoryview)
        else value
        for name, value in row.items()
    }
    return orjson.dumps(shown, default=str)
