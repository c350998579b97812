"""Inference of a column's type: every value comes back, or the column stays a text and says why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from streamsim.streams.errors import UsageError
from streamsim.streams.reading.formats import Instants, Money, Number
from streamsim.streams.reading.inferring import infer


def read(values: list[Any], *, decimal_comma: bool = False, **types: Any) -> tuple[str, list[Any]]:
    """Return the type that a column ``x`` gets, and its values, ``None`` for missing ones."""
    rows = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    found = infer("rows", rows, types=types, decimal_comma=decimal_comma)
    column = found.harmonise(rows)["x"]
    return found.columns["x"].type, [None if pd.isna(v) else v for v in column.tolist()]


def why(values: list[Any], *, decimal_comma: bool = False) -> str:
    rows = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    column = infer("rows", rows, decimal_comma=decimal_comma).columns["x"]
    assert column.type == "text"
    assert column.read(rows["x"]).tolist() == values
    return column.why


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1013.2", "1012.9"], "number", [1013.2, 1012.9]),  # no years
        (["4.19", "2.50", "1.00"], "number", [4.19, 2.5, 1.0]),
        (["8", None, "-3", "0"], "integer", [8, None, -3, 0]),
        (["9223372036854775807", "1"], "integer", [2**63 - 1, 1]),
        (["7", "7.0"], "number", [7.0, 7.0]),
        ([".5", "-.25"], "number", [0.5, -0.25]),
        (["1e-05", "1.5e3", "2.5E+10"], "number", [1e-05, 1500.0, 2.5e10]),
        (["0.30000000000000004", "1"], "number", [0.30000000000000004, 1.0]),
        (["1.000000000000000056e-01"], "number", [0.1]),  # as numpy.savetxt writes it
        ([" 12", "13 "], "integer", [12, 13]),
        ([1, 2.5, None], "number", [1.0, 2.5, None]),
        ([12345678901234567890], "text", ["12345678901234567890"]),
        ([Decimal("12.50"), Decimal("3.00")], "number", [12.5, 3.0]),
        ([True, None, False], "boolean", [True, None, False]),
        (["yes", "no"], "text", ["yes", "no"]),
        ([1, "a"], "text", ["1", "a"]),
        ([None, float("nan"), ""], "empty", [None, None, None]),
        (["$1,004.19", "-$3"], "money", [100419, -300]),
        (["3,50 €", "12 €"], "money", [350, 1200]),
    ],
)
def test_a_type_that_holds_for_every_value_is_inferred(
    values: list[Any], kind: str, expected: list[Any]
) -> None:
    assert read(values) == (kind, expected)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["4011-05", "4011-07"], ""),
        (["01", "2"], "'01' is not how the number 1 is written"),
        (["+46", "31"], "'+46' is not how the number 46 is written"),
        (["89490200001234567890", "1"], "'89490200001234567890' has 20 digits"),
        (["0.1234567890123456789", "1"], "has 20 digits, more than a number holds"),
        (["1E5", "2E3"], "'1E5' is not how the number 100000 is written"),
        (["1.1", "1.10"], "'1.1' and '1.10' would be one number"),
        (["536365", "C536379"], "'C536379' is no number, though '536365' is"),
        (["1", "n/a"], "'n/a' is no number, though '1' is"),
        (["1,234", "5,678"], "'1,234' may be 1234 or 1.234; say which by its type"),
        (["1,5", "2,5"], "'1,5' has a comma; say by its type what it separates"),
        (["01/12/2010", "02/12/2010"], "may be the 1st of month 12 or the 12th of month 1"),
        (["31/12/2010", "12/31/2010"], "more than one format"),
        (["2025-02-30"], "'2025-02-30' is no day"),
        (["€1.679", "€1.699"], "may be thousands, or three decimals"),
        (["$4.19", "free"], ""),
        (["0x1B", "1"], "'0x1B' is no number, though '1' is"),
        (["1_000", "1"], "'1_000' is no number, though '1' is"),
        (["NaN", "1"], "'NaN' is no number, though '1' is"),
        (["1e999", "1"], ""),
    ],
)
def test_what_may_be_two_things_or_would_change_stays_a_text(
    values: list[Any], reason: str
) -> None:
    assert reason in why(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["21,5", "-0,25", "7"], [21.5, -0.25, 7.0]),
        (["1.234,56", "1.240,10"], [1234.56, 1240.1]),
    ],
)
def test_a_decimal_comma_is_one_where_commas_separate_no_cells(
    values: list[str], expected: list[float]
) -> None:
    assert read(values, decimal_comma=True) == ("number", expected)


def test_three_digits_behind_a_comma_may_be_thousands() -> None:
    assert why(["52,520", "52,521"], decimal_comma=True) == (
        "'52,520' may be 52520 or 52.52; say which by its type"
    )
    assert read(["52,520"], x=Number(",")) == ("number", [52.52])
    assert read(["52,520"], x=Number(".", ",")) == ("number", [52520.0])
    assert read(["1,234,567", "1,234.5"]) == ("number", [1234567.0, 1234.5])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2025-03-01", "2025-03-01T10:00:00+01:00"], ["2025-03-01T00:00Z", "2025-03-01T09:00Z"]),
        (["2025-03-01 10:00:00.123456"], ["2025-03-01T10:00:00.123456Z"]),
        (["31.12.2010 08:05"], ["2010-12-31T08:05Z"]),
        (["12/31/2010 08:05:00 PM"], ["2010-12-31T20:05Z"]),
        (["31-12-2010", "01-12-2010"], ["2010-12-31T00:00Z", "2010-12-01T00:00Z"]),
        ([datetime(2025, 3, 1, 10, tzinfo=UTC), None], ["2025-03-01T10:00Z", None]),
        ([date(2025, 3, 1)], ["2025-03-01T00:00Z"]),
    ],
)
def test_times_that_have_one_reading_are_instants(
    values: list[Any], expected: list[str | None]
) -> None:
    kind, found = read(values)
    assert kind == "time"
    assert found == [None if text is None else pd.Timestamp(text) for text in expected]


def test_a_type_that_is_said_is_taken() -> None:
    assert read(["1", "01"], x="text") == ("text", ["1", "01"])
    assert read(["1", "n/a"], x="number") == ("number", [1.0, None])
    assert read(["4,19"], x=Money(decimal=",")) == ("money", [419])
    kind, found = read(["01/12/2010"], x=Instants("%d/%m/%Y"))
    assert (kind, found) == ("time", [pd.Timestamp("2010-12-01", tz="UTC")])
    with pytest.raises(UsageError, match="'date' is no type of a column; there are Instants"):
        read(["1"], x="date")


def test_the_types_of_a_data_frame_are_kept() -> None:
    rows = pd.DataFrame(
        {
            "n": pd.array([1, None], "Int64"),
            "f": [0.5, 1.5],
            "b": pd.array([True, None], "boolean"),
            "t": pd.to_datetime(["2025-03-01", "2025-03-02"]),
            "c": pd.Categorical(["x", "y"]),
            "s": pd.array(["01", "2"], "string"),
        }
    )
    found = infer("frame", rows, "Europe/Berlin")
    table = found.harmonise(rows)
    kinds = ["integer", "number", "boolean", "time", "text", "text"]
    assert [column.type for column in found.columns.values()] == kinds
    assert table["n"].tolist() == [1, pd.NA]
    assert table["t"].tolist()[0] == pd.Timestamp("2025-02-28T23:00Z")
    assert table["s"].tolist() == ["01", "2"]


@pytest.mark.parametrize(
    ("kwh", "eur", "type_"),
    [
        (["1.234", "950"], ["2,50", "3,75"], "text"),
        (["1.234", "0.5"], ["2,50", "3,75"], "number"),
        (["1.234", "950"], ["2", "3"], "number"),
    ],
)
def test_points_beside_decimal_commas_may_be_thousands(
    kwh: list[str], eur: list[str], type_: str
) -> None:
    """A German file: 1.234 kWh are a thousand times what a reader of points takes them for."""
    found = infer("meters", pd.DataFrame({"kwh": kwh, "eur": eur}), decimal_comma=True)
    assert found.columns["kwh"].type == type_
    if type_ == "text":
        assert "in eur a comma separates the decimals" in found.columns["kwh"].why
