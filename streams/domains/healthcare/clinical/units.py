"""Conversion of measurements to one unit per analyte, with possible and reference ranges.

Units are UCUM codes (ucum.org); other spellings are rows of a table. A value whose unit is not in
its analyte's row is not guessed: it is marked as unread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Mask

from .analyte_table import Analyte, Unit
from .analytes import ANALYTES, SPELLINGS


@dataclass(frozen=True, slots=True)
class Measured:
    """Values in one unit; NaN where they are missing, impossible or unread.

    Attributes
    ----------
    values
        Shape ``(n,)``.
    impossible
        Mask of numbers outside of the possible range.
    unread
        Mask of values that are no number in a known unit.
    """

    values: Floats
    impossible: Mask
    unread: Mask


_NUMBER = re.compile(
    r"\s*([<>]=?|[≤≥])?\s*([+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12}))\s*", re.ASCII
)


def harmonise(
    analyte: Analyte, values: Sequence[Any] | Floats, units: Sequence[Any] | str
) -> Measured:
    """Convert values to the analyte's own unit, and mark impossible and unread ones.

    Parameters
    ----------
    values
        Numbers, or texts with one; ``<0.1`` and ``>600`` count as their bound. ``None``, NaN and
        an empty text are missing and not marked.
    units
        A unit for each value, or one for all. A value without a unit is unread.

    Examples
    --------
    >>> glucose = analyte("glucose")
    >>> units = ["mg/dL", "mmol/l", "mmol/L", "", "mg/dL"]
    >>> found = harmonise(glucose, [99, "5.5", "<2", 7, 9000], units)
    >>> found.values.round(1).tolist(), found.unread.tolist(), found.impossible.tolist()[-1]
    ([99.0, 99.1, 36.0, nan, nan], [False, False, False, True, False], True)
    """
    given, unread = _numbers(values)
    has = ~np.isnan(given)
    scale, offset, known = _factors(analyte, units, len(given))
    low, high = analyte.possible
    ours = given * scale + offset
    possible = has & known & (ours >= low) & (ours <= high)
    return Measured(
        np.where(possible, ours, np.nan), has & known & ~possible, unread | (has & ~known)
    )


def _numbers(values: Sequence[Any] | Floats) -> tuple[Floats, Mask]:
    """Return the number in each cell, NaN without one, and which cells hold something else."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return values.astype(np.float64), np.zeros(len(values), bool)
    cells: list[Any] = list(values)
    if set(map(type, cells)) == {str}:
        # Laboratories round: a batch has the same few texts again and again.
        read = {text: np.nan if (n := number(text)) is None else n for text in set(cells)}
        given = np.fromiter(map(read.__getitem__, cells), np.float64, len(cells))
    else:
        each = map(number, cells)
        given = np.array([np.nan if value is None else value for value in each], np.float64)
    unread = np.isnan(given)
    for row in np.flatnonzero(unread).tolist():
        unread[row] = not _is_missing(cells[row])
    return given, unread


def _factors(
    analyte: Analyte, units: Sequence[Any] | str, n: int
) -> tuple[Floats | float, Floats | float, Mask]:
    """Return scale and offset of each value's unit, and which units are known."""
    if isinstance(units, str):
        one = conversion(analyte, units)
        return (one or _UNKNOWN).scale, (one or _UNKNOWN).offset, np.full(n, one is not None)
    cells = list(units)
    if set(map(type, cells)) - {str}:
        cells = [unit if isinstance(unit, str) else "" for unit in cells]
    own = {unit: place for place, unit in enumerate(dict.fromkeys(cells))}
    found = [conversion(analyte, unit) for unit in own]
    which = np.fromiter(map(own.__getitem__, cells), np.intp, n)
    scale, offset = (
        np.array([getattr(one or _UNKNOWN, part) for one in found], np.float64)
        for part in ("scale", "offset")
    )
    known = np.array([one is not None for one in found], bool)
    return scale[which], offset[which], known[which]


_UNKNOWN = Unit(1.0)


def number(value: Any) -> float | None:
    """Return the number in a cell, ``None`` if it has none.

    >>> [number(v) for v in (7, "7.5 ", "<0.1", "1e3", "n/a", None, True, float("nan"))]
    [7.0, 7.5, 0.1, None, None, None, None, None]
    """
    if isinstance(value, str):
        if len(value) <= 12 and value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value)  # almost all are written so
        found = _NUMBER.fullmatch(value) if len(value) <= 40 else None
        return float(found[2]) if found else None
    if isinstance(value, (bool, np.bool_)):
        return None
    if not isinstance(value, (int, float, np.number, Decimal)):
        return None
    as_float = float(value)
    return None if np.isnan(as_float) else as_float


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def conversion(analyte: Analyte, unit: str) -> Unit | None:
    """Return the conversion of a unit to the analyte's own, ``None`` if it is not one of its."""
    code = ucum(unit)
    return Unit(1.0) if code == analyte.unit else analyte.others.get(code)


def ucum(unit: str) -> str:
    """Return the UCUM code of a unit's spelling, or the text itself if it is unknown.

    >>> [ucum(u) for u in ("MG/DL", "µmol/l", "°F", "lbs", "mm Hg", "10^9/L", "parsec")]
    ['mg/dL', 'umol/L', '[degF]', '[lb_av]', 'mm[Hg]', '10*9/L', 'parsec']
    """
    text = unit.strip()[:40]
    return _codes().get(_plain(text), text)


def _plain(text: str) -> str:
    plain = text.replace("µ", "u").replace("μ", "u").replace("°", "deg").replace("^", "*").lower()
    return "".join(plain.split())


def analyte(name: str) -> Analyte:
    """Return an analyte by our name, another name or its LOINC code.

    Raises
    ------
    UsageError
        If it is not in the table.

    Examples
    --------
    >>> analyte("2160-0").name, analyte("Serum Creatinine").unit
    ('creatinine', 'mg/dL')
    """
    found = find_analyte(name)
    if found is None:
        raise UsageError(
            f"no analyte {name!r}; streams/domains/healthcare/clinical/analytes.py has the table"
        )
    return found


def find_analyte(name: str) -> Analyte | None:
    """Return an analyte as :func:`analyte` does, ``None`` if it is not in the table."""
    return _by_name().get(normalised(name))


def normalised(name: str) -> str:
    """Return a name in lower case with underscores.

    >>> normalised(" Serum Creatinine")
    'serum_creatinine'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()[:200]).strip("_")


@cache
def _by_name() -> Mapping[str, Analyte]:
    return {
        normalised(name): one
        for one in ANALYTES
        for name in (one.name, one.loinc, *one.names)
        if name
    }


@cache
def _codes() -> Mapping[str, str]:
    codes = {code for one in ANALYTES for code in (one.unit, *one.others)}
    return {**{_plain(code): code for code in codes}, **SPELLINGS}
