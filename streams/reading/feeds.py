"""Feed formats: a declared table per feed, and one reader for all of them.

A feed has its own names, clock and formats of money. Its table declares them, and the reader
depends on nothing else. A value that cannot be read is missing; the cleaner judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.reading.formats import Instants, Money, Number, texts_of
from streamsim.streams.reading.identifiers import identifier

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Feed", "Instants", "Money", "Number"]


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
        Encoding and delimiter of a text file with a row per line; an empty delimiter is found.
    """

    name: str
    fields: Mapping[str, str]
    instants: Mapping[str, Instants] = field(default_factory=dict)
    money: Mapping[str, Money] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ""

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
            return pd.to_numeric(texts_of(raw), errors="coerce").astype("float64")
        if name in self.ids:
            return raw.map(identifier).astype(object)
        return texts_of(raw, (str, int, float, bool)).astype(object)


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
