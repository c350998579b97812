"""Types of columns, inferred from all of their values by round trip.

A column has a type only if every one of its values, read as that type, is the same number, instant
or amount that its text says, in one way of reading it. Otherwise it stays a text, and the reason is
kept: ``01`` is no 1, 20 digits are no float, and 01/12/2010 may be in January or December.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from streamsim.streams.errors import UsageError
from streamsim.streams.reading.formats import Instants, Money, Number
from streamsim.streams.reading.identifiers import trimmed
from streamsim.streams.reading.money_texts import money_format
from streamsim.streams.reading.naming import named
from streamsim.streams.reading.number_texts import CommaNumbers, PlainNumbers
from streamsim.streams.reading.time_texts import time_format

if TYPE_CHECKING:
    import pandas as pd

Said: TypeAlias = "Instants | Money | Number | str"
"""A type that is said instead of inferred; as a word ``text``, ``number`` or ``id``."""
WORDS = ("text", "number", "id")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Column:
    """What became of a column.

    Attributes
    ----------
    source
        Its name in the source.
    type
        ``text``, ``integer``, ``number``, ``boolean``, ``time``, ``money``, ``id``, or ``empty``.
    why
        What that was inferred from; of a text, what it is not and why.
    read
        Returns the column's values of that type.
    """

    source: str
    type: str
    why: str
    read: Callable[[pd.Series], pd.Series] = field(repr=False)
    instants: Instants | None = None
    decimal_comma: bool = False

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON types."""
        return {"from": self.source, "type": self.type, "why": self.why}


@dataclass(frozen=True, slots=True)
class Inferred:
    """The format of a source's rows, inferred from them; read like a :class:`Feed`."""

    name: str
    columns: Mapping[str, Column]

    @property
    def fields(self) -> dict[str, str]:
        """Our name of a field to the source's."""
        return {name: column.source for name, column in self.columns.items()}

    def harmonise(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the fields by our names and types; the index is kept."""
        import pandas as pd

        found = {name: own.read(rows[own.source]) for name, own in self.columns.items()}
        return pd.DataFrame(found, index=rows.index)


def infer(
    name: str,
    rows: pd.DataFrame,
    zone: str = "UTC",
    types: Mapping[str, Said] | None = None,
    *,
    decimal_comma: bool = False,
) -> Inferred:
    """Infer the format of a source from all of its rows.

    Names become ``snake_case``. A column whose name ends in ``id`` holds identifiers, which stay as
    they are written.

    Parameters
    ----------
    zone
        Time zone of times without an offset.
    types
        Types that are said, by our names.
    decimal_comma
        Whether a comma may separate decimals: not in a file whose cells it separates.

    Examples
    --------
    >>> import pandas as pd
    >>> found = infer("orders", pd.DataFrame({"soldAt": ["2017-03-01T00:05:30-05:00"],
    ...     "Net Sales": ["$4.19"], "client.accountId": ["0027"], "qty": ["2"], "code": ["07"]}))
    >>> {name: column.type for name, column in found.columns.items()}
    {'sold_at': 'time', 'net_sales': 'money', 'account_id': 'id', 'qty': 'integer', 'code': 'text'}
    >>> found.columns["code"].why
    "'07' is not how the number 7 is written"
    """
    columns = {}
    for ours, theirs in named([str(c) for c in rows.columns]).items():
        values = rows[theirs]
        said = (types or {}).get(ours)
        if said is not None:
            columns[ours] = _said(theirs, said)
        elif re.search(r"(^|_)id$", ours):
            columns[ours] = Column(theirs, "id", "its name ends in id", _ids)
        else:
            columns[ours] = _column(theirs, values, zone, decimal_comma=decimal_comma)
    comma = next((c.source for c in columns.values() if c.decimal_comma), None)
    if comma is not None:
        columns = {ours: _beside(own, rows[own.source], comma) for ours, own in columns.items()}
    return Inferred(name, columns)


_GROUPED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+", re.ASCII)


def _beside(column: Column, values: pd.Series, comma: str) -> Column:
    """Return a column of a file in which another has decimal commas: its points may be thousands.

    So 1.234 is a text, if no value of the column can only be a decimal.
    """
    if column.type != "number" or column.decimal_comma or values.dtype.kind != "O":
        return column
    there = [value for value in values.tolist() if is_there(value)]
    pointed = [v.strip() for v in there if isinstance(v, str) and "." in v]
    if not pointed or not all(map(_GROUPED.fullmatch, pointed)):
        return column
    why = f"{pointed[0]!r} may be thousands: in {comma} a comma separates the decimals"
    return Column(column.source, "text", why, _texts)


def _said(theirs: str, said: Said) -> Column:
    if isinstance(said, Instants):
        return Column(theirs, "time", "as it was said", said.timestamps, said)
    if isinstance(said, Money):
        return Column(theirs, "money", "in cents, as it was said", said.read)
    if isinstance(said, Number):
        return Column(theirs, "number", "as it was said", said.read)
    if said == "number":
        return Column(theirs, "number", "as it was said", Number().read)
    if said == "text":
        return Column(theirs, "text", "as it was said", _texts)
    if said == "id":
        return Column(theirs, "id", "as it was said", _ids)
    raise UsageError(
        f"{said!r} is no type of a column; there are Instants, Money, Number, {', '.join(WORDS)}"
    )


def _column(theirs: str, values: pd.Series, zone: str, *, decimal_comma: bool) -> Column:
    """Infer one column's type."""
    if values.dtype.kind in "iufbmM" and values.dtype != object:
        return _typed(theirs, values, zone)
    there = [value for value in values.tolist() if is_there(value)]
    kinds = set(map(type, there))
    if not there:
        return Column(theirs, "empty", "no row has a value", _texts)
    if kinds == {bool}:
        return Column(theirs, "boolean", f"all {len(there)} values are true or false", _booleans)
    if any(issubclass(kind, (datetime, date)) for kind in kinds):
        found = _column(theirs, _isoformats(values), zone, decimal_comma=decimal_comma)
        return replace(found, read=lambda own: found.read(_isoformats(own)))
    texts = list(dict.fromkeys(text for value in there if (text := _text(value).strip())))
    what = f"all {len(there):,} values, like {_shown(texts[0])}" if texts else ""
    reasons: list[str] = []
    numbers = PlainNumbers.of(texts)
    if numbers.why_not is None:
        kind = "integer" if numbers.whole else "number"
        return Column(theirs, kind, what, _via_text(numbers.read))
    reasons.append(numbers.why_not)
    if kinds == {str}:
        way = time_format(texts, zone)
        if way.format is not None:
            return Column(theirs, "time", what, way.format.timestamps, way.format)
        reasons.append(way.why_not)
        money, why_not = money_format(texts)
        if money is not None:
            return Column(theirs, "money", f"in cents: {what}", money.read)
        reasons.append(why_not)
        comma = CommaNumbers.of(texts, decimal_comma=decimal_comma)
        if comma.format is not None:
            return Column(
                theirs, "number", f"{comma.what}: {what}", comma.format.read,
                decimal_comma=comma.format.decimal == ",",
            )  # fmt: skip
        reasons.append(comma.why_not)
    why = next((reason for reason in reversed(reasons) if reason), "")
    return Column(theirs, "text", why, _texts)


def _typed(theirs: str, values: pd.Series, zone: str) -> Column:
    """Return a column that a DataFrame has a type for already."""
    kind = values.dtype.kind
    what = f"a column of {values.dtype}"
    if kind == "M":
        return Column(theirs, "time", what, lambda own: _in_utc(own, zone))
    name = {"b": "boolean", "f": "number", "m": "duration"}.get(kind, "integer")
    return Column(theirs, name, what, lambda own: own)


def _in_utc(values: pd.Series, zone: str) -> pd.Series:
    import pandas as pd

    instants: pd.Series = values
    if getattr(values.dtype, "tz", None) is None:
        instants = values.dt.tz_localize(zone, ambiguous=True, nonexistent=pd.Timedelta(hours=1))
    found: pd.Series = instants.dt.tz_convert("UTC")
    return found


def is_there(value: Any) -> bool:
    """Say whether a cell has a value: not ``None``, NaN, ``NA`` or a text of blanks."""
    if isinstance(value, str):
        return not value.isspace() and bool(value)
    try:
        return value is not None and bool(value == value)
    except TypeError:  # pandas' NA
        return False


def _text(value: Any) -> str:
    """Return a value as JSON or CSV would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if isinstance(value, str) else repr(value)


def _isoformats(values: pd.Series) -> pd.Series:
    import pandas as pd

    texts = [
        v.isoformat() if isinstance(v, (datetime, date)) and is_there(v) else v
        for v in values.tolist()
    ]
    return pd.Series(texts, index=values.index, dtype=object)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _texts(values: pd.Series) -> pd.Series:
    """Return values as the texts that they are written as, ``None`` where there is none."""
    import pandas as pd

    texts = [_text(value) if is_there(value) else None for value in values.tolist()]
    return pd.Series(texts, index=values.index, dtype=object)


def _ids(values: pd.Series) -> pd.Series:
    return values.map(trimmed).astype(object)


def _booleans(values: pd.Series) -> pd.Series:
    there: pd.Series = values.map(is_there).astype(bool)
    known: pd.Series = values.where(there).astype("boolean")
    return known


def _via_text(read: Callable[[Sequence[str | None]], pd.Series]) -> Callable[..., pd.Series]:
    def reader(values: pd.Series) -> pd.Series:
        texts = [_text(v).strip() if is_there(v) else None for v in values.tolist()]
        return read(texts).set_axis(values.index)

    return reader
