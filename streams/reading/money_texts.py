"""Amounts as texts: whether they all have one symbol, in one way of reading them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamsim.streams.reading.formats import Money
from streamsim.streams.reading.number_texts import exact_texts

_SYMBOLS = ("$", "£", "€", "¥", "US$", "CHF", "EUR", "USD", "GBP")


def money_format(texts: Sequence[str]) -> tuple[Money | None, str]:
    """Return the one format in which all texts are amounts with a currency's symbol, or why not.

    >>> money_format(["$1,004.19", "-$3"])
    (Money(symbol='$', thousands=',', decimal='.'), '')
    """
    import pandas as pd

    symbol = next((s for s in _SYMBOLS if all(s in text for text in texts)), None)
    if symbol is None:
        return None, ""
    marks = ((",", "."), (".", ","), ("'", "."), (" ", ","))
    ways = [Money(symbol, thousands, decimal) for thousands, decimal in marks]
    column = pd.Series(list(texts), dtype=object)
    read = [(way, cents) for way in ways if (cents := way.read(column)).notna().all()]
    if not read:
        return None, f"not all values are amounts with {symbol}"
    if any(not read[0][1].equals(other) for _, other in read[1:]):
        return None, f"{texts[0]!r} can be read as more than one amount"
    group = read[0][0].thousands
    plain = symbol not in ("$", "£", "US$", "USD", "GBP")
    if plain and group in ".,'" and any(group in text for text in texts):
        separated = [re.sub(r"[^\d.,']", "", text) for text in texts]
        if all(re.fullmatch(r"\d{1,3}[.,']\d{3}|\d+", text) for text in separated):
            return None, f"{texts[0]!r} may be thousands, or three decimals"
    if (why := exact_texts(texts, read[0][1].tolist())) is not None:
        return None, why
    return read[0][0], ""
