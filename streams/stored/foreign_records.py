"""Records in a topic of ours that none of our programs has written: skipped, counted, told once."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeAlias

import orjson

from streamsim.streams.errors import ForeignRecordError

Kinds: TypeAlias = type | tuple[type, ...]
NUMBER = int, float
_LARGEST = 2**63 - 1
"""Of the integers that our arrays hold; JSON's may have a bit more."""
MAYBE_NUMBER = int, float, NoneType


def read_fields(value: bytes | None, kinds: Mapping[str, Kinds]) -> dict[str, Any]:
    """Read a record that a program of ours has written as a JSON object.

    Parameters
    ----------
    kinds
        The fields that such an object has, and their types.

    Raises
    ------
    ForeignRecordError
        If it is none.

    Examples
    --------
    >>> read_fields(b'{"a": 1, "b": null}', {"a": int})
    {'a': 1, 'b': None}
    """
    if value is None:
        raise ForeignRecordError("no value")
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ForeignRecordError("not JSON") from None
    return check_fields(body, kinds)


def check_fields(body: Any, kinds: Mapping[str, Kinds]) -> dict[str, Any]:
    """Return an object if it has these fields, of these types.

    Raises
    ------
    ForeignRecordError
        If it has not.
    """
    if type(body) is not dict:
        raise ForeignRecordError("not a JSON object")
    for name, kind in kinds.items():
        if name not in body:
            raise ForeignRecordError(f"no {name}")
        value = body[name]
        if not isinstance(value, kind) or (type(value) is bool and kind is not bool):
            raise ForeignRecordError(f"{name}: of another type")
        if type(value) is int and value > _LARGEST:
            raise ForeignRecordError(f"{name}: too large")
    return body


def check_list(items: Any, kind: Kinds, name: str) -> None:
    """Refuse what is not a list of one type.

    Raises
    ------
    ForeignRecordError
        If it is none.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if type(items) is not list or not set(map(type, items)) <= set(kinds):
        raise ForeignRecordError(f"{name}: of another type")
    if int in kinds and max(items, default=0) > _LARGEST:
        raise ForeignRecordError(f"{name}: too large")


class ForeignRecords:
    """Counts the foreign records of each topic; a record that is read again counts once.

    >>> foreign = ForeignRecords()
    >>> foreign.add("water.alerts", 0, 17, "not JSON")
    "water.alerts, partition 0, offset 17: not JSON. It is skipped, and so are others like it: \
only streamsim's own programs may write to this topic"
    >>> foreign.add("water.alerts", 0, 17, "not JSON"), foreign.add("water.alerts", 1, 4, "")
    (None, None)
    >>> foreign.counts
    {'water.alerts': 2}
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.told: dict[str, str] = {}
        """Per topic, what was said of its first foreign record."""
        self._latest: dict[tuple[str, int], int] = {}

    def add(self, topic: str, partition: int, offset: int, why: str) -> str | None:
        """Count a record; return what to say of it, ``None`` if its topic has had one before."""
        if offset <= self._latest.get((topic, partition), -1):
            return None
        self._latest[topic, partition] = offset
        self.counts[topic] = self.counts.get(topic, 0) + 1
        if topic in self.told:
            return None
        self.told[topic] = (
            f"{topic}, partition {partition}, offset {offset}: {why}. It is skipped, and so are "
            "others like it: only streamsim's own programs may write to this topic"
        )
        return self.told[topic]
