"""Retail: answers of the loyalty programme, reduced to what was known before a given day.

The programme answers with its present data, also about the past. Features that used the answer
whole would contain the future: :func:`as_of` keeps only what was known before the day began.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypedDict, TypeGuard
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamsim.streams.errors import AnswerError, UsageError
from streamsim.streams.spec.spans import DAY

RECENT_DAYS = 90
MOST_FIELDS, MOST_TEXT = 64, 200
"""Limits of a profile: the number of fields, and the characters of a name or a text."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}")

Campaign = TypedDict("Campaign", {"campaign": str, "from": str, "until": str | None})
"""A campaign of a household, from its first day to its last; ``None``: open."""


class Redemption(TypedDict):
    """A redeemed coupon; only the day of the redemption is known."""

    coupon: str
    campaign: str
    on: str


class Member(TypedDict):
    """The programme's data of a household."""

    household_id: str
    campaigns: list[Campaign]
    profile: dict[str, Any]
    redemptions: list[Redemption]


class Known(TypedDict):
    """The data of a household that were known before a day began; see :func:`as_of`."""

    member: int
    campaigns_active: int
    campaigns_joined: int
    redemptions: int
    redemptions_90d: int
    last_redeemed: int | None
    profile: dict[str, Any]


def is_id(value: object) -> TypeGuard[str]:
    """Return whether a value can be an id of a household, a campaign or a coupon.

    >>> is_id("2017-A:7"), is_id("../admin"), is_id(""), is_id(7)
    (True, False, False, False)
    """
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def as_of(member: Member | None, at_ms: int, zone: str = "UTC") -> Known:
    """Reduce the programme's present data to what was known before the UTC day of ``at_ms``.

    A redemption counts if its day was over, in the programme's time zone, before that UTC day
    began. A campaign counts if it had begun by then. The programme does not date memberships, so a
    household is a member once one of the two counts; before that it has no profile. A profile has
    no dates and is assumed to be constant.

    Parameters
    ----------
    member
        As :func:`read_member` returns it, ``None`` for a household that is not in the programme.
    zone
        IANA name of the time zone of the programme's days.

    Returns
    -------
    Among its fields ``campaigns_active`` (begun, last day not over), ``campaigns_joined`` (begun),
    ``redemptions_90d`` (in the last 90 days that were over) and ``last_redeemed``, the instant at
    which the day of the last redemption was over (ms since 1970, UTC).

    Raises
    ------
    UsageError
        If there is no such zone.

    Notes
    -----
    Later facts make no difference, in the answer or not. Facts that the programme has deleted since
    do make a difference: it keeps no history of them.

    Examples
    --------
    >>> member = {
    ...     "household_id": "7", "profile": {"age": "65+"},
    ...     "campaigns": [{"campaign": "18", "from": "2017-02-10", "until": "2017-03-31"}],
    ...     "redemptions": [{"coupon": "c", "campaign": "18", "on": "2017-03-01"}]}
    >>> noon = 1_488_456_000_000  # 2017-03-02T12:00Z
    >>> as_of(member, noon)["redemptions"], as_of(member, noon, "America/New_York")["redemptions"]
    (1, 0)
    >>> as_of(member, noon - 30 * DAY)
    {'member': 0, 'campaigns_active': 0, 'campaigns_joined': 0, 'redemptions': 0, \
'redemptions_90d': 0, 'last_redeemed': None, 'profile': {}}
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"no time zone {zone!r}") from None
    begins = _EPOCH + timedelta(days=at_ms // DAY)
    not_over = begins.astimezone(place).date()
    last_begun = (begins - timedelta(milliseconds=1)).astimezone(place).date().isoformat()
    recent = (not_over - timedelta(days=RECENT_DAYS)).isoformat()
    first_open = not_over.isoformat()  # ISO dates sort as the days do
    days = [r["on"] for r in member["redemptions"] if r["on"] < first_open] if member else []
    joined = [c for c in member["campaigns"] if c["from"] <= last_begun] if member else []
    active = [c for c in joined if c["until"] is None or c["until"] >= first_open]
    known = bool(days or joined)
    return {
        "member": int(known),
        "campaigns_active": len(active),
        "campaigns_joined": len(joined),
        "redemptions": len(days),
        "redemptions_90d": sum(on >= recent for on in days),
        "last_redeemed": _over_ms(max(days), place) if days else None,
        "profile": dict(member["profile"]) if member and known else {},
    }


def _over_ms(on: str, place: ZoneInfo) -> int:
    following = date.fromisoformat(on) + timedelta(days=1)
    return (datetime.combine(following, time(), place) - _EPOCH) // timedelta(milliseconds=1)


def read_member(value: object) -> Member:
    """Read a member; unknown fields are ignored.

    Raises
    ------
    AnswerError
        If a field is missing or malformed; the message names it.

    Examples
    --------
    >>> read_member({"household_id": "7", "campaigns": [{"campaign": "1", "from": "2017-02-30"}]})
    Traceback (most recent call last):
    ...
    streamsim.streams.errors.AnswerError: household 7, campaign 1: 'from' is no date: '2017-02-30'
    """
    if not isinstance(value, dict):
        raise AnswerError("a member is an object with household_id, campaigns and the like")
    household = value.get("household_id")
    if not is_id(household):
        raise AnswerError(f"not a household's id: {_shown(household)}")
    where = f"household {household}"
    campaigns = [_campaign(c, where) for c in _list(value, "campaigns", where)]
    if len({c["campaign"] for c in campaigns}) < len(campaigns):
        raise AnswerError(f"{where}: the same campaign twice")
    return {
        "household_id": household,
        "campaigns": campaigns,
        "profile": _profile(value.get("profile"), where),
        "redemptions": [read_redemption(r, where) for r in _list(value, "redemptions", where)],
    }


def read_redemption(value: object, where: str) -> Redemption:
    """Read a redemption; ``where`` begins an error's message.

    Raises
    ------
    AnswerError
        If a field is missing or malformed.
    """
    if not isinstance(value, dict):
        raise AnswerError(f"{where}: a redemption is an object with coupon, campaign and on")
    coupon, campaign = value.get("coupon"), value.get("campaign")
    if not is_id(coupon) or not is_id(campaign):
        raise AnswerError(f"{where}: a redemption has no id of its coupon or campaign")
    return {
        "coupon": coupon,
        "campaign": campaign,
        "on": _day(value.get("on"), "on", f"{where}, coupon {coupon}"),
    }


def _campaign(value: object, where: str) -> Campaign:
    if not isinstance(value, dict) or not is_id(value.get("campaign")):
        raise AnswerError(f"{where}: a campaign is an object with campaign (an id), from and until")
    where = f"{where}, campaign {value['campaign']}"
    first, last = _day(value.get("from"), "from", where), value.get("until")
    if last is not None and _day(last, "until", where) < first:
        raise AnswerError(f"{where}: ends on {last}, before it begins on {first}")
    return {"campaign": value["campaign"], "from": first, "until": last}


def _profile(value: object, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MOST_FIELDS:
        raise AnswerError(f"{where}: a profile is an object of {MOST_FIELDS} fields at most")
    for name, field in value.items():
        long = len(name) > MOST_TEXT or (isinstance(field, str) and len(field) > MOST_TEXT)
        if long or not isinstance(field, str | int | float | bool | None):
            raise AnswerError(f"{where}: profile field {name[:40]!r} is no short plain value")
    return dict(value)


def _list(value: dict[str, Any], name: str, where: str) -> list[Any]:
    rows = value.get(name, [])
    if not isinstance(rows, list):
        raise AnswerError(f"{where}: {name} is no array")
    return rows


def _day(value: object, name: str, where: str) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise AnswerError(f"{where}: {name!r} is no date: {_shown(value)}")


def _shown(value: object) -> str:
    return repr(value)[:60]
