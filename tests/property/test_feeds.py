"""Feeds: values are read back as they were written, and no other text is accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import MOST_CENTS, Instants, Money
from streamsim.streams.reading.identifiers import identifier
from tests.property.examples import examples

ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Lisbon", "Asia/Kolkata"])
PATTERNS = st.sampled_from(["%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S"])
SECONDS = st.integers(0, 4_000_000_000)
MONIES = st.sampled_from(
    [Money(), Money("$", ","), Money("€", ".", ","), Money(decimal=","), Money(decimal=None)]
)


def written(cents: int, money: Money) -> str:
    minus, cents = "-" * (cents < 0), abs(cents)
    if money.decimal is None:
        return f"{minus}{cents}"
    whole = f"{cents // 100:,}".replace(",", money.thousands)
    return f"{minus}{money.symbol}{whole}{money.decimal}{cents % 100:02d}"


@examples(2)
@given(money=MONIES, amounts=st.lists(st.integers(-MOST_CENTS, MOST_CENTS), min_size=1))
def test_money_is_read_to_the_cent(money: Money, amounts: list[int]) -> None:
    assert money.read(pd.Series([written(a, money) for a in amounts])).tolist() == amounts


@examples(2)
@given(money=MONIES, texts=st.lists(st.text("0123456789.,$€-+ e\u0660x", max_size=8), min_size=1))
def test_no_text_is_taken_for_another_amount(money: Money, texts: list[str]) -> None:
    for text, cents in zip(texts, money.read(pd.Series(texts)).tolist(), strict=True):
        if not pd.isna(cents):
            for mark in (" ", money.symbol, money.thousands):
                text = text.replace(mark, "") if mark else text
            number = Decimal(text.replace(money.decimal, ".") if money.decimal else text)
            assert number * (100 if money.decimal else 1) == cents


@examples(2)
@given(zone=ZONES, pattern=PATTERNS, seconds=st.lists(SECONDS, min_size=1))
def test_a_local_time_is_the_instant_that_the_zone_says(
    zone: str, pattern: str, seconds: list[int]
) -> None:
    own = ZoneInfo(zone)
    moments = [datetime.fromtimestamp(s, own) for s in seconds]
    read = Instants(pattern, zone).read(pd.Series([m.strftime(pattern) for m in moments]))
    for moment, stamp in zip(moments, read.tolist(), strict=True):
        first = moment.replace(fold=0)  # of two instants with one local time it is the first
        assert stamp == int(first.timestamp() * 1000)


@examples(2)
@given(zone=ZONES, seconds=st.lists(SECONDS, min_size=1), wrong=st.integers(-14, 14))
def test_an_offset_is_believed_or_the_zone_is(zone: str, seconds: list[int], wrong: int) -> None:
    own = ZoneInfo(zone)
    moments = [datetime.fromtimestamp(s, own) for s in seconds]
    right = pd.Series([m.isoformat() for m in moments])
    assert Instants().read(right).tolist() == [s * 1000 for s in seconds]
    lies = pd.Series([f"{m:%Y-%m-%dT%H:%M:%S}{wrong:+03d}:00" for m in moments])
    read = Instants(zone=zone, believe_offset=False).read(lies)
    assert read.tolist() == [int(m.replace(fold=0).timestamp() * 1000) for m in moments]


@examples(1)
@given(zone=ZONES, texts=st.lists(st.text(max_size=12), min_size=1))
def test_no_text_makes_a_reader_fail(zone: str, texts: list[str]) -> None:
    for pattern in ("", "%d.%m.%Y"):
        for stamp in Instants(pattern, zone).read(pd.Series(texts, dtype=object)).tolist():
            if stamp != NO_TIME:
                datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=stamp)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)))
def test_an_id_stays_as_it_is_once_it_is_in_its_form(value: object) -> None:
    once = identifier(value)
    assert once is None or identifier(once) == once
