"""Encoding of a table's columns for a model: measurements, plain numbers, categories.

A centre and a scale, or a list of levels, are fitted. A row's numbers depend on that row alone, and
for trends on the last value of the same patient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from streamsim.streams.events import Floats

from .analyte_table import Analyte
from .trends import Cells, Past
from .units import (
    Measured,
    find_analyte,
    harmonise,
    number,
)

Table: TypeAlias = Callable[[str], Cells | None]
"""A column's cells by its name; ``None`` where the table has no such column."""

FARTHEST = 20.0
"""Bound of scaled values: one outlier must not dominate a linear model."""
MOST_LEVELS = 50


@dataclass(frozen=True, slots=True)
class Robust:
    """Robust centre and scale: median and interquartile range.

    >>> Robust.fit(np.array([1.0, 2.0, 3.0, 4.0, 1e9])).apply(np.array([3.0, 5.0, np.nan]))
    array([0., 1., 0.])
    """

    center: float
    scale: float

    @classmethod
    def fit(cls, values: Floats) -> Robust:
        """Fit to the finite values; where half of them are equal, the scale is that of all."""
        good = values[np.isfinite(values)]
        if not len(good):
            return cls(0.0, 1.0)
        low, middle, high = np.percentile(good, [25, 50, 75])
        scale = high - low or float(np.abs(good - middle).mean()) or 1.0
        return cls(float(middle), float(scale))

    def apply(self, values: Floats) -> Floats:
        """Return scaled values, 0 (the median) where they are missing."""
        scaled = (values - self.center) / self.scale
        result: Floats = np.where(np.isnan(scaled), 0.0, np.clip(scaled, -FARTHEST, FARTHEST))
        return result


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of numbers.

    Attributes
    ----------
    source
        Its name in the table. For a measurement the table may also have ``<source>_unit``, and the
        laboratory's reference range in that unit as ``<source>_low`` and ``<source>_high``.
    analyte
        Name of the analyte; empty for a plain number.
    unit
        Its unit if the table has no column of units.
    trend
        Whether the change since the patient's last value is a column, too.
    """

    source: str
    analyte: str
    unit: str
    trend: bool
    robust: Robust = Robust(0.0, 1.0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns: the value, its flags, its trend."""
        name = self.analyte or self.source
        parts = ["", "_missing", "_impossible", "_unread"]
        parts += ["_below", "_above"] if self.analyte else []
        parts += ["_change", "_days_since"] if self.trend else []
        return tuple(name + part for part in parts)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""
        beside = ("_unit", "_low", "_high") if self.analyte else ()
        return (self.source, *(self.source + part for part in beside))

    def fit(self, table: Table, n: int) -> NumberColumn:
        """Return a copy with the centre and scale of a table's values."""
        values = self._read(table, n).values
        return NumberColumn(
            self.source, self.analyte, self.unit, self.trend, Robust.fit(values)
        )  # fmt: skip

    def transform(self, table: Table, n: int, past: Past | None) -> Floats:
        """Return its columns of ``n`` rows, shape ``(n, len(names))``.

        Below and above are 1 outside the row's reference range, or the analyte's if the row has
        none. Without a last value the change is 0 and the days are -1.
        """
        found = self._read(table, n)
        missing = np.isnan(found.values)
        parts = [self.robust.apply(found.values), missing, found.impossible, found.unread]
        if self.analyte:
            low, high = self._range(table, n)
            parts += [found.values < low, found.values > high]
        if self.trend:
            change, days = np.full(n, np.nan), np.full(n, np.nan)
            if past is not None:
                name = self.analyte or self.source
                change, days = past.last.observe(name, past.patients, past.times, found.values)
            scaled = Robust(0.0, self.robust.scale).apply(change)
            parts += [scaled, np.where(np.isnan(days), -1.0, days)]
        return np.column_stack([np.asarray(part, np.float64) for part in parts])

    def _read(self, table: Table, n: int) -> Measured:
        cells = table(self.source)
        if cells is None:
            return Measured(np.full(n, np.nan), np.zeros(n, bool), np.zeros(n, bool))
        if self.analyte:
            return harmonise(self._measured(), cells, self._units(table))
        return _plain(cells)

    def _range(self, table: Table, n: int) -> tuple[Floats, Floats]:
        analyte = self._measured()
        low, high = (np.full(n, bound) for bound in analyte.usual)
        ends = [table(self.source + part) for part in ("_low", "_high")]
        if ends[0] is not None and ends[1] is not None:
            units = self._units(table)
            own = [harmonise(analyte, cells, units).values for cells in ends if cells is not None]
            good = own[0] < own[1]
            low, high = np.where(good, own[0], low), np.where(good, own[1], high)
        return low, high

    def _units(self, table: Table) -> Cells | str:
        cells = table(self.source + "_unit")
        return cells if cells is not None else self.unit or self._measured().unit

    def _measured(self) -> Analyte:
        found = find_analyte(self.analyte)
        if found is None:
            raise ValueError(f"no analyte {self.analyte}")
        return found


def _plain(cells: Cells) -> Measured:
    array = np.asarray(cells)
    if array.dtype.kind in "iufb":
        values = array.astype(np.float64)
        unread = np.zeros(len(values), bool)
    else:
        read = [number(float(c) if isinstance(c, bool) else c) for c in cells]
        values = np.array([np.nan if v is None else v for v in read], np.float64)
        there = np.array([c is not None and c == c and str(c).strip() != "" for c in cells], bool)
        unread = np.isnan(values) & there
    impossible = np.isinf(values)
    return Measured(np.where(impossible, np.nan, values), impossible, unread)


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A column of categories: one-hot columns of the levels that enough patients have, and others.

    A column of names or ids has no such level, so that none of them is stored.
    """

    source: str
    levels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns: one per level, then others and missing."""
        return tuple(f"{self.source}={level}" for level in (*self.levels, "(other)", "(missing)"))

    @classmethod
    def fit(cls, source: str, cells: Cells, patients: Cells, min_df: int) -> CategoryColumn:
        """Choose the most common levels that at least ``min_df`` patients have, sorted by name."""
        who: dict[str, set[Hashable]] = {}
        for cell, patient in zip(cells, patients, strict=True):
            level = _level(cell)
            if level is not None:
                who.setdefault(level, set()).add(patient)
        common = [(-len(own), level) for level, own in who.items() if len(own) >= min_df]
        return cls(source, tuple(sorted(level for _, level in sorted(common)[:MOST_LEVELS])))

    def transform(self, table: Table, n: int) -> Floats:
        """Return its columns of ``n`` rows, shape ``(n, len(names))``: one-hot per row."""
        cells = table(self.source)
        places = {level: i for i, level in enumerate(self.levels)}
        other = len(self.levels)
        result = np.zeros((n, other + 2))
        for row, cell in enumerate(cells if cells is not None else [None] * n):
            level = _level(cell)
            result[row, other + 1 if level is None else places.get(level, other)] = 1.0
        return result


def _level(cell: Any) -> str | None:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell != cell:
        return None
    return str(cell)[:100].strip() or None


def column_as_dict(column: NumberColumn | CategoryColumn) -> dict[str, Any]:
    """Return a fitted column as JSON types."""
    if isinstance(column, CategoryColumn):
        return {"source": column.source, "levels": list(column.levels)}
    return {
        "source": column.source,
        "analyte": column.analyte,
        "unit": column.unit,
        "trend": column.trend,
        "center": column.robust.center,
        "scale": column.robust.scale,
    }


def column_from_dict(given: Mapping[str, Any]) -> NumberColumn | CategoryColumn:
    """Return a column from JSON types; raise KeyError, TypeError or ValueError for others."""
    source = str(given["source"])
    if "levels" in given:
        return CategoryColumn(source, tuple(map(str, given["levels"][:MOST_LEVELS])))
    robust = Robust(float(given["center"]), float(given["scale"]))
    if not math.isfinite(robust.center) or not 0 < robust.scale < math.inf:
        raise ValueError(f"{source}: no scale")
    if given["analyte"] and find_analyte(str(given["analyte"])) is None:
        raise ValueError(f"{source}: no such analyte")
    return NumberColumn(
        source, str(given["analyte"]), str(given["unit"]), bool(given["trend"]), robust
    )
