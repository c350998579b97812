"""One unit per measurement: a declared table of units, what is possible, and what is usual.

Units are UCUM codes (ucum.org); how people spell them otherwise is a row of a table. A value whose
unit is not in its analyte's row is not guessed at: it is unread, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Mask


@dataclass(frozen=True, slots=True)
class Unit:
    """How a unit becomes the analyte's own: ``value * scale + offset``."""

    scale: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Analyte:
    """Something that is measured.

    Attributes
    ----------
    name
        Ours.
    unit
        Its own, a UCUM code.
    possible
        What a living patient can have, in its own unit; all else is a mistake of writing.
    usual
        Reference range of adults, where a report brings none. Laboratories differ.
    others
        Units that it also comes in.
    loinc
        Its code in LOINC (loinc.org).
    names
        Other names of it, normalised.
    """

    name: str
    unit: str
    possible: tuple[float, float]
    usual: tuple[float, float]
    others: Mapping[str, Unit] = field(default_factory=dict)
    loinc: str = ""
    names: tuple[str, ...] = ()

    def factor(self, unit: str) -> Unit | None:
        """Return how a unit becomes our own, ``None`` if it is none of this analyte's."""
        code = ucum(unit)
        return Unit(1.0) if code == self.unit else self.others.get(code)


@dataclass(frozen=True, slots=True)
class Measured:
    """Values in one unit; NaN where there is none to go by.

    Attributes
    ----------
    values
        Shape ``(n,)``.
    impossible
        There was a number, and nobody has it.
    unread
        There was something, and it is no number in a unit that we know.
    """

    values: Floats
    impossible: Mask
    unread: Mask


_NUMBER = re.compile(
    r"\s*([<>]=?|[≤≥])?\s*([+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12}))\s*", re.ASCII
)


def harmonise(analyte: Analyte, values: Sequence[Any], units: Sequence[Any] | str) -> Measured:
    """Bring values to the analyte's own unit, and mark what cannot be.

    Parameters
    ----------
    values
        Numbers, or texts with one; ``<0.1`` and ``>600`` count as their bound. ``None``, NaN and
        an empty text are missing, and nothing is marked.
    units
        One for each value, or one for all. A value without one is unread.

    Examples
    --------
    >>> glucose = analyte("glucose")
    >>> units = ["mg/dL", "mmol/l", "mmol/L", "", "mg/dL"]
    >>> found = harmonise(glucose, [99, "5.5", "<2", 7, 9000], units)
    >>> found.values.round(1).tolist(), found.unread.tolist(), found.impossible.tolist()[-1]
    ([99.0, 99.1, 36.0, nan, nan], [False, False, False, True, False], True)
    """
    n = len(values)
    each = [units] * n if isinstance(units, str) else units
    result = np.full(n, np.nan)
    impossible, unread = np.zeros(n, bool), np.zeros(n, bool)
    factors: dict[Any, Unit | None] = {}
    low, high = analyte.possible
    for i, (raw, unit) in enumerate(zip(values, each, strict=True)):
        value = number(raw)
        if value is None:
            unread[i] = not _is_missing(raw)
            continue
        written = unit if isinstance(unit, str) else ""
        if written not in factors:
            factors[written] = analyte.factor(written)
        factor = factors[written]
        if factor is None:
            unread[i] = True
            continue
        ours = value * factor.scale + factor.offset
        if low <= ours <= high:
            result[i] = ours
        else:
            impossible[i] = True
    return Measured(result, impossible, unread)


def number(value: Any) -> float | None:
    """Return the number that a cell holds, ``None`` if it holds none.

    >>> [number(v) for v in (7, "7.5 ", "<0.1", "1e3", "n/a", None, True, float("nan"))]
    [7.0, 7.5, 0.1, None, None, None, None, None]
    """
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value) if len(value) <= 40 else None
        return float(found[2]) if found else None
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        return None
    as_float = float(value)
    return None if np.isnan(as_float) else as_float


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def ucum(unit: str) -> str:
    """Return the code of a unit as people write it, or the text itself if we know none.

    >>> [ucum(u) for u in ("MG/DL", "µmol/l", "°F", "lbs", "mm Hg", "10^9/L", "parsec")]
    ['mg/dL', 'umol/L', '[degF]', '[lb_av]', 'mm[Hg]', '10*9/L', 'parsec']
    """
    text = unit.strip()[:40]
    return _codes().get(_plain(text), text)


def _plain(text: str) -> str:
    plain = text.replace("µ", "u").replace("μ", "u").replace("°", "deg").replace("^", "*").lower()
    return "".join(plain.split())


def analyte(name: str) -> Analyte:
    """Return what is measured, by our name, another one or its LOINC code.

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
    """Return what is measured, ``None`` if it is not in the table."""
    return _by_name().get(normalised(name))


def normalised(name: str) -> str:
    """Return a name in lower case with underscores.

    >>> normalised(" Serum Creatinine")
    'serum_creatinine'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()[:200]).strip("_")


@cache
def _by_name() -> Mapping[str, Analyte]:
    from .analytes import ANALYTES

    return {
        normalised(name): one
        for one in ANALYTES
        for name in (one.name, one.loinc, *one.names)
        if name
    }


@cache
def _codes() -> Mapping[str, str]:
    from .analytes import ANALYTES, SPELLINGS

    codes = {code for one in ANALYTES for code in (one.unit, *one.others)}
    return {**{_plain(code): code for code in codes}, **SPELLINGS}
