"""The real tills' files, merged with what is known of their households."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from streamsim.consumers.collect import merge_sources
from streamsim.streams.reading.feeds import Feed
from streamsim.streams.reading.formats import Instants, Money

pytestmark = pytest.mark.slow

ZONE = "America/New_York"
LOYALTY = Feed("loyalty", {"card_household": "id", "household_id": "id", "card": "id"})


@pytest.mark.parametrize(
    ("file", "key", "time", "clock", "paid", "money"),
    [
        ("pos_vendor_a.csv", "card_household",
         "till_time", Instants("%m/%d/%Y %I:%M:%S %p", ZONE), "net_sales", Money("$", ",")),
        ("pos_vendor_b.jsonl", "household_id",
         "sold_at", Instants(zone=ZONE), "amount_cents", Money(decimal=None)),
        ("pos_vendor_c.xml", "card",
         "when", Instants("%d.%m.%Y %H:%M:%S", ZONE), "amount", Money(decimal=",")),
    ],
)  # fmt: skip
def test_each_vendor_s_lines_are_read_with_two_types_said(
    tills: Path, file: str, key: str, time: str, clock: Instants, paid: str, money: Money
) -> None:
    # Some of the times and amounts are malformed, so these types are not inferred.
    rows = merge_sources(
        tills / file, tills / "loyalty.json", on=key, how="left",
        feeds=(None, LOYALTY), types={time: clock, paid: money},
    )  # fmt: skip
    truth = json.loads((tills / "truth.json").read_text())["vendors"][file]
    left = rows.attrs["report"]["left"]
    malformed = left["bad_lines"] + int((rows[time].isna() | rows[paid].isna()).sum())
    assert malformed == truth["malformed"]
    good = rows[rows[time].notna() & rows[paid].notna()]
    assert len(good) == truth["good_lines"] + truth["duplicates"]
    assert good[time].min() >= pd.Timestamp("2017-03-01", tz="America/New_York")
    assert good[time].max() < pd.Timestamp("2017-04-01", tz="America/New_York") + pd.Timedelta("1h")
