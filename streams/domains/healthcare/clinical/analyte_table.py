"""The rows of the analytes' table: a measured quantity, its units and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unit:
    """Conversion of a unit to the analyte's own: ``value * scale + offset``."""

    scale: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Analyte:
    """A measured quantity.

    Attributes
    ----------
    name
        Our name of it.
    unit
        Its own unit, a UCUM code.
    possible
        Range of a living patient, in its own unit; other values are errors.
    usual
        Reference range of adults, if a report has none. Laboratories differ.
    others
        Its other units.
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
