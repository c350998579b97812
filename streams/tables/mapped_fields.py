"""Fields and sources of a column map: how a file's columns become the fields of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.flags import flag_of
from streamsim.streams.reading.formats import Instants, Money, Number
from streamsim.streams.reading.identifiers import text_of
from streamsim.streams.reading.products import products
from streamsim.streams.spec import Field, Kind
from streamsim.streams.spec.input_maps import FILE, PART, ROW

if TYPE_CHECKING:
    import pandas as pd

_ISO, _PLAIN = Instants(), Number()


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where a field's values come from, and how they are written.

    Attributes
    ----------
    columns
        Columns of the file; several are joined by ``join``.
    value
        A constant, instead of columns.
    row
        Whether it is the row's number in its file, from 1; of several files, behind the file's
        name.
    prefix
        Put before a text; ``{file}`` in it is the file's name without its ending.
    words
        What stands for which value.
    times
        Column with a number by which the values are multiplied, exactly.
    """

    spec: Field
    columns: tuple[str, ...] = ()
    join: str = "-"
    prefix: str = ""
    value: Any = None
    row: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    instants: Instants = _ISO
    unit: int = 0
    since: int = 0
    plus: int = 0
    money: Money | None = None
    number: Number = _PLAIN
    times: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """All columns that it is read from."""
        return (*self.columns, self.times) if self.times else self.columns

    def read(self, frame: pd.DataFrame) -> pd.Series:
        """Return the field's values for the rows of a file."""
        import pandas as pd

        raw = self._raw(frame)
        kind = self.spec.kind
        if kind is Kind.TIME:
            return self._times(raw)
        if kind is Kind.STRING:
            prefix = self.prefix.replace("{file}", str(frame.attrs.get(FILE, "")))
            texts = [None if (t := text_of(v)) is None else prefix + t for v in raw]
            return pd.Series(texts, index=raw.index, dtype=object)
        if self.times:
            return self._products(raw, frame[self.times])
        if kind is Kind.NUMBER:
            return self.number.read(raw)
        if self.money is not None:
            return self.money.read(raw)
        numbers = self.number.read(raw)
        whole = numbers.eq(numbers.round()) & numbers.abs().le(2.0**53)
        return numbers.where(whole).astype("Int64")

    def _products(self, raw: pd.Series, by: pd.Series) -> pd.Series:
        """Return the products: cents of an amount, otherwise numbers."""
        symbol = self.money.symbol if self.money else ""
        return products(
            raw, by, self.number, symbol=symbol, scale=2 if self.money else 0,
            whole=self.spec.kind is Kind.INTEGER,
        )  # fmt: skip

    def _raw(self, frame: pd.DataFrame) -> pd.Series:
        import pandas as pd

        if self.row:
            first = int(frame.attrs.get(ROW, 0)) + 1
            part, numbers = frame.attrs.get(PART, ""), range(first, first + len(frame))
            named = [f"{part}{number}" for number in numbers] if part else list(numbers)
            return pd.Series(named, index=frame.index, dtype=object)
        if not self.columns:
            return pd.Series([self.value] * len(frame), index=frame.index, dtype=object)
        if len(self.columns) == 1:
            found = frame[self.columns[0]]
        else:
            parts = [frame[name].map(text_of) for name in self.columns]
            rows = zip(*parts, strict=True)
            joined = [None if None in row else self.join.join(row) for row in rows]
            found = pd.Series(joined, index=frame.index, dtype=object)
        return found.map(lambda v: self.words.get(str(v), v)) if self.words else found

    def _times(self, raw: pd.Series) -> pd.Series:
        if self.unit:
            numbers = Number().read(raw)
            known = numbers.notna() & numbers.abs().lt(1e15 / self.unit)
            stamps = (numbers.where(known, 0) * self.unit).round().astype(np.int64) + self.since
            stamps = stamps.where(known, self.instants.read(raw.where(~known)))
        else:
            stamps = self.instants.read(raw)
        return stamps.where(stamps.eq(NO_TIME), stamps + self.plus)


@dataclass(frozen=True, slots=True)
class MappedSource:
    """One source's events among the rows of a file: those that have these values."""

    name: str
    fields: tuple[MappedField, ...]
    where: Mapping[str, str] = field(default_factory=dict)

    def read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the events, with the index of their rows."""
        import pandas as pd

        found = {own.spec.name: own.read(frame) for own in self.fields}
        table = pd.DataFrame(found, index=frame.index)
        chosen = np.ones(len(frame), bool)
        for name, value in self.where.items():
            chosen &= frame[name].map(lambda v, value=value: _same(v, value)).to_numpy(bool)
        return table[chosen]


def _same(value: object, wanted: str) -> bool:
    if text_of(value) == wanted or str(value) == wanted:
        return True
    flag = flag_of(wanted)  # 1, 1.0, true and yes are one flag
    return flag is not None and flag_of(value) is flag
