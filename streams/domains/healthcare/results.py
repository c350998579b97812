"""Healthcare: values of laboratory results, converted to one unit at arrival.

A result is one measurement, by any name and in any unit of the tables of
:mod:`streamsim.streams.domains.healthcare.clinical`. Each analyte of the model has a column of its
own; a result fills one column and leaves the others unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import cast

import numpy as np

from streamsim.streams.events import Columns, Floats, Ints, Mask, Objects

from .clinical.units import analyte, find_analyte, harmonise

ANALYTES = (
    "creatinine",
    "urea_nitrogen",
    "sodium",
    "hemoglobin",
    "white_cells",
    "albumin",
    "bnp",
    "glucose",
)
"""Analytes of the features; results of other analytes are accepted and not used."""
UNUSABLE = "unusable"
RANGE = "_range"
_WHICH = "which"


def which(results: Columns) -> Ints:
    """Return the index of each result's analyte in :data:`ANALYTES`, -1 for others."""
    return np.fromiter(map(_place, results["analyte"]), np.int64, len(results["analyte"]))


def value_of(name: str, results: Columns) -> Floats:
    """Return an analyte's value in its own unit, NaN for another analyte or an unusable value."""
    rows = _rows(name, results)
    found = np.full(len(rows), np.nan)
    values = _cells(results, rows, "value").tolist()
    found[rows] = harmonise(analyte(name), values, _units(results, rows)).values
    return found


def range_of(name: str, results: Columns) -> Floats:
    """Return -1, 0 or 1 where a value is below, in or above its laboratory's reference range.

    Without a range of the laboratory the analyte's is used; NaN where there is no value.
    """
    rows = _rows(name, results)
    one, values = analyte(name), np.asarray(results[name], np.float64)[rows]
    units = _units(results, rows)
    low, high = (
        harmonise(one, np.asarray(results[end], np.float64)[rows], units).values
        for end in ("low", "high")
    )
    good = low < high
    low, high = np.where(good, low, one.usual[0]), np.where(good, high, one.usual[1])
    found = np.full(len(rows), np.nan)
    where = (values > high) * 1.0 - (values < low) * 1.0
    found[rows] = np.where(np.isnan(values), np.nan, where)
    return found


def unusable(results: Columns) -> Floats:
    """Return 1 where a result's value is impossible or its unit unknown, else 0.

    NaN for analytes without a feature.
    """
    found = np.full(len(results["analyte"]), np.nan)
    for name in ANALYTES:
        rows = _rows(name, results)
        found[rows] = np.isnan(np.asarray(results[name], np.float64)[rows])
    return found


COLUMNS: Mapping[str, Callable[[Columns], Ints | Floats]] = {
    _WHICH: which,
    **{name: partial(value_of, name) for name in ANALYTES},
    **{name + RANGE: partial(range_of, name) for name in ANALYTES},
    UNUSABLE: unusable,
}
"""Columns of a result by name; later ones are computed from earlier ones."""
LOOKED_UP = tuple(name for name in COLUMNS if name != _WHICH)


def _rows(name: str, results: Columns) -> Mask:
    found: Mask = results[_WHICH] == ANALYTES.index(name)
    return found


@lru_cache(10_000)
def _place(text: str) -> int:
    found = find_analyte(text)
    return ANALYTES.index(found.name) if found and found.name in ANALYTES else -1


def _cells(results: Columns, rows: Mask, name: str) -> Objects:
    return cast(Objects, results[name])[rows]


def _units(results: Columns, rows: Mask) -> list[str]:
    return ["" if unit is None else unit for unit in _cells(results, rows, "unit").tolist()]
