"""Rows of Parquet as plain values: what a writer stored typed is read as if it were text or JSON.

A decimal becomes its digits, an instant ISO 8601 with all its fractions, bytes their UTF-8. So the
file of any writer (Spark, Snowflake, pandas, DuckDB) reads like the same rows in CSV.
"""

from __future__ import annotations

from typing import Any

import orjson


def plain_column(column: Any) -> tuple[list[Any], dict[int, str]]:
    """Return the values of an Arrow array, and row to reason for those that have no plain form.

    Plain are ``str``, ``int``, ``float``, ``bool`` and ``None``. NaN is ``None``.

    >>> import pyarrow as pa
    >>> from decimal import Decimal
    >>> from datetime import datetime
    >>> plain_column(pa.array([Decimal("12.50"), None]))
    (['12.50', None], {})
    >>> plain_column(pa.array([datetime(2018, 4, 1, 0, 0, 31)]))
    (['2018-04-01T00:00:31'], {})
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain_column(column.dictionary_decode())
    if isinstance(kind, pa.ExtensionType):
        return plain_column(column.storage)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            return column.to_pylist(), {}
        except UnicodeDecodeError:  # a damaged page, or a writer that did not check
            return _texts(column.cast(pa.large_binary()).to_pylist())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column.to_pylist(), {}
    if pa.types.is_floating(kind):
        return [None if v is None or v != v else v for v in column.to_pylist()], {}
    if pa.types.is_decimal(kind):
        return column.cast(pa.string()).to_pylist(), {}
    if pa.types.is_timestamp(kind):
        return _instants(column, kind), {}
    if pa.types.is_date(kind):
        return pc.strftime(column, format="%Y-%m-%d").to_pylist(), {}
    if pa.types.is_time(kind):
        return column.cast(pa.string()).to_pylist(), {}
    if (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    ):
        return _texts(column.to_pylist())
    if pa.types.is_nested(kind):
        return _nested(column.to_pylist())
    return [None] * len(column), {
        row: f"of a type that is not read ({kind})"
        for row, there in enumerate(column.is_valid().to_pylist())
        if there
    }


def _instants(column: Any, kind: Any) -> list[Any]:
    """Write instants as ISO 8601: in UTC with a Z if they have a zone, without an offset if not."""
    import pyarrow.compute as pc

    text = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S").to_pylist()
    if kind.tz is not None:
        text = pc.strftime(column.cast(_utc(kind.unit)), format="%Y-%m-%dT%H:%M:%S").to_pylist()
    end = "" if kind.tz is None else "Z"
    # The writer's fractions: Arrow writes all digits of its unit, an instant needs only its own.
    return [None if t is None else _trimmed(t) + end for t in text]


def _trimmed(text: str) -> str:
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _utc(unit: str) -> Any:
    import pyarrow as pa

    return pa.timestamp(unit, "UTC")


def _texts(values: list[bytes | None]) -> tuple[list[Any], dict[int, str]]:
    found: list[Any] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            found.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            found.append(None)
            bad[row] = "bytes that are no UTF-8"
    return found, bad


def _nested(values: list[Any]) -> tuple[list[Any], dict[int, str]]:
    """Write lists, maps and structs as JSON, as an array within a row of JSON is."""
    found: list[Any] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            found.append(None if value is None else orjson.dumps(value, default=str).decode())
        except orjson.JSONEncodeError:
            found.append(None)
            bad[row] = "a nested value that has no JSON"
    return found, bad
