"""The real tills' files, merged with what is known of their households."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from streamsim.consumers.collect import merge_sources
from streamsim.streams.reading.feeds import Feed

pytestmark = pytest.mark.slow

LOYALTY = Feed("loyalty", {"card_household": "id", "household_id": "id", "card": "id"})


@pytest.mark.parametrize(
    ("file", "key", "time", "paid"),
    [
        ("pos_vendor_a.csv", "card_household", "till_time", "net_sales"),
        ("pos_vendor_b.jsonl", "household_id", "sold_at", "amount_cents"),
        ("pos_vendor_c.xml", "card", "when", "amount"),
    ],
)
def test_each_vendor_s_lines_are_read_by_what_they_look_like(
    tills: Path, file: str, key: str, time: str, paid: str
) -> None:
    rows = merge_sources(
        tills / file, tills / "loyalty.json", on=key, how="left",
        feeds=(None, LOYALTY), zone="America/New_York",
    )  # fmt: skip
    truth = json.loads((tills / "truth.json").read_text())["vendors"][file]
    left = rows.attrs["report"]["left"]
    malformed = left["bad_lines"] + int((rows[time].isna() | rows[paid].isna()).sum())
    assert malformed == truth["malformed"]
    good = rows[rows[time].notna() & rows[paid].notna()]
    assert len(good) == truth["good_lines"] + truth["duplicates"]
    assert good[time].min() >= pd.Timestamp("2017-03-01", tz="America/New_York")
    assert good[time].max() < pd.Timestamp("2017-04-01", tz="America/New_York") + pd.Timedelta("1h")
