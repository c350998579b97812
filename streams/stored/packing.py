"""Packed columns: a header line of JSON, then the bytes of each column.

Integers are little-endian int64, texts are JSON. No other type is read, and nothing is executed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import orjson

from streamsim.streams.errors import PackingError
from streamsim.streams.events import Ints

Packable: TypeAlias = "Ints | Sequence[str]"
Columns: TypeAlias = Mapping[str, Packable]

INTEGERS, TEXTS = "i8", "text"


def pack(columns: Columns) -> bytes:
    """Write columns of integers or texts; they may differ in length.

    >>> packed = pack({"time": np.array([5, 7]), "key": ["a", "b"]})
    >>> unpack(packed)["key"], unpack(packed)["time"].tolist()
    (['a', 'b'], [5, 7])
    """
    head: list[tuple[str, str, int]] = []
    body: list[bytes] = []
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            data, kind = np.ascontiguousarray(column, "<i8").tobytes(), INTEGERS
        else:
            data, kind = orjson.dumps(column), TEXTS
        head.append((name, kind, len(data)))
        body.append(data)
    return b"\n".join([orjson.dumps(head), b"".join(body)])


def unpack(data: bytes) -> dict[str, Ints | list[str]]:
    """Read the bytes that :func:`pack` wrote.

    Raises
    ------
    PackingError
        If the bytes are anything else.
    """
    first, line, rest = data.partition(b"\n")
    try:
        head = orjson.loads(first)
        columns: dict[str, Ints | list[str]] = {}
        at = 0
        for name, kind, size in head:
            part = rest[at : at + size]
            if size < 0 or len(part) != size:
                raise ValueError("cut off")
            at += size
            columns[name] = _read(kind, part)
    except (ValueError, TypeError) as error:
        raise PackingError(f"not packed columns: {error}") from None
    if not line or at != len(rest):
        raise PackingError("not packed columns: the size differs from the header's")
    return columns


def _read(kind: str, part: bytes) -> Ints | list[str]:
    if kind == INTEGERS:
        return np.frombuffer(part, "<i8").astype(np.int64)
    texts = orjson.loads(part)
    if kind != TEXTS or not isinstance(texts, list) or not all(type(t) is str for t in texts):
        raise ValueError(f"a column's bytes are not of its type {kind!r}")
    return texts
