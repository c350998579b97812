"""Products of two columns, exact in decimals: what a quantity costs at a price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from streamsim.streams.reading.formats import MOST_CENTS, Number, texts_of

if TYPE_CHECKING:
    import pandas as pd


def products(
    a: pd.Series,
    b: pd.Series,
    number: Number,
    *,
    symbol: str = "",
    scale: int = 0,
    whole: bool = True,
) -> pd.Series:
    """Multiply two columns.

    Parameters
    ----------
    number
        How both are written.
    symbol
        Currency symbol of the first, before or behind its numbers or missing.
    scale
        Powers of ten by which a product is multiplied: 2 for cents.
    whole
        Whether a product must be whole.

    Returns
    -------
    ``Int64`` or ``float64``; missing where one is no number, or the product must be whole and is
    not.

    Examples
    --------
    >>> import pandas as pd
    >>> price, count = pd.Series(["2.55", "0.1", "0.001", "x"]), pd.Series(["6", "-3", "1", "1"])
    >>> products(price, count, Number(), scale=2).tolist()
    [1530, -30, <NA>, <NA>]
    """
    import pandas as pd

    found: list[Decimal | None] = []
    pairs = zip(decimals(a, number, symbol), decimals(b, number), strict=True)
    for one, other in pairs:
        product = None if one is None or other is None else (one * other).scaleb(scale)
        if product is not None and whole and (product % 1 or abs(product) > MOST_CENTS):
            product = None
        found.append(product)
    if whole:
        integers = [None if own is None else int(own) for own in found]
        return pd.Series(integers, index=a.index, dtype="Int64")
    floats = [float("nan") if own is None else float(own) for own in found]
    return pd.Series(floats, index=a.index, dtype="float64")


def decimals(values: pd.Series, number: Number, symbol: str = "") -> Sequence[Decimal | None]:
    """Return values as they are written, ``None`` for what is no such number.

    >>> import pandas as pd
    >>> decimals(pd.Series(["1.234,50 €", "-3", 2.5, "1,2,3"]), Number(",", "."), "€")
    [Decimal('1234.50'), Decimal('-3.0'), None, None]
    """
    pattern = _written(number, symbol)
    texts = texts_of(values).tolist()
    return [_decimal(pattern.fullmatch(t), number) if isinstance(t, str) else None for t in texts]


def _decimal(match: re.Match[str] | None, number: Number) -> Decimal | None:
    if match is None:
        return None
    whole = match["whole"].replace(number.thousands, "") if number.thousands else match["whole"]
    return Decimal(f"{match['minus'] or ''}{whole or 0}.{match['rest'] or 0}")


@lru_cache
def _written(number: Number, symbol: str) -> re.Pattern[str]:
    mark = rf"\s*(?:{re.escape(symbol)})?\s*" if symbol else r"\s*"
    group = re.escape(number.thousands)
    grouped = rf"\d{{1,3}}(?:{group}\d{{3}})+|" if group else ""
    point = re.escape(number.decimal)
    digits = rf"(?P<whole>{grouped}\d{{1,15}})(?:{point}(?P<rest>\d{{0,12}}))?"
    return re.compile(rf"\s*(?P<minus>-)?{mark}{digits}{mark}", re.ASCII)
