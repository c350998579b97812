"""Formats of values: instants, amounts and numbers as feeds write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
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
        instant = self.timestamps(texts)
        stamps = instant.dt.as_unit("ms").astype("int64")
        good = instant.notna() & stamps.between(FIRST_TIME, LAST_TIME)
        known: pd.Series = stamps.where(good, np.int64(NO_TIME))
        return known

    def timestamps(self, texts: pd.Series) -> pd.Series:
        """Return timestamps in UTC with all their fractions, ``NaT`` for other texts."""
        import pandas as pd

        local, offset = self._parts(texts)
        first = np.ones(len(local), bool)  # the summer's: it comes before the winter's
        instant: pd.Series = self._naive(local).dt.tz_localize(
            self.zone, ambiguous=first, nonexistent=pd.Timedelta(hours=1)
        )
        instant = instant.dt.tz_convert("UTC")
        if self.believe_offset and offset.notna().any():
            written = pd.to_datetime(
                local + offset, format=self._with_offset, errors="coerce", utc=True
            )
            instant = instant.where(offset.isna(), written)
        return instant

    def doubtful(self, texts: pd.Series) -> int:
        """Count local times that the zone's clock shows twice, or never.

        >>> import pandas as pd
        >>> Instants(zone="Europe/Berlin").doubtful(pd.Series(["2018-10-28 02:15", "2018-10-28"]))
        1
        """
        import pandas as pd

        local, offset = self._parts(texts)
        naive = self._naive(local)
        if self.believe_offset:
            naive = naive.where(offset.isna())
        ways = [
            naive.dt.tz_localize(
                self.zone, ambiguous=np.full(len(naive), way), nonexistent=pd.Timedelta(hours=shift)
            ).dt.tz_convert("UTC")
            for way, shift in ((True, 1), (False, -1))
        ]
        return int((naive.notna() & (ways[0] != ways[1])).sum())

    def _parts(self, texts: pd.Series) -> tuple[pd.Series, pd.Series]:
        """Return the local times, and the offsets that are written behind them."""
        texts = texts_of(texts)
        offset = texts.str.extract(_OFFSET, expand=False)
        local = texts.str.replace(_OFFSET, "", regex=True)
        # Behind a date alone it is the year: 31-12-2010.
        is_year = ~local.str.contains("[T:]", case=False).fillna(True).astype(bool)
        is_year &= offset.str.len().fillna(0).gt(1).astype(bool)
        return local.where(~is_year, texts), offset.where(~is_year)

    def _naive(self, local: pd.Series) -> pd.Series:
        import pandas as pd

        return pd.to_datetime(local, format=self.pattern or "ISO8601", errors="coerce")

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

        parts = texts_of(amounts).str.extract(_amount(self.symbol, self.thousands, self.decimal))
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
class Number:
    """Format of a column's numbers.

    Parameters
    ----------
    decimal
        Separator of the decimals.
    thousands
        Separator of groups of three digits, empty for none.

    Examples
    --------
    >>> import pandas as pd
    >>> Number(",", ".").read(pd.Series(["1.234,56", "-21,5", "7", "1,2,3"])).tolist()
    [1234.56, -21.5, 7.0, nan]
    """

    decimal: str = "."
    thousands: str = ""

    def read(self, values: pd.Series) -> pd.Series:
        """Return float64, NaN for a value that is no such number."""
        import pandas as pd

        texts = texts_of(values)
        group, mark = re.escape(self.thousands), re.escape(self.decimal)
        grouped = rf"\d{{1,3}}(?:{group}\d{{3}})+|" if self.thousands else ""
        whole = rf"[-+]?(?:{grouped}\d*)(?:{mark}\d+)?(?:[eE][-+]?\d+)?"
        texts = texts.where(texts.str.fullmatch(whole).fillna(False).astype(bool))
        if self.thousands:
            texts = texts.str.replace(self.thousands, "", regex=False)
        if self.decimal != ".":
            texts = texts.str.replace(self.decimal, ".", regex=False)
        return pd.to_numeric(texts, errors="coerce").astype("float64")


def texts_of(values: pd.Series, kinds: tuple[type, ...] = (str, int, float)) -> pd.Series:
    """Return values of these types as trimmed texts, all others as missing."""
    texts = values.where(values.map(lambda v: type(v) in kinds).astype(bool))
    texts = texts.astype("string").str.strip()
    return texts.where(texts != "")
