"""Fields of a column map: products in exact decimals, a file's name in ids, times as numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from streamsim.streams.codec import parse_times
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Money, Number
from streamsim.streams.spec import Field, Inputs, Kind, Role, SourceSpec
from streamsim.streams.spec.input_maps import FILE
from streamsim.streams.tables.column_map import read_column_map
from streamsim.streams.tables.mapped_fields import MappedField

CENTS = Field("cents", Kind.INTEGER, "paid")


def column(*values: Any) -> pd.Series:
    return pd.Series(values, dtype=object)


@pytest.mark.parametrize(
    ("price", "count", "decimal", "cents"),
    [
        ("2.55", "6", ".", 1530),
        ("0.1", "3", ".", 30),
        ("1.005", "200", ".", 20100),
        ("2,55", "6", ",", 1530),
        (2.55, 6, ".", 1530),
        ("£2.55", "-6", ".", -1530),
        ("1.005", "1", ".", None),
        ("2,55", "6", ".", None),
        ("2.55", None, ".", None),
        ("2.55", "six", ".", None),
        ("90071992547409.93", "1", ".", None),
    ],
)
def test_an_amount_is_a_product_in_whole_cents(
    price: Any, count: Any, decimal: str, cents: int | None
) -> None:
    own = MappedField(
        CENTS, ("Price",), money=Money("£", decimal=decimal), number=Number(decimal), times="Count"
    )
    assert own.needs == ("Price", "Count")
    (found,) = own.read(pd.DataFrame({"Price": column(price), "Count": column(count)}))
    assert (None if pd.isna(found) else found) == cents


def test_a_number_may_be_a_product_too() -> None:
    own = MappedField(Field("kg", Kind.NUMBER, "weight"), ("Each",), times="Count")
    found = own.read(pd.DataFrame({"Each": column("0.1", "x"), "Count": column("3", "1")}))
    assert found[0] == 0.3
    assert pd.isna(found[1])


def test_a_prefix_may_name_the_file() -> None:
    own = MappedField(Field("event_id", Kind.STRING, "id"), ("No",), prefix="{file}-")
    frame = pd.DataFrame({"No": column("7", None)})
    frame.attrs[FILE] = "2010"
    assert own.read(frame).tolist() == ["2010-7", None]


def test_a_time_in_seconds_is_read_where_it_is_an_instant_instead() -> None:
    own = MappedField(Field("event_time", Kind.TIME, "when"), ("t",), unit=1000)
    found = own.read(pd.DataFrame({"t": column("1.5", "2005-04-02 23:53:47", "soon", None)}))
    instant = int(parse_times(["2005-04-02T23:53:47Z"])[0])
    assert found.tolist() == [1500, instant, NO_TIME, NO_TIME]


MAP = """
[fields]
event_id = "id"
event_time = "t"
who = "w"
"""
INPUTS = Inputs(
    (SourceSpec("things", Role.TRIGGER, "who", (Field("who", Kind.STRING, "who"), CENTS), "x"),)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[file]\nlines = "("\ncolumns = ["id"]\n' + MAP + 'cents = "c"',
            "lines is no regular expression",
        ),
        ('[file]\nlines = "x"\n' + MAP + 'cents = "c"', "so say its columns, too"),
        (MAP.replace('"w"', '{ column = "w", times = "n" }') + 'cents = "c"', "who is no number"),
    ],
)
def test_a_mistake_is_said(tmp_path: Any, text: str, said: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_column_map(tmp_path / "map.toml", INPUTS)
