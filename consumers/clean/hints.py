"""Hints in the reasons of dead letters: what a record looks like that another producer has sent."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any

import orjson

_ENVELOPES = ("payload", "data", "after", "value")
_MOST = 100
"""Most records of a batch that are looked at once more."""


def not_json(value: bytes | None) -> str:
    r"""Say why a value is no JSON, as far as its beginning shows it.

    >>> not_json(b""), not_json(b"\0\0\0\0\7{}"), not_json(b"{")
    ('empty', "not JSON: it begins as a schema registry's record does", 'not JSON')
    """
    if not value:
        return "empty"
    if value.startswith(b"\0") and len(value) > _SCHEMA_ID:
        return "not JSON: it begins as a schema registry's record does"
    if value.startswith(codecs.BOM_UTF8):
        return "not JSON: it begins with a byte order mark"
    return "not JSON"


_SCHEMA_ID = 5
"""A zero byte, and the number of a schema in four."""


def key_reason(name: str, entity: str, key: bytes | None) -> str:
    """Return why a record's key is not its entity.

    >>> key_reason("id", "c1", b'"c1"'), key_reason("id", "c1", None)
    ('key: not the id, but its JSON text', 'key: missing, and not the id')
    """
    if key is None:
        return f"key: missing, and not the {name}"
    if key == orjson.dumps(entity):
        return f"key: not the {name}, but its JSON text"
    return f"key: not the {name}"


def envelope_hints(rows: Sequence[int], values: Sequence[bytes | None]) -> dict[int, str]:
    """Return a hint for the rows whose event is within another object.

    >>> envelope_hints([0], [b'{"payload": {"after": {"event_id": "p"}}}'])
    {0: ', and there is payload: an envelope around the event?'}
    """
    found = {}
    for row in rows[:_MOST]:
        item: Any = orjson.loads(values[row] or b"null")
        name = next((n for n in _ENVELOPES if isinstance(item.get(n), dict)), None)
        if name is not None:
            found[row] = f", and there is {name}: an envelope around the event?"
    return found
