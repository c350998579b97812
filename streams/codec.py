"""Codec: JSON events and their times, a batch at a time.

An event is a JSON object. A batch is decoded in one call, by joining its values to one array.
A random marker between the values keeps a crafted value from changing its neighbour.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from streamsim.streams.events import NO_TIME, Ints, Mask

_MARK = os.urandom(9).hex()
_BETWEEN = b',"' + _MARK.encode() + b'",'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode_objects(
    values: Sequence[bytes | None],
) -> tuple[list[dict[str, Any] | None], dict[int, str]]:
    """Decode the values of records as JSON objects.

    Returns
    -------
    objects
        One per value, ``None`` where it is none.
    bad
        Row to reason, for the values that are not JSON objects.

    Examples
    --------
    >>> decode_objects([b'{"a": 1}', b"[]", None, b"{"])
    ([{'a': 1}, None, None, None], {1: 'not a JSON object', 2: 'no value', 3: 'not JSON'})
    """
    if not values:
        return [], {}
    if (items := _decode_together(values)) is not None:
        return items, {}
    if len(values) <= _SINGLE:
        return _decode_each(values)
    # A few bad values are found by halving: the others are decoded together still.
    half = len(values) // 2
    first, bad = decode_objects(values[:half])
    second, also = decode_objects(values[half:])
    return first + second, bad | {half + row: reason for row, reason in also.items()}


def decode_columns(
    values: Sequence[bytes | None], names: Sequence[str]
) -> tuple[list[list[Any]], dict[int, str]]:
    """Decode the values of records as JSON objects, and return fields of these by column.

    Returns per name the field of each object, ``None`` where it is missing, without the bad
    values; and these, as :func:`decode_objects` does.

    >>> decode_columns([b'{"a": 1}', b"{", b'{"b": 2}'], ["a", "b"])
    ([[1, None], [None, 2]], {1: 'not JSON'})
    """
    columns: list[list[Any]] = [[] for _ in names]
    bad: dict[int, str] = {}
    # Objects are read while they are in the processor's cache; a bad one spoils its piece only.
    for begin in range(0, len(values), _PIECE):
        objects, wrong = decode_objects(values[begin : begin + _PIECE])
        if wrong:
            bad |= {begin + row: reason for row, reason in wrong.items()}
            objects = [item for item in objects if item is not None]
        for column, name in zip(columns, names, strict=True):
            column += _field(objects, name)
    return columns, bad


_PIECE = 256


def _field(objects: Sequence[Any], name: str) -> list[Any]:
    """Return one field of all objects, ``None`` where it is missing."""
    try:
        return list(map(itemgetter(name), objects))
    except KeyError:
        return list(map(dict.get, objects, repeat(name)))


_SINGLE = 8
"""At most this many values are decoded one by one if they cannot be decoded together."""


def _decode_together(values: Sequence[bytes | None]) -> list[dict[str, Any] | None] | None:
    """Decode values in one call; return ``None`` if one of them is not a JSON object."""
    try:
        items = orjson.loads(b"[" + _BETWEEN.join(values) + b"]")  # type: ignore[arg-type]
    except (orjson.JSONDecodeError, TypeError):
        return None
    found: list[dict[str, Any] | None] = items[::2]
    whole = (
        len(items) == 2 * len(values) - 1
        and items[1::2] == [_MARK] * (len(values) - 1)
        and set(map(type, found)) == {dict}
    )
    return found if whole else None


def _decode_each(
    values: Sequence[bytes | None],
) -> tuple[list[dict[str, Any] | None], dict[int, str]]:
    objects: list[dict[str, Any] | None] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values):
        item = None
        if value is None:
            bad[row] = "no value"
        else:
            try:
                item = orjson.loads(value)
            except orjson.JSONDecodeError:
                bad[row] = "not JSON"
            else:
                if type(item) is not dict:
                    item, bad[row] = None, "not a JSON object"
        objects.append(item)
    return objects, bad


def encode_objects(columns: Mapping[str, Iterable[Any]]) -> list[bytes]:
    """Encode columns of equal length as JSON objects, one per row.

    >>> encode_objects({"a": [1, 2], "b": ["x", None]})
    [b'{"a":1,"b":"x"}', b'{"a":2,"b":null}']
    """
    if not columns:
        return []
    marks, pieces = zip(*map(_encoded, columns.values()), strict=True)
    names = (orjson.dumps(name).replace(b"%", b"%%") for name in columns)
    fields = (name + b":" + mark for name, mark in zip(names, marks, strict=True))
    template = b"{" + b",".join(fields) + b"}"
    return list(map(template.__mod__, zip(*pieces, strict=True)))


def _encoded(column: Iterable[Any]) -> tuple[bytes, list[bytes]]:
    """Encode the values of a column; return where they go in a template, and one text per value.

    A column of texts or of numbers is encoded in one call and split. The separator ``","`` is found
    between two texts only: within a text the quote is escaped.
    """
    values = list(column)
    kinds = set(map(type, values))
    if kinds == {str}:
        return b'"%b"', orjson.dumps(values)[2:-2].split(b'","')
    if kinds and kinds <= _PLAIN:
        return b"%b", orjson.dumps(values)[1:-1].split(b",")
    if kinds == {str, type(None)}:
        texts = {value: orjson.dumps(value) for value in set(values)}
        return b"%b", list(map(texts.__getitem__, values))
    return b"%b", list(map(orjson.dumps, values))


_PLAIN = {int, float, bool, type(None)}
"""Types whose JSON has no comma."""


def dump_each(objects: Sequence[Mapping[str, Any]]) -> list[bytes]:
    r"""Encode each object; flat ones in a single call.

    ``},{"`` occurs between two flat objects only: within a string the quote is escaped. If the
    number of pieces is wrong, an object was not flat.

    >>> dump_each([{"a": 1}, {"a": '},{"'}])
    [b'{"a":1}', b'{"a":"},{\\""}']
    """
    dumps = orjson.dumps
    whole = dumps(objects)
    pieces = whole[3:-2].split(b'},{"')
    if not all(objects) or len(pieces) != len(objects):
        return [dumps(item) for item in objects]
    return [b'{"' + piece + b"}" for piece in pieces]


def format_times(times_ms: Ints) -> list[str]:
    """Write instants as RFC 3339 in UTC with milliseconds.

    >>> format_times(np.array([0, 1_500]))
    ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.500Z']
    """
    stamps = times_ms.astype("datetime64[ms]")
    return np.datetime_as_string(stamps, timezone="UTC").tolist()  # type: ignore[no-any-return]


def parse_times(texts: Sequence[Any]) -> Ints:
    """Read RFC 3339 instants as milliseconds since 1970 (UTC).

    Returns
    -------
    Array of shape ``(n,)``, ``NO_TIME`` where the text is no such instant, or has no offset.

    Examples
    --------
    >>> parse_times(["1970-01-01T00:00:01.500Z", "1970-01-01T01:00:00+01:00"]).tolist()
    [1500, 0]
    >>> parse_times(["1970-01-01T00:00:00", "soon"]).tolist() == [NO_TIME] * 2
    True
    """
    if len(texts) < _FEW:
        return np.fromiter(map(_parse_one, texts), np.int64, len(texts))
    try:
        data = "".join(texts).encode("ascii")
    except (TypeError, UnicodeEncodeError):
        data = b""
    if len(data) == 24 * len(texts) and all(map(_is_24, map(len, texts))):
        times, good = _parse_fixed(np.frombuffer(data, np.uint8).reshape(-1, 24))
        if good.all():
            return times
    return np.fromiter(map(_parse_one, texts), np.int64, len(texts))


_FEW = 16
"""Up to this many times are parsed faster one by one."""
_is_24 = (24).__eq__
_PUNCTUATION = {4: b"-", 7: b"-", 10: b"T", 13: b":", 16: b":", 19: b".", 23: b"Z"}
_DIGITS = [i for i in range(24) if i not in _PUNCTUATION]
_DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _parse_fixed(text: npt.NDArray[np.uint8]) -> tuple[Ints, Mask]:
    """Parse ``YYYY-MM-DDTHH:MM:SS.mmmZ``, shape ``(n, 24)``, without a Python loop."""
    digit = text[:, _DIGITS].astype(np.int64) - ord("0")
    good = ((digit >= 0) & (digit <= 9)).all(axis=1)
    for position, mark in _PUNCTUATION.items():
        good &= text[:, position] == ord(mark)
    year = digit[:, 0] * 1000 + digit[:, 1] * 100 + digit[:, 2] * 10 + digit[:, 3]
    month = digit[:, 4] * 10 + digit[:, 5]
    day = digit[:, 6] * 10 + digit[:, 7]
    hour = digit[:, 8] * 10 + digit[:, 9]
    minute = digit[:, 10] * 10 + digit[:, 11]
    second = digit[:, 12] * 10 + digit[:, 13]
    milli = digit[:, 14] * 100 + digit[:, 15] * 10 + digit[:, 16]
    good &= (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60) & (year >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    in_month = _DAYS_IN_MONTH[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    good &= (day >= 1) & (day <= in_month)
    days = _days_from_civil(year, month, day)
    return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + milli, good


def _days_from_civil(year: Ints, month: Ints, day: Ints) -> Ints:
    """Count days since 1970-01-01 (Howard Hinnant, *chrono-compatible date algorithms*)."""
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: Ints = era * 146_097 + day_of_era - 719_468
    return days


_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
FIRST_TIME, LAST_TIME = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999 in UTC: only these can be written."""


def _parse_one(text: Any) -> int:
    if type(text) is not str or not _RFC_3339.fullmatch(text):
        return NO_TIME
    try:
        instant = datetime.fromisoformat(text.upper())
        time = round((instant - _EPOCH).total_seconds() * 1000)
    except (ValueError, OverflowError):
        return NO_TIME
    return time if FIRST_TIME <= time <= LAST_TIME else NO_TIME


def parse_header_ints(values: Sequence[bytes | None]) -> Ints:
    """Read ASCII decimals from headers, ``NO_TIME`` where there is none.

    >>> parse_header_ints([b"1700000000000", b"12", None, b"x"]).tolist()[:2]
    [1700000000000, 12]
    """
    known = values if None not in values else [value for value in values if value is not None]
    data = b"".join(known)  # type: ignore[arg-type]
    if len(data) != 13 * len(known) or set(map(len, known)) - {13} or not data.isdigit():  # type: ignore[arg-type]
        return np.fromiter(map(_header_int, values), np.int64, len(values))
    digits = np.frombuffer(data, np.uint8).reshape(-1, 13).astype(np.int64) - ord("0")
    if len(known) == len(values):
        return digits @ _POWERS
    times = np.full(len(values), NO_TIME)
    times[[value is not None for value in values]] = digits @ _POWERS
    return times


_POWERS = 10 ** np.arange(12, -1, -1, dtype=np.int64)


def _header_int(value: bytes | None) -> int:
    if value is None or not value.isdigit() or len(value) > 13:
        return NO_TIME
    return int(value)
