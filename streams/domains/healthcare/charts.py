"""Healthcare: simulated laboratory results of a stay, which follow the course of the illness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream

from .clinical.units import analyte, conversion
from .patients import CONDITIONS, People
from .results import ANALYTES
from .stays import (
    CAUSES,
    COMPLICATION,
    MEDICATION,
    RELAPSE,
    Stays,
)

_USUAL = np.array([0.95, 15.0, 139.0, 13.2, 7.5, 4.0, 60.0, 108.0])
_SPREAD = np.array([0.16, 0.22, 0.012, 0.09, 0.2, 0.07, 0.5, 0.1])
"""Standard deviation of the logarithm between people."""
_NOISE = np.array([0.06, 0.09, 0.009, 0.035, 0.12, 0.035, 0.18, 0.11])
"""Standard deviation of the logarithm between two results of the same sample."""


def _effects(*rows: tuple[str, str, float]) -> Floats:
    """Return effects on the logarithms by cause or condition: shape ``(n_causes, n_analytes)``."""
    table = np.zeros((len(CAUSES), len(ANALYTES)))
    for cause, name, effect in rows:
        table[CAUSES.index(cause), ANALYTES.index(name)] = effect
    return table


_CHRONIC = _effects(
    ("heart_failure", "bnp", 1.2), ("kidney_disease", "creatinine", 0.55),
    ("kidney_disease", "urea_nitrogen", 0.5), ("kidney_disease", "hemoglobin", -0.12),
    ("diabetes", "glucose", 0.32), ("cirrhosis", "albumin", -0.18), ("cirrhosis", "sodium", -0.02),
    ("cancer", "hemoglobin", -0.12), ("cancer", "albumin", -0.1),
    ("atrial_fibrillation", "bnp", 0.4), ("copd", "white_cells", 0.08),
)  # fmt: skip
_ACUTE = _effects(
    ("heart_failure", "bnp", 0.85), ("heart_failure", "sodium", -0.018),
    ("heart_failure", "creatinine", 0.12), ("copd", "white_cells", 0.25),
    ("copd", "sodium", -0.008), ("kidney_disease", "creatinine", 0.4),
    ("kidney_disease", "urea_nitrogen", 0.45), ("diabetes", "glucose", 0.5),
    ("diabetes", "sodium", -0.015), ("coronary_disease", "bnp", 0.45),
    ("atrial_fibrillation", "bnp", 0.5), ("depression", "sodium", -0.008),
    ("dementia", "urea_nitrogen", 0.25), ("dementia", "sodium", 0.015),
    ("cirrhosis", "albumin", -0.12), ("cirrhosis", "sodium", -0.025),
    ("cancer", "hemoglobin", -0.12), ("cancer", "white_cells", -0.25),
    ("pneumonia", "white_cells", 0.5), ("pneumonia", "albumin", -0.06),
    ("urinary_infection", "white_cells", 0.4), ("urinary_infection", "creatinine", 0.12),
    ("fracture", "hemoglobin", -0.1), ("gastrointestinal_bleeding", "hemoglobin", -0.28),
    ("gastrointestinal_bleeding", "urea_nitrogen", 0.4), ("sepsis", "white_cells", 0.7),
    ("sepsis", "creatinine", 0.25), ("sepsis", "albumin", -0.12),
)  # fmt: skip
_BEGUN = {
    COMPLICATION: np.array([0.05, 0.08, -0.004, -0.18, 0.55, -0.12, 0.1, 0.05]),
    MEDICATION: np.array([0.28, 0.28, -0.03, -0.03, 0.0, 0.0, 0.0, 0.2]),
}
"""Effects of a new problem on the logarithms at the end of the stay."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Format of a laboratory's results: names, units and decimals, by analyte."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    decimals: tuple[int, ...]


LABORATORIES = (
    Laboratory(
        ("Creatinine", "BUN", "Sodium", "Hemoglobin", "WBC", "Albumin", "BNP", "Glucose"),
        ("mg/dL", "mg/dL", "mmol/L", "g/dL", "10^9/L", "g/dL", "pg/mL", "mg/dL"),
        (2, 0, 0, 1, 1, 1, 0, 0),
    ),
    Laboratory(
        tuple(analyte(name).loinc for name in ANALYTES),
        ("umol/L", "mmol/L", "meq/L", "g/L", "/uL", "g/L", "ng/L", "mmol/L"),
        (0, 1, 0, 0, 0, 0, 0, 1),
    ),
)


@dataclass(slots=True)
class Results:
    """Results by column, shape ``(n,)``: row of the stay, time (days), analyte, value."""

    stay: Ints
    at: Floats
    which: Ints
    value: Floats


def draw_results(seed: int, people: People, stays: Stays, day: int) -> Results:
    """Draw the results of stays that begin on a day: all analytes at both ends, some in between.

    The last samples are taken in the morning of the discharge, or five hours before it.
    """
    n, k = len(stays), len(ANALYTES)
    between = np.maximum(np.floor(stays.discharged) - np.floor(stays.admitted) - 1, 0).astype(int)
    draws = np.minimum(between, 6) + 2
    stay = np.repeat(np.arange(n), draws)
    place = np.arange(len(stay)) - np.repeat(np.cumsum(draws) - draws, draws)
    last = place == draws[stay] - 1
    morning = np.floor(stays.admitted)[stay] + place + 6.5 / 24
    end = np.minimum(np.floor(stays.discharged) + 7 / 24, stays.discharged - 5 / 24)[stay]
    at = np.where(last, end, np.where(place == 0, stays.admitted[stay] + 1.5 / 24, morning))
    draw = stream(seed, "results", day)
    taken = (draw.random((len(stay), k)) < 0.1) | (last | (place == 0))[:, None]
    taken &= draw.random((len(stay), k)) < 0.93
    at = at + draw.uniform(0, 0.5 / 24, len(stay))
    noise = draw.normal(0, 1, (len(stay), k)) * _NOISE
    level = levels(seed, people, stays, day, (at - stays.admitted[stay]), stay)
    row, which = np.nonzero(taken)
    values = (_USUAL * np.exp(level + noise))[row, which]
    return Results(stay[row], at[row], which, values)


def levels(seed: int, people: People, stays: Stays, day: int, since: Floats, stay: Ints) -> Floats:
    """Return the deviation of the logarithms from normal, ``since`` days after the admissions."""
    n = len(stays)
    own = stream(seed, "blood").normal(0, 1, (len(people), len(ANALYTES))) * _SPREAD
    base = own[stays.trait] + people.has[stays.trait] @ _CHRONIC[: len(CONDITIONS)]
    left = stream(seed, "left over", day).gamma(
        1.1, 0.2, n
    )  # every patient leaves with some deviation
    left += np.where(stays.problem == RELAPSE, stays.strength * 1.2, 0.0)
    done = np.clip(since / (stays.discharged - stays.admitted)[stay], 0.0, 1.0)
    ill = (stays.severity[stay] - left[stay]).clip(0) * (1 - done) ** 1.5 + left[stay]
    level: Floats = base[stay] + ill[:, None] * _ACUTE[stays.cause[stay]]
    for problem, effect in _BEGUN.items():
        begun = np.where(stays.problem == problem, stays.strength, 0.0)[stay] * done**2
        level += begun[:, None] * effect
    return level


def written(
    results: Results, laboratory: Ints
) -> tuple[list[str], list[str], list[str], list[float], list[float]]:
    """Return results in their laboratories' formats: name, value, unit and reference range."""
    one = [analyte(name) for name in ANALYTES]
    name: list[str] = []
    text: list[str] = []
    unit: list[str] = []
    ends: tuple[list[float], list[float]] = ([], [])
    for which, lab, value in zip(
        results.which.tolist(), laboratory.tolist(), results.value.tolist(), strict=True
    ):
        how = LABORATORIES[lab]
        factor = conversion(one[which], how.units[which])
        assert factor is not None  # a laboratory's units are in the table
        digits = how.decimals[which]
        name.append(how.names[which])
        unit.append(how.units[which])
        text.append(f"{(value - factor.offset) / factor.scale:.{digits}f}")
        bounds = ((end - factor.offset) / factor.scale for end in one[which].usual)
        for column, bound in zip(ends, bounds, strict=True):
            column.append(round(bound, 2))
    return name, text, unit, *ends
