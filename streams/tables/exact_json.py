"""JSON with every digit of a number and every value of a name.

The usual decoder reads a number that is too long for a float as the nearest one. Here an integer
keeps all its digits, and a decimal that no float equals stays the text that it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from streamsim.streams.codec import decode_objects

Row = dict[str, Any]
_LONG = re.compile(rb"\d[\d.]{15}")
"""A number that a float might not hold, or a text that looks like one."""


def exact_float(text: str) -> float | str:
    """Return a decimal as a float if that is the same number, else as its text.

    >>> exact_float("0.10"), exact_float("0.1234567890123456789"), exact_float("1e-999")
    (0.1, '0.1234567890123456789', '1e-999')
    """
    number = float(text)
    if number in (float("inf"), float("-inf")) or (not number and _is_above_zero(text)):
        return text
    if len(text) < 17 or Decimal(repr(number)) == Decimal(text):
        return number
    return text


def _is_above_zero(text: str) -> bool:
    """Say whether a decimal has a digit above zero before its exponent."""
    return bool(text.lower().partition("e")[0].strip("-0."))


def _exact_int(text: str) -> int | str:
    return int(text) if len(text) < 1_000 else text


def all_pairs(pairs: list[tuple[str, Any]]) -> Row:
    """Return an object; a name that comes twice is numbered, so that both values stay."""
    found: Row = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = {name for name, _ in pairs}
    found = {}
    for name, value in pairs:
        own, number = name, 2
        while own in found or (own != name and own in names):
            own, number = f"{name}_{number}", number + 1
        found[own] = value
    return found


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


DECODER = json.JSONDecoder(
    parse_float=exact_float,
    parse_int=_exact_int,
    parse_constant=_refused,
    object_pairs_hook=all_pairs,
)


def exact_json(text: str) -> Any:
    """Decode JSON with all digits, and both values of a name that comes twice.

    >>> exact_json('{"a": 89490200001234567890, "a": 1}')
    {'a': 89490200001234567890, 'a_2': 1}
    """
    return DECODER.decode(text)


def decode_lines(lines: Sequence[bytes]) -> tuple[list[Row | None], dict[int, str]]:
    """Decode lines as JSON objects; ``None``, and a reason, for a line that is none.

    A line with two values of one name is refused: neither is known to be meant.

    >>> rows, bad = decode_lines([b'{"n": 89490200001234567890}', b"[1]", b'{"n": 1, "n": 2}'])
    >>> rows, bad[2]
    ([{'n': 89490200001234567890}, None, None], 'n: twice in one object')
    """
    objects, bad = decode_objects(lines)
    for row, line in enumerate(lines):
        own = objects[row]
        if own is None:
            continue
        names = line.count(b'":') + line.count(b'" :')
        if names > len(own) and names > _names(own) and (twice := _twice(line)) is not None:
            objects[row], bad[row] = None, f"{twice}: twice in one object"
        elif _LONG.search(line):
            try:
                objects[row] = exact_json(line.decode())
            except (ValueError, RecursionError):  # it stays as the first decoder read it
                continue
    return objects, bad


def _names(value: Any) -> int:
    """Count the names of an object and of those within it."""
    if isinstance(value, dict):
        return len(value) + sum(map(_names, value.values()))
    return sum(map(_names, value)) if isinstance(value, list) else 0


def _twice(line: bytes) -> str | None:
    """Return a name that comes twice in one object, ``None`` without one."""

    def refuse(pairs: list[tuple[str, Any]]) -> Row:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise _Twice(next(name for name in found if names.count(name) > 1))
        return found

    try:
        json.loads(line, object_pairs_hook=refuse, parse_int=str, parse_float=str)
    except _Twice as error:
        return str(error)
    except (ValueError, RecursionError):  # it stays as the first decoder read it
        return None
    return None


class _Twice(ValueError):
    """A name comes twice."""
