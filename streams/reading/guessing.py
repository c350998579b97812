"""Format inference: the format of a feed without a declared table, from its first rows."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.feeds import Feed, Instants, Money

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 1_000
"""Number of values that a column's type is inferred from."""
PATTERNS = (
    "",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y",
)
"""Recognised formats of a time, ISO 8601 first."""
MONIES = (*(Money(symbol, ",") for symbol in "$£€"), Money("€", ".", ","), Money(decimal=","))
"""Recognised formats of money: only those with a symbol or a decimal comma."""
MOST = 0.95
"""Share of a column's values that must be readable as its type; the others are malformed."""


def guessed(name: str, rows: pd.DataFrame, zone: str = "UTC") -> Feed:
    """Infer the format of a feed from its first rows.

    Names become ``snake_case``. A column holds times or money if nearly all of its values can be
    read in one format of these. Money must have a symbol or a decimal comma, or be whole cents
    with a name that says so. A column whose name ends in ``id`` holds identifiers.

    Parameters
    ----------
    zone
        Time zone of times without an offset.

    Examples
    --------
    >>> import pandas as pd
    >>> feed = guessed("orders", pd.DataFrame({"soldAt": ["2017-03-01T00:05:30-05:00"],
    ...     "Net Sales": ["$4.19"], "client.accountId": ["0027"], "qty": ["2"]}))
    >>> dict(feed.fields)  # doctest: +NORMALIZE_WHITESPACE
    {'sold_at': 'soldAt', 'net_sales': 'Net Sales', 'account_id': 'client.accountId',
     'qty': 'qty'}
    >>> list(feed.instants), list(feed.money), feed.ids, feed.numbers
    (['sold_at'], ['net_sales'], ('account_id',), ('qty',))
    """
    fields: dict[str, str] = {}
    for column in map(str, rows.columns):
        short = snake(column.rpartition(".")[2])
        names = chain((short, snake(column)), (f"{short}_{n}" for n in range(2, len(fields) + 3)))
        fields[next(name for name in names if name not in fields)] = column
    instants: dict[str, Instants] = {}
    money: dict[str, Money] = {}
    ids, numbers = [], []
    for ours, theirs in fields.items():
        values = rows[theirs].dropna().head(SAMPLE)
        texts = values[values.map(lambda v: isinstance(v, str)).astype(bool)]
        if re.search(r"(^|_)id$", ours):
            ids.append(ours)
        elif ours.endswith("_cents"):
            money[ours] = Money(decimal=None)
        elif len(texts) and len(texts) == len(values):
            time, amount = _time_of(texts, zone), _money_of(texts)
            if time is not None:
                instants[ours] = time
            elif amount is not None:
                money[ours] = amount
            elif _are_numbers(texts):
                numbers.append(ours)
        elif len(values) and not len(texts) and _are_numbers(values):
            numbers.append(ours)
    return Feed(name, fields, instants, money, tuple(ids), tuple(numbers))


def snake(name: str) -> str:
    """Return a name in snake case.

    >>> [snake(n) for n in ("accountId", "Client Account", "SKU", "HTTPCode", "@no")]
    ['account_id', 'client_account', 'sku', 'http_code', 'no']
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+", "_", parted).strip("_").lower()


def _time_of(texts: pd.Series, zone: str) -> Instants | None:
    if not _mostly(texts.str.contains(r"\d[-/.]\d", regex=True)):
        return None
    ways = (Instants(pattern, zone) for pattern in PATTERNS)
    return next((way for way in ways if _mostly(way.read(texts).ne(NO_TIME))), None)


def _money_of(texts: pd.Series) -> Money | None:
    for way in MONIES:
        shown = texts.str.contains(way.symbol or ",", regex=False)
        if _mostly(shown) and _mostly(way.read(texts).notna()):
            return way
    return None


def _are_numbers(values: pd.Series) -> bool:
    import pandas as pd

    texts = values.astype(str)
    if texts.str.fullmatch(r"0\d+").any():  # a code, not a number
        return False
    return _mostly(pd.to_numeric(texts, errors="coerce").notna())


def _mostly(good: pd.Series) -> bool:
    return bool(good.mean() >= MOST)
