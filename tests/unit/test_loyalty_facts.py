"""As-of data of loyalty members: later facts make no difference."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsim.streams.domains.retail.loyalty import (
    Campaign,
    Known,
    Member,
    Redemption,
    as_of,
    read_member,
)
from streamsim.streams.errors import AnswerError, UsageError

TRIED = settings(max_examples=100, deadline=None, derandomize=True, print_blob=True)
ZONES = st.sampled_from(
    # Three are as far from UTC as it goes; the last two change their clocks at midnight.
    ["UTC", "America/New_York", "Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago",
     "America/Havana", "America/Asuncion"]
)  # fmt: skip
FIRST, LAST = date(2017, 2, 25), date(2017, 6, 15)  # few days, so that the first and last count
DAYS = st.dates(FIRST, LAST)
INSTANTS = st.datetimes(datetime(2017, 3, 1), datetime(2017, 6, 15)).map(  # noqa: DTZ001
    lambda at: int(at.replace(tzinfo=UTC).timestamp() * 1000)
)
IDS = st.sampled_from("abcdefgh")


@lru_cache(4096)
def begin_of(day: str, zone: str) -> datetime:
    """The first instant of a day, by looking: not every day begins at midnight."""
    local, place = date.fromisoformat(day), ZoneInfo(zone)
    start = datetime(local.year, local.month, local.day, tzinfo=UTC) - timedelta(hours=15)
    quarters = (start + timedelta(minutes=15 * n) for n in range(4 * 30))
    return next(at for at in quarters if at.astimezone(place).date() >= local)


def end_of(day: str, zone: str) -> datetime:
    return begin_of((date.fromisoformat(day) + timedelta(days=1)).isoformat(), zone)


def utc_day(at_ms: int) -> datetime:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


@st.composite
def campaigns(draw: st.DrawFn) -> list[Campaign]:
    found: list[Campaign] = []
    for name in draw(st.sets(IDS, max_size=5)):
        first = draw(DAYS)
        last = draw(st.none() | st.integers(0, 60).map(lambda n, d=first: d + timedelta(days=n)))
        until = last.isoformat() if last else None
        found.append({"campaign": name, "from": first.isoformat(), "until": until})
    return found


@st.composite
def redemptions(draw: st.DrawFn) -> list[Redemption]:
    rows = draw(st.lists(st.tuples(IDS, IDS, DAYS), max_size=12))
    return [{"coupon": c, "campaign": k, "on": on.isoformat()} for c, k, on in rows]


MEMBERS = st.builds(
    lambda campaigns, redemptions: Member(
        household_id="7", campaigns=campaigns, profile={"age": "65+"}, redemptions=redemptions
    ),
    campaigns(),
    redemptions(),
)


def later(row: Any, at_ms: int, zone: str) -> bool:
    """Whether a redemption or campaign was not known yet."""
    if "on" in row:
        return end_of(row["on"], zone) > utc_day(at_ms)
    return begin_of(row["from"], zone) >= utc_day(at_ms)


@TRIED
@given(MEMBERS, MEMBERS, INSTANTS, ZONES, st.randoms(use_true_random=False))
def test_what_comes_later_makes_no_difference(
    member: Member, other: Member, at_ms: int, zone: str, draw: Any
) -> None:
    before = as_of(copy.deepcopy(member), at_ms, zone)
    changed: Any = copy.deepcopy(member)
    for rows in (changed["campaigns"], changed["redemptions"]):
        rows[:] = [r for r in rows if not later(r, at_ms, zone) or draw.random() < 0.5]  # removed
        for row in rows:
            if later(row, at_ms, zone):  # changed, and still later
                row.update(campaign="changed", **({"coupon": "other"} if "on" in row else {}))
            elif "until" in row and (
                not row["until"] or end_of(row["until"], zone) > utc_day(at_ms)
            ):
                row["until"] = draw.choice([None, "2030-01-01"])  # how long it will run, too
    for name in ("campaigns", "redemptions"):
        added = [r for r in other[name] if later(r, at_ms, zone)]  # type: ignore[literal-required]
        changed[name] += added
        draw.shuffle(changed[name])
    assert as_of(changed, at_ms, zone) == before


@TRIED
@given(MEMBERS, INSTANTS, ZONES)
def test_whoever_joins_later_was_no_member(member: Member, at_ms: int, zone: str) -> None:
    only_later: Any = copy.deepcopy(member)
    for name in ("campaigns", "redemptions"):
        only_later[name] = [r for r in only_later[name] if later(r, at_ms, zone)]
    assert as_of(only_later, at_ms, zone) == as_of(None, at_ms, zone)


@TRIED
@given(MEMBERS, INSTANTS, ZONES)
def test_it_is_what_a_plain_count_finds(member: Member, at_ms: int, zone: str) -> None:
    begins = utc_day(at_ms)
    over = [end for r in member["redemptions"] if (end := end_of(r["on"], zone)) <= begins]
    begun = [c for c in member["campaigns"] if begin_of(c["from"], zone) < begins]
    known = bool(over or begun)
    expected: Known = {
        "member": int(known),
        "campaigns_active": sum(
            c["until"] is None or end_of(c["until"], zone) > begins for c in begun
        ),
        "campaigns_joined": len(begun),
        "redemptions": len(over),
        "redemptions_90d": sum(in_last_90(r["on"], begins, zone) for r in member["redemptions"]),
        "last_redeemed": round(max(over).timestamp() * 1000) if over else None,
        "profile": {"age": "65+"} if known else {},
    }
    assert as_of(member, at_ms, zone) == expected


def in_last_90(on: str, begins: datetime, zone: str) -> bool:
    """Whether a day is among the 90 that were over last."""
    day = begins.astimezone(ZoneInfo(zone)).date()
    return day - timedelta(days=90) <= date.fromisoformat(on) < day


@TRIED
@given(MEMBERS, INSTANTS, st.integers(0, 86_399_999), ZONES)
def test_it_is_the_same_all_day(member: Member, at_ms: int, more: int, zone: str) -> None:
    begins = at_ms - at_ms % 86_400_000
    assert as_of(member, begins + more, zone) == as_of(member, begins, zone)


@pytest.mark.parametrize(
    ("at", "zone", "known"),
    [
        ("2017-03-01T23:59:59", "UTC", 0),  # the day itself
        ("2017-03-02T00:00:00", "UTC", 1),
        ("2017-03-02T23:59:59", "America/New_York", 0),  # over at 05:00Z, after the day began
        ("2017-03-03T00:00:00", "America/New_York", 1),
        ("2017-03-01T23:59:59", "Pacific/Auckland", 0),  # over at 11:00Z, after the day began
        ("2017-03-02T00:00:00", "Pacific/Auckland", 1),
    ],
)
def test_a_redemption_counts_once_its_day_was_over(at: str, zone: str, known: int) -> None:
    member: Member = {
        "household_id": "7",
        "campaigns": [],
        "profile": {},
        "redemptions": [{"coupon": "c", "campaign": "1", "on": "2017-03-01"}],
    }
    at_ms = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
    assert as_of(member, at_ms, zone)["redemptions"] == known


@pytest.mark.parametrize(
    ("day", "zone", "joined", "active"),
    [
        ("2017-03-01", "UTC", 0, 0),  # begins as that day does, and not before
        ("2017-03-02", "UTC", 1, 1),
        ("2017-03-03", "UTC", 1, 1),  # its last day
        ("2017-03-04", "UTC", 1, 0),
        ("2017-03-01", "America/New_York", 0, 0),
        ("2017-03-02", "America/New_York", 1, 1),  # since 05:00Z the day before
        ("2017-03-04", "America/New_York", 1, 1),  # its last day is over at 05:00Z
        ("2017-03-01", "Pacific/Auckland", 1, 1),  # since 11:00Z the day before
        ("2017-03-04", "Pacific/Auckland", 1, 0),
    ],
)
def test_a_campaign_counts_once_it_had_begun(day: str, zone: str, joined: int, active: int) -> None:
    campaign: Campaign = {"campaign": "1", "from": "2017-03-01", "until": "2017-03-03"}
    member: Member = {
        "household_id": "7", "campaigns": [campaign], "profile": {}, "redemptions": []
    }  # fmt: skip
    at_ms = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
    found = as_of(member, at_ms, zone)
    assert (found["campaigns_joined"], found["campaigns_active"]) == (joined, active)


def test_of_the_last_ninety_days_the_first_counts_and_the_one_before_does_not() -> None:
    rows: list[Redemption] = [
        {"coupon": "c", "campaign": "1", "on": on} for on in ("2017-03-02", "2017-03-01")
    ]
    member: Member = {"household_id": "7", "campaigns": [], "profile": {}, "redemptions": rows}
    at_ms = int(datetime(2017, 5, 31, tzinfo=UTC).timestamp() * 1000)
    assert as_of(member, at_ms)["redemptions_90d"] == 1
    assert as_of(member, at_ms - 86_400_000)["redemptions_90d"] == 2


def test_an_unknown_zone_is_said() -> None:
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(UsageError, match="no time zone"):
            as_of(None, 0, zone)


@TRIED
@given(MEMBERS)
def test_what_a_member_is_written_as_is_read_as_the_same(member: Member) -> None:
    more = {**orjson.loads(orjson.dumps(member)), "tier": "gold"}  # an unknown field
    assert read_member(more) == member


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"household_id": None}, "not a household's id: None"),
        ({"household_id": "a/b"}, "not a household's id: 'a/b'"),
        ({"campaigns": {}}, "household 7: campaigns is no array"),
        ({"campaigns": [[]]}, "a campaign is an object"),
        ({"campaigns": [{"campaign": "1", "from": "20170101"}]}, "'from' is no date: '20170101'"),
        (
            {"campaigns": [{"campaign": "1", "from": "2017-02-01", "until": "2017-01-01"}]},
            "ends on 2017-01-01, before it begins",
        ),
        ({"campaigns": [{"campaign": "1", "from": "2017-01-01"}] * 2}, "the same campaign twice"),
        ({"redemptions": [{"coupon": "c", "on": "2017-01-01"}]}, "no id of its coupon or campaign"),
        ({"redemptions": [{"coupon": "c", "campaign": "1"}]}, "coupon c: 'on' is no date: None"),
        ({"profile": []}, "a profile is an object"),
        ({"profile": {"age": {"from": 1}}}, "profile field 'age' is no short plain value"),
        ({"profile": {"age": "x" * 201}}, "profile field 'age'"),
        ({"profile": {str(n): 1 for n in range(65)}}, "64 fields at most"),
    ],
)
def test_what_is_not_of_its_form_is_said(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AnswerError) as error:
        read_member({"household_id": "7", **changes})
    assert complaint in str(error.value)


def test_no_member_is_not_an_object() -> None:
    for value in (None, [], "7", 7):
        with pytest.raises(AnswerError, match="a member is an object"):
            read_member(value)
