"""Feed formats: a declared table per feed, and one reader for all of them.

A feed has its own names, clock and formats of money. Its table declares them, and the reader
depends on nothing else. A value that cannot be read is missing; the cleaner judges it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from streamsim.streams.codec import FIRST_TIME, LAST_TIME
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME

if TYPE_CHECKING:
    import pandas as pd

MOST_CENTS = 2**53
"""Larger amounts are refused: a float64 cannot hold them exactly."""
_OFFSET = re.compile(r"\s*(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_ID_NUMBER = re.compile(r"0*(\d+)(?:\.0*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Instants:
    """Format of a feed's times.

    Parameters
    ----------
    pattern
        Format of ``strptime``; empty for ISO 8601.
    zone
        IANA name of the feed's time zone, for times without an offset.
    believe_offset
        Whether a written offset is right. Some feeds write the same wrong offset all year; then
        it is ignored and the time is taken to be local time of the zone.

    Notes
    -----
    A local time that a change of clocks skips is read as an hour later, which the clock should
    have shown. A local time that occurs twice is read as the first.

    Examples
    --------
    >>> import pandas as pd
    >>> local = Instants("%d.%m.%Y %H:%M:%S", zone="America/New_York")
    >>> local.read(pd.Series(["01.03.2017 00:17:09", "12.03.2017 02:30:00", "yesterday"])).tolist()
    [1488345429000, 1489303800000, -9223372036854775808]
    >>> wrong = Instants(zone="America/New_York", believe_offset=False)
    >>> wrong.read(pd.Series(["2017-07-01T12:00:00-05:00"])).tolist()  # the clock is at -04:00
    [1498924800000]
    """

    pattern: str = ""
    zone: str = "UTC"
    believe_offset: bool = True

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise UsageError(f"no time zone {self.zone!r}") from None

    def read(self, texts: pd.Series) -> pd.Series:
        """Return instants in ms since 1970 (UTC), ``NO_TIME`` for any other text."""
        import pandas as pd

        texts = _texts(texts)
        offset = texts.str.extract(_OFFSET, expand=False)
        local = texts.str.replace(_OFFSET, "", regex=True)
        naive = pd.to_datetime(local, format=self.pattern or "ISO8601", errors="coerce")
        first = np.ones(len(texts), bool)  # the summer's: it comes before the winter's
        instant = naive.dt.tz_localize(
            self.zone, ambiguous=first, nonexistent=pd.Timedelta(hours=1)
        ).dt.tz_convert("UTC")
        if self.believe_offset and offset.notna().any():
            written = pd.to_datetime(
                local + offset, format=self._with_offset, errors="coerce", utc=True
            )
            instant = instant.where(offset.isna(), written)
        stamps = instant.dt.as_unit("ms").astype("int64")
        good = instant.notna() & stamps.between(FIRST_TIME, LAST_TIME)
        return stamps.where(good, np.int64(NO_TIME))

    @property
    def _with_offset(self) -> str:
        return f"{self.pattern}%z" if self.pattern else "ISO8601"


@dataclass(frozen=True, slots=True)
class Money:
    """Format of a feed's amounts.

    Parameters
    ----------
    symbol
        Currency symbol, before or behind the number or missing.
    thousands
        Separator of groups of three digits, empty for none.
    decimal
        Separator of the cents; ``None`` for a feed that writes whole cents.

    Examples
    --------
    >>> import pandas as pd
    >>> Money("$", ",").read(pd.Series(["$1,234.50", "-$3", "$1,23", "n/a"])).tolist()
    [123450, -300, <NA>, <NA>]
    >>> Money(decimal=",").read(pd.Series(["3,3", "0,00"])).tolist()
    [330, 0]
    >>> Money(decimal=None).read(pd.Series([333, "44", 1.5, True])).tolist()
    [333, 44, <NA>, <NA>]
    """

    symbol: str = ""
    thousands: str = ""
    decimal: str | None = "."

    def read(self, amounts: pd.Series) -> pd.Series:
        """Return integer cents (``Int64``), missing for a value that is no amount."""
        import pandas as pd

        parts = _texts(amounts).str.extract(_amount(self.symbol, self.thousands, self.decimal))
        whole = parts["whole"].str.replace(self.thousands, "") if self.thousands else parts["whole"]
        cents = parts["cents"].fillna("").str.pad(2, "right", "0") if self.decimal else ""
        number = pd.to_numeric(whole + cents, errors="coerce").astype("Float64")
        known = number.where(number <= MOST_CENTS).astype("Int64")
        return known.where(parts["minus"].isna(), -known)


@lru_cache
def _amount(symbol: str, thousands: str, decimal: str | None) -> re.Pattern[str]:
    mark = rf"\s*(?:{re.escape(symbol)})?\s*" if symbol else r"\s*"
    grouped = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|" if thousands else ""
    cents = rf"(?:{re.escape(decimal)}(?P<cents>\d{{1,2}}))?" if decimal else ""
    minus = r"\s*(?P<minus>-)?"
    return re.compile(rf"^{minus}{mark}(?P<whole>{grouped}\d{{1,17}}){cents}{mark}$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Feed:
    """Format of one feed's rows.

    Parameters
    ----------
    fields
        Our name of a field to the feed's. In nested rows the feed's name is a path with dots
        (``client.accountId``).
    instants, money
        Formats of the fields that are times, or amounts, by our names.
    ids
        Fields that are identifiers: ``0027``, ``27.0`` and ``27`` are the same.
    numbers
        Fields that are plain numbers.
    encoding, delimiter
        Encoding and delimiter of a text file with a row per line.
    """

    name: str
    fields: Mapping[str, str]
    instants: Mapping[str, Instants] = field(default_factory=dict)
    money: Mapping[str, Money] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","

    def __post_init__(self) -> None:
        typed = {*self.instants, *self.money, *self.ids, *self.numbers}
        if unknown := typed - set(self.fields):
            raise UsageError(f"feed {self.name}: {', '.join(sorted(unknown))} is no field of it")

    def harmonise(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the fields by our names: times in ms, money in cents, ids in one form.

        Parameters
        ----------
        rows
            Rows with the feed's own names and formats. A column that they lack is missing
            throughout, and a column that is no field is left out. The index is kept.
        """
        import pandas as pd

        columns: dict[str, pd.Series] = {}
        for name, theirs in self.fields.items():
            raw = rows[theirs] if theirs in rows else pd.Series(None, rows.index, dtype=object)
            columns[name] = _each_once(raw, partial(self._read, name))
        return pd.DataFrame(columns, index=rows.index)

    def _read(self, name: str, raw: pd.Series) -> pd.Series:
        import pandas as pd

        if name in self.instants:
            return self.instants[name].read(raw)
        if name in self.money:
            return self.money[name].read(raw)
        if name in self.numbers:
            return pd.to_numeric(_texts(raw), errors="coerce").astype("float64")
        if name in self.ids:
            return raw.map(identifier).astype(object)
        return _texts(raw, (str, int, float, bool)).astype(object)


def _each_once(raw: pd.Series, read: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """Read every distinct value of a column once: rows of a feed have most values in common."""
    import pandas as pd

    values = raw.tolist() if raw.dtype == object else []
    kinds = set(map(type, values)) - {type(None)}
    if not kinds <= {str} and not kinds <= {int}:
        return read(raw)  # 1, 1.0 and True are equal, but are not written alike
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    if 2 * len(places) > len(values):
        return read(raw)
    once = read(pd.Series(list(places), dtype=object))
    rows = np.fromiter(map(places.__getitem__, values), np.int64, len(values))
    return once.take(rows).set_axis(raw.index)


def identifier(value: object) -> str | None:
    """Return an identifier in one form, ``None`` for a value that is none.

    >>> [identifier(v) for v in (" 0027", 27, 27.0, "27.0", "C-27", "0", "", None, float("nan"))]
    ['27', '27', '27', '27', 'C-27', '0', None, None, None]
    """
    if value is None or isinstance(value, bool) or value != value:
        return None
    text = str(value).strip()
    number = _ID_NUMBER.fullmatch(text)
    return number[1] if number else text or None


def _texts(values: pd.Series, kinds: tuple[type, ...] = (str, int, float)) -> pd.Series:
    """Return values of these types as trimmed texts, all others as missing."""
    texts = values.where(values.map(lambda v: type(v) in kinds).astype(bool))
    texts = texts.astype("string").str.strip()
    return texts.where(texts != "")
