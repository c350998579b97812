"""Merge of a CSV source and a JSON source, with a report of rows that do not fit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from streamsim.consumers.collect import merge_sources
from streamsim.streams.errors import SourceError, UsageError
from streamsim.streams.reading.feeds import Feed
from streamsim.streams.reading.formats import Instants, Money

TILLS = """Till Time;Card Household;SKU;Net Sales
03/12/2017 02:30:00 AM;0027;861279;"$1,004.19"
03/11/2017 11:00:00 PM;31;12262830;"$19.68"
03/11/2017 11:00:00 PM;;12262830;n/a
03/11/2017 11:05:00 PM;404;1;"$0.00"
cut off;31
"""
PEOPLE = """{"householdId": "27", "age": "65+", "joined": "2016-01-26T00:00:00+01:00"}
{"householdId": 31.0, "age": null, "joined": "2016-01-26T08:00:00Z"}
null
{"householdId": "99", "age": "35-44", "joined": "soon"}
{"householdId
"""


def source(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


def merged(**options: Any) -> pd.DataFrame:
    tills = Feed(
        "tills",
        {
            "household_id": "Card Household",
            "sold_at": "Till Time",
            "sku": "SKU",
            "paid": "Net Sales",
        },
        instants={"sold_at": Instants("%m/%d/%Y %I:%M:%S %p", "America/New_York")},
        money={"paid": Money("$", ",")},
        ids=("household_id", "sku"),
        delimiter=";",
    )
    people = Feed(
        "people",
        {"household_id": "householdId", "age": "age", "joined": "joined"},
        instants={"joined": Instants()},
    )
    return merge_sources(
        source(TILLS), source(PEOPLE), on="household_id", feeds=(tills, people), **options
    )


def test_names_times_money_and_ids_are_one_form_before_rows_are_matched() -> None:
    rows = merged().fillna({"age": ""}).to_dict("records")
    assert rows == [
        {
            "household_id": "27",
            "sold_at": pd.Timestamp("2017-03-12T07:30:00Z"),  # there was no 02:30 that night
            "sku": "861279",
            "paid": 100419,
            "age": "65+",
            "joined": pd.Timestamp("2016-01-25T23:00:00Z"),
        },
        {
            "household_id": "31",
            "sold_at": pd.Timestamp("2017-03-12T04:00:00Z"),
            "sku": "12262830",
            "paid": 1968,
            "age": "",
            "joined": pd.Timestamp("2016-01-26T08:00:00Z"),
        },
    ]


def test_what_did_not_match_or_could_not_be_read_is_reported() -> None:
    report = merged().attrs["report"]
    assert report["left"] == {
        "feed": "tills", "rows": 4, "matched": 2, "without_key": 1, "repeated_keys": 0,
        "unreadable": {"paid": 1}, "examples": ("404",), "columns": {},
        "doubtful_times": {"sold_at": 1}, "bad_lines": 1,
        "bad": ["6: 2 cells under a header of 4"], "notes": [],
    }  # fmt: skip
    assert report["right"] == {
        "feed": "people", "rows": 3, "matched": 2, "without_key": 0, "repeated_keys": 0,
        "unreadable": {"joined": 1}, "examples": ("99",), "columns": {}, "doubtful_times": {},
        "bad_lines": 2, "bad": ["3: not a JSON object", "5: not JSON"], "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("how", "households"),
    [
        ("inner", ["27", "31"]),
        ("left", ["27", "31", "404", ""]),
        ("right", ["27", "31", "99"]),
        ("outer", ["27", "31", "404", "99", ""]),
    ],
)
def test_whose_lone_rows_are_kept_is_chosen(how: str, households: list[str]) -> None:
    found = merged(how=how)["household_id"].fillna("").tolist()
    assert sorted(found) == sorted(households)


def test_without_a_table_a_source_is_read_by_what_it_looks_like() -> None:
    csv = "Customer ID,Sold At,Net Sales,Qty,Zip\n007,01/23/2017 09:00:00 PM,$1.50,2,02139\n"
    json = '{"export": "x", "customers": [{"customerId": 7, "profile": {"firstName": "Ann"}}]}'
    rows = merge_sources(source(csv), source(json), on="customer_id", zone="America/New_York")
    assert rows.to_dict("records") == [
        {
            "customer_id": "7",
            "sold_at": pd.Timestamp("2017-01-24T02:00:00Z"),
            "net_sales": 150,
            "qty": 2,
            "zip": "02139",
            "first_name": "Ann",
        }
    ]


def test_xml_goes_the_same_way() -> None:
    xml = """<?xml version="1.0"?><log>
      <sale basket="5"><when>01.03.2017 00:17:09</when><card>027</card><line no="1" qty="2"/></sale>
      <sale basket="6"><when>01.03.2017 00:18:05</when><card/><line no="1" qty="1"/></sale>
    </log>"""
    feed = Feed(
        "log",
        {
            "household": "card",
            "at": "when",
            "basket": "basket",
            "line": "line.no",
            "qty": "line.qty",
        },
        instants={"at": Instants("%d.%m.%Y %H:%M:%S", "America/New_York")},
        ids=("household", "basket"),
        numbers=("qty",),
    )
    names = source('[{"household": "27", "name": "Ann"}]')
    rows = merge_sources(source(xml), names, on="household", how="left", feeds=(feed, None))
    assert rows[["household", "basket", "line", "qty", "name"]].fillna("").to_numpy().tolist() == [
        ["27", "5", "1", 2.0, "Ann"],
        ["", "6", "1", 1.0, ""],
    ]
    assert rows["at"].tolist()[0] == pd.Timestamp("2017-03-01T05:17:09Z")


def test_of_a_field_that_both_have_the_left_s_stands_and_differences_are_counted() -> None:
    csv = "id,city\n1,Rome\n2,\n3,Oslo\n"
    json = '[{"id": 1, "city": "Roma"}, {"id": 2, "city": "Bern"}, {"id": 3, "city": "Oslo"}]'
    rows = merge_sources(source(csv), source(json), on="id")
    assert rows["city"].tolist() == ["Rome", "Bern", "Oslo"]
    assert rows.attrs["report"]["conflicts"] == {"city": 1}


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<log><sale><card>&b;</card></sale></log>"""


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("", "empty"),
        ("a,b\n", "no rows"),
        ("{]", "not JSON"),
        ("<log><sale>", "not XML"),
        (BOMB, "document type"),
    ],
)
def test_a_source_that_cannot_be_read_at_all_is_refused_in_a_sentence(bad: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        merge_sources(source(bad), source('[{"a": 1}]'), on="a")


def test_fields_and_ways_that_there_are_not_are_refused(tmp_path: Path) -> None:
    feed = Feed("people", {"household_id": "householdId"})
    with pytest.raises(UsageError, match="people has no field sku; it has household_id"):
        merge_sources(source("sku\n1\n"), source(PEOPLE), on="sku", feeds=(None, feed))
    with pytest.raises(UsageError, match="how= is one of inner, left"):
        merge_sources(source("a\n1\n"), source('[{"a": 1}]'), on="a", how="cross")  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="No such file"):
        merge_sources(tmp_path / "none.csv", source(PEOPLE), on="a")
    with pytest.raises(UsageError, match="no time zone"):
        Instants(zone="Mars/Olympus")


def test_columns_that_look_alike_are_all_kept() -> None:
    csv = "id,A b,a_b,a-b\n1,x,y,z\n"
    rows = merge_sources(source(csv), source('[{"id": 1}]'), on="id")
    assert rows.to_dict("records") == [{"id": "1", "a_b": "y", "a_b_2": "x", "a_b_3": "z"}]


@pytest.mark.parametrize(
    "values",
    [
        ["$1.50", None, "$1.50", " $2 ", "n/a", "$1.50", "", "$2"] * 3,
        [7, 7, None, 8, 7, 7, 8, 7],
        [1, 1.0, True, "1", None, float("nan"), 1, 1.0],
    ],
)
def test_values_that_occur_often_are_read_as_by_themselves(values: list[Any]) -> None:
    feed = Feed(
        "f",
        dict.fromkeys(("time", "money", "id", "number", "text"), "x"),
        instants={"time": Instants()},
        money={"money": Money("$", ",")},
        ids=("id",),
        numbers=("number",),
    )
    index = pd.Index(range(5, 5 + len(values)))
    rows = pd.DataFrame({"x": pd.Series(values, index, dtype=object)})
    single = pd.concat(feed.harmonise(rows.iloc[at : at + 1]) for at in range(len(values)))
    together = feed.harmonise(rows)
    assert together.index.equals(index)
    for name in together:
        told, wanted = (
            [None if pd.isna(value) else value for value in frame[name]]
            for frame in (together, single)
        )
        assert told == wanted, name
