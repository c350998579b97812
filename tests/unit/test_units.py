"""Conversion of measurements to one unit; impossible and unread values are marked."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from streamsim.streams.domains.healthcare.clinical.analytes import ANALYTES, SPELLINGS
from streamsim.streams.domains.healthcare.clinical.units import (
    analyte,
    conversion,
    find_analyte,
    harmonise,
    number,
    ucum,
)
from streamsim.streams.errors import UsageError


@pytest.mark.parametrize(
    ("name", "value", "unit", "expected"),
    [
        ("glucose", 5.55, "mmol/L", 99.99),
        ("creatinine", 88.4, "µmol/L", 1.0),
        ("urea_nitrogen", 7.14, "mmol/L", 20.0),
        ("hba1c", 53.0, "mmol/mol", 7.0),
        ("cholesterol", 5.17, "mmol/L", 199.9),
        ("triglycerides", 1.7, "mmol/L", 150.5),
        ("bilirubin", 17.1, "umol/L", 1.0),
        ("calcium", 2.5, "mmol/L", 10.0),
        ("calcium", 5.0, "mEq/L", 10.0),
        ("hemoglobin", 8.7, "mmol/L", 14.02),
        ("lactate", 18.0, "mg/dL", 2.0),
        ("temperature", 98.6, "°F", 37.0),
        ("temperature", 310.15, "K", 37.0),
        ("weight", 180.0, "lbs", 81.65),
        ("height", 5.9, "ft", 179.8),
        ("systolic", 16.0, "kPa", 120.0),
        ("oxygen_saturation", 0.97, "fraction", 97.0),
        ("white_cells", 7_200.0, "/uL", 7.2),
        ("alt", 0.5, "ukat/L", 30.0),
        ("troponin_t", 0.014, "ng/mL", 14.0),
    ],
)
def test_a_unit_is_harmonised(name: str, value: float, unit: str, expected: float) -> None:
    """Expected values are those that conversion tables of clinical journals print."""
    assert harmonise(analyte(name), [value], unit).values[0] == pytest.approx(expected, rel=2e-3)


def test_what_nobody_can_have_is_missing_and_marked() -> None:
    found = harmonise(analyte("heart_rate"), [72, 0, -5, 999, math.inf], "/min")
    assert found.values[0] == 72
    assert np.isnan(found.values[1:]).all()
    assert found.impossible.tolist() == [False, True, True, True, True]
    assert not found.unread.any()


def test_what_is_not_understood_is_unread_and_what_is_not_there_is_neither() -> None:
    cells = [7.0, 7.0, "hemolysed", "", None, math.nan, pd.NA, True, "7.0.1"]
    units = ["furlong", None, "mmol/L", *["mmol/L"] * 6]
    found = harmonise(analyte("sodium"), cells, units)
    assert np.isnan(found.values).all()
    assert found.unread.tolist() == [True, True, True, False, False, False, False, True, True]
    assert not found.impossible.any()


def test_a_weight_without_a_unit_is_not_guessed_at() -> None:
    """180 may be pounds or kilograms; both are possible."""
    assert harmonise(analyte("weight"), [180.0], [""]).unread.tolist() == [True]


def test_every_analyte_s_usual_range_is_possible_and_every_unit_known() -> None:
    names = [normal for one in ANALYTES for normal in (one.name, one.loinc, *one.names)]
    assert len(set(names)) == len(names)
    for one in ANALYTES:
        assert one.possible[0] <= one.usual[0] < one.usual[1] <= one.possible[1]
        assert find_analyte(one.loinc) is one
        for code in (one.unit, *one.others):
            assert ucum(code) == code
            assert conversion(one, code) is not None


def test_every_spelling_leads_to_a_unit_that_something_is_measured_in() -> None:
    codes = {code for one in ANALYTES for code in (one.unit, *one.others)} | {"ug/L"}
    assert set(SPELLINGS.values()) <= codes


def test_a_long_text_is_no_number_and_costs_nothing() -> None:
    assert number("9" * 1_000_000) is None
    assert ucum("m" * 1_000_000) == "m" * 40


def test_what_is_not_in_the_table_is_said() -> None:
    with pytest.raises(UsageError, match="no analyte 'mood'"):
        analyte("mood")
