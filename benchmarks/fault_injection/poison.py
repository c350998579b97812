"""Invalid records: ways to corrupt bytes, fields, headers and times of a valid one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

from streamsim.producers.recording import Recorded
from streamsim.streams.events import HEARTBEAT, SOURCE_TIME

BIG = 5 << 20


def _bytes(record: Recorded, draw: random.Random) -> Recorded:
    data = bytearray(record.value or b"{}")
    for _ in range(draw.randint(1, 5)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return record._replace(value=bytes(data))


def _cut(record: Recorded, draw: random.Random) -> Recorded:
    value = record.value or b""
    return record._replace(value=value[: draw.randrange(len(value) + 1)])


def _field(record: Recorded, draw: random.Random) -> Recorded:
    body = orjson.loads(record.value or b"{}")
    name = draw.choice([*body, "unheard_of"])
    junk: list[Any] = [None, "", "x" * 500, -1, 0, 1.5, 2**63, True, [], {}, [1] * 50, "\0", "é",
            1e300, "2100-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
            "2025-02-30T00:00:00Z"]  # fmt: skip
    body[name] = draw.choice(junk)
    if draw.random() < 0.2:
        del body[draw.choice(list(body))]
    try:
        return record._replace(value=orjson.dumps(body))
    except TypeError:
        return record._replace(value=b'{"n": 99999999999999999999999}')


def _literal(record: Recorded, draw: random.Random) -> Recorded:
    literals = [b"", b"null", b"[]", b"1", b'"x"', b"NaN", b"{", b"{}", b"\xff\xfe", b"\x00",
                b"[" * 10_000, b'{"a":' * 10_000, b"{},{}", b"{}]", b'{"a": NaN}']  # fmt: skip
    return record._replace(value=draw.choice(literals))


def _no_value(record: Recorded, draw: random.Random) -> Recorded:
    return record._replace(value=None)


def _no_key(record: Recorded, draw: random.Random) -> Recorded:
    return record._replace(key=None)


def _headers(record: Recorded, draw: random.Random) -> Recorded:
    kept = [h for h in record.headers if h[0] != SOURCE_TIME]
    stamps: list[bytes | None] = [b"", b"-5", b"soon", b"0", b"99999999999999999999", b"\xff", None]
    if draw.random() < 0.5:
        kept.append((SOURCE_TIME, draw.choice(stamps)))
    if draw.random() < 0.3:
        kept.append((HEARTBEAT, b"1"))  # an event marked as a heartbeat, but without a clock
    return record._replace(headers=tuple(kept))


def _time(record: Recorded, draw: random.Random) -> Recorded:
    body = orjson.loads(record.value or b"{}")
    body["event_time"] = draw.choice(
        ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
         "9999-12-31T23:59:59-23:59", "2025-01-01", "2025-01-01T00:00:00", 1735689600000]
    )  # fmt: skip
    return record._replace(value=orjson.dumps(body))


WAYS: list[Callable[[Recorded, random.Random], Recorded]] = [
    _bytes,
    _cut,
    _field,
    _field,
    _literal,
    _no_value,
    _no_key,
    _headers,
    _time,
]
