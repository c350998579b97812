"""Numbers as texts: whether a number, written again, is what the text says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from streamsim.streams.reading.formats import Number

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)?\.\d+", re.ASCII)
_POWER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+[eE][+-]?|[eE][+-])\d{1,3}", re.ASCII)
"""An exponent must have a sign, or the digits before it a point: ``1E5`` may be a part's number."""
_LOOKS = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?", re.ASCII)
_SURE_DIGITS = 15
"""Every decimal of so many digits comes back from a float (C's ``DBL_DIG``)."""


def float_of(text: str) -> float | None:
    """Return the float that a text says to the last digit; ``None`` if there is none.

    >>> [float_of(t) for t in ("1013.2", "1.50", "0.1234567890123456789", "1E5", "1e-05", "+46")]
    [1013.2, 1.5, None, None, 1e-05, None]
    """
    if not (_WHOLE.fullmatch(text) or _DECIMAL.fullmatch(text) or _POWER.fullmatch(text)):
        return None
    number = float(text)
    digits = text.lower().partition("e")[0].lstrip("-0.").replace(".", "")
    if not digits:
        return number
    if abs(number) == float("inf") or not number:
        return None
    if len(digits) <= _SURE_DIGITS and 1e-300 < abs(number) < 1e300:
        return number
    if Decimal(repr(number)) == Decimal(text) or _again(number, text) == text:
        return number
    return None


def _again(number: float, text: str) -> str:
    """Write a number with as many digits as a text has."""
    mantissa, power, _ = text.replace("E", "e").partition("e")
    decimals = len(mantissa.partition(".")[2])
    return format(number, f".{decimals}{'e' if power else 'f'}")


@dataclass(frozen=True, slots=True)
class PlainNumbers:
    """Whether texts are numbers in the plain form, as programs write them.

    Attributes
    ----------
    why_not
        Why they are not all numbers; ``None`` if they are, and empty if none looks like one.
    whole
        Whether all are integers of 64 bits.

    Examples
    --------
    >>> [PlainNumbers.of(t).why_not for t in (["1", "2.5"], ["01", "2"], ["1.1", "1.10"])]
    [None, "'01' is not how the number 1 is written", "'1.1' and '1.10' would be one number"]
    """

    whole: bool
    why_not: str | None = None

    @classmethod
    def of(cls, texts: Sequence[str]) -> PlainNumbers:
        """Judge all distinct texts of a column."""
        if texts and all(map(_WHOLE.fullmatch, texts)) and all(map(_fits, texts)):
            return cls(True)
        numbers: list[float] = []
        for text in texts:
            number = float_of(text)
            if number is None:
                return cls(False, _why_not(text, texts))
            numbers.append(number)
        return cls(False, exact_texts(texts, numbers) if texts else "")

    def read(self, texts: Sequence[str | None]) -> pd.Series:
        """Return ``Int64`` or ``float64``, missing where there is no text."""
        import pandas as pd

        if self.whole:
            return pd.Series(pd.array([None if t is None else int(t) for t in texts], "Int64"))
        return pd.Series([float("nan") if t is None else float(t) for t in texts], dtype="float64")


def _fits(text: str) -> bool:
    """Say whether an integer has at most 64 bits."""
    return len(text) < 19 or (len(text) < 21 and -(2**63) <= int(text) < 2**63)


def _why_not(text: str, texts: Sequence[str]) -> str:
    """Say why a text is no number, if others in its column look like numbers."""
    if not _LOOKS.fullmatch(text):
        like = next((other for other in texts if float_of(other) is not None), None)
        return "" if like is None else f"{text[:40]!r} is no number, though {like!r} is"
    digits = sum(map(str.isdigit, text))
    if "," in text:
        return f"{text[:40]!r} has a comma"
    try:
        number = float(text)
    except ValueError:
        return f"{text[:40]!r} is no number"
    if digits > _SURE_DIGITS:
        return f"{text[:40]!r} has {digits} digits, more than a number holds"
    return f"{text[:40]!r} is not how the number {number:g} is written"


def exact_texts(texts: Sequence[str], numbers: Sequence[Any]) -> str | None:
    """Say which two texts would become one number; whole numbers may be written with decimals.

    >>> exact_texts(["7", "7.0"], [7.0, 7.0]), exact_texts(["7.5", "7.50"], [7.5, 7.5])
    (None, "'7.5' and '7.50' would be one number")
    """
    if len(set(numbers)) == len(numbers):
        return None
    seen: dict[Any, str] = {}
    for text, number in zip(texts, numbers, strict=True):
        other = seen.setdefault(number, text)
        if other != text and number != round(number):
            return f"{other!r} and {text!r} would be one number"
    return None


@dataclass(frozen=True, slots=True)
class CommaNumbers:
    """Whether texts are numbers with commas, in one way of reading them alone.

    Examples
    --------
    >>> found = CommaNumbers.of(["21,5", "1.234,56"], decimal_comma=True)
    >>> found.format, found.what
    (Number(decimal=',', thousands='.'), 'a comma separates the decimals')
    >>> CommaNumbers.of(["52,520"], decimal_comma=True).why_not
    "'52,520' may be 52520 or 52.52; say which by its type"
    """

    format: Number | None
    what: str = ""
    why_not: str = ""

    @classmethod
    def of(cls, texts: Sequence[str], *, decimal_comma: bool) -> CommaNumbers:
        """Judge all distinct texts of a column."""
        with_comma = [text for text in texts if "," in text]
        if not with_comma:
            return cls(None)
        as_decimals = decimal_comma and all(map(_COMMA_DECIMALS.fullmatch, texts))
        as_groups = all(map(_COMMA_GROUPS.fullmatch, texts))
        if as_decimals and as_groups:
            return cls(None, why_not=f"{with_comma[0]!r} may be {_both(with_comma[0])}; "
                       "say which by its type")  # fmt: skip
        if as_decimals and not any(map(_LEADING.match, texts)):
            return cls(Number(",", "."), "a comma separates the decimals")
        if as_groups and any("." in text or text.count(",") > 1 for text in with_comma):
            return cls(Number(".", ","), "a comma separates the thousands")
        if as_groups:
            return cls(None, why_not=f"{with_comma[0]!r} may be {_both(with_comma[0])}; "
                       "say which by its type")  # fmt: skip
        if all(map(_LOOKS.fullmatch, texts)):
            return cls(None, why_not=f"{with_comma[0][:40]!r} has a comma; say by its type what "
                       "it separates")  # fmt: skip
        return cls(None)


def _both(text: str) -> str:
    return f"{text.replace(',', '')} or {float(text.replace(',', '.', 1).replace(',', '')):g}"


_COMMA_DECIMALS = re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?", re.ASCII)
_COMMA_GROUPS = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d{1,3})(?:\.\d+)?", re.ASCII)
_LEADING = re.compile(r"-?0\d", re.ASCII)
