"""Changed rows of a database table as events of a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from streamsim.producers.encode import Written, encode_rows
from streamsim.streams.reading.formats import Instants
from streamsim.streams.spec import Field, Kind, SourceSpec
from streamsim.streams.spec.world import Emission

_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it was when its change was read.

    Attributes
    ----------
    version
        The row's version, which every change increases.
    key
        The entity in one form (:func:`streamsim.streams.reading.identifiers.identifier`), if the
        row has one.
    event_time
        When the row was changed (ms, ``NO_TIME`` if unreadable).
    values
        The event's fields, as the database returns them.
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

    An event's id is ``<source>-<key>-<version>``, so that a change that is read twice is a
    duplicate. A row that lacks a required field becomes a record with the row as JSON, which the
    cleaner rejects as dead.

    Parameters
    ----------
    clock
        The source's clock so far (ms).

    Returns
    -------
    The events in order of event time; their clock is the event time, at least ``clock``.
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
    emission = encode_rows(source, pd.DataFrame(columns), Written(lambda i: _original(rows[i].row)))
    return replace(emission, clock=np.maximum(emission.clock, clock))


def times_of(values: Sequence[Any], instants: Instants) -> list[int]:
    """Return instants in ms; the pattern does not apply to a driver's ``date`` and ``datetime``."""
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
    """Return a scalar value as text, ``None`` for bytes and containers."""
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
    """Return a value as a 64-bit integer, ``None`` if it is not one.

    >>> [integer_of(value) for value in (" 7", 7.0, "7.5", "1e999999999", "1_0", None)]
    [7, 7, None, None, None, None]
    """
    try:
        number = Decimal(_digits(value))
        return int(number) if abs(number) < _LARGEST and number == int(number) else None
    except (ArithmeticError, ValueError):
        return None


def _digits(value: Any) -> str:
    """Return a number as text; empty if it has underscores, which only Python accepts."""
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
