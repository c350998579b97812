"""Identifiers in one form, so that the same one is the same text in every source."""

from __future__ import annotations

import re
import unicodedata

_ID_NUMBER = re.compile(r"0*(\d+)(?:\.0*)?", re.ASCII)
_MOST = 2**53
"""Larger floats may stand for several whole numbers."""


def identifier(value: object) -> str | None:
    """Return an identifier in one form, ``None`` for a value that is none.

    Letters with accents have one form (NFC), and blanks and marks without a width at either end are
    no part of it.

    >>> [identifier(v) for v in (" 0027", 27, 27.0, "27.0", "C-27", "0", "", None, float("nan"))]
    ['27', '27', '27', '27', 'C-27', '0', None, None, None]
    """
    text = trimmed(value)
    number = _ID_NUMBER.fullmatch(text) if text else None
    return number[1] if number else text


def trimmed(value: object) -> str | None:
    """Return an identifier as it is written, but for the form of its letters, and blanks around it.

    >>> [trimmed(v) for v in (" 0027", 27.0, "27.0", "\u200b31", None)]
    ['0027', '27', '27.0', '31', None]
    """
    if value is None or isinstance(value, bool) or value != value:
        return None
    if type(value) is str and value.isascii():
        return value.strip() or None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return unicodedata.normalize("NFC", str(value)).strip(_NO_WIDTH).strip() or None


_NO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad \t\r\n\u00a0"


def text_of(value: object) -> str | None:
    """Return a value that may be an identifier as a text: a whole number as its digits.

    >>> [text_of(v) for v in ("007", 1042, 1042.0, 10.5, True, None)]
    ['007', '1042', '1042', None, None, None]
    """
    if type(value) is str:
        return value
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < _MOST else None
    return str(value) if type(value) is int else None
