"""Retail: store of the loyalty programme's members in its stand-in, read page by page."""

from __future__ import annotations

import base64
import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from streamsim.streams.errors import AnswerError

from .loyalty import (
    Campaign,
    Member,
    Redemption,
    read_member,
    read_redemption,
)

FIELDS = {"household_id", "campaigns", "profile", "redemptions"}
Row = tuple[str, str, str]
"""A redemption as it is stored and sorted: day, campaign, coupon."""


@dataclass(slots=True)
class _Entry:
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    redemptions: list[Row] = field(default_factory=list)

    def merge(self, member: Member) -> bool:
        """Merge a member's data; return whether something is new."""
        campaigns = {c["campaign"]: c for c in member["campaigns"]}
        rows = {_row(r) for r in member["redemptions"]}.difference(self.redemptions)
        news = (
            bool(rows)
            or self.campaigns != self.campaigns | campaigns
            or self.profile != self.profile | member["profile"]
        )
        self.campaigns |= campaigns
        self.profile |= member["profile"]
        self.redemptions = sorted([*self.redemptions, *rows])
        return news


class Members:
    """Members of the programme; several threads may read and write them.

    A repeated redemption (coupon, campaign and day) is stored once. Of a campaign's dates and of a
    profile's field the last value is kept.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def merge(self, members: Iterable[Member]) -> int:
        """Merge facts; return the number of households with new data."""
        changed = 0
        with self._lock:
            for member in members:
                new = member["household_id"] not in self._entries
                entry = self._entries.setdefault(member["household_id"], _Entry())
                changed += entry.merge(member) or new
        return changed

    def get(self, household_id: str) -> dict[str, Any] | None:
        """Return a member without its redemptions; ``None`` if the household is no member."""
        with self._lock:
            entry = self._entries.get(household_id)
            if entry is None:
                return None
            campaigns = sorted(entry.campaigns.values(), key=lambda c: (c["from"], c["campaign"]))
            return {
                "household_id": household_id,
                "campaigns": campaigns,
                "profile": dict(entry.profile),
            }

    def page(self, household_id: str, cursor: str | None, limit: int) -> dict[str, Any] | None:
        """Return the next ``limit`` redemptions by day; ``None`` if the household is no member.

        A cursor holds the last redemption read, so that new ones in between shift no page.

        Raises
        ------
        AnswerError
            If the cursor is not one of this household's.
        """
        after = None if cursor is None else _read_cursor(cursor, household_id)
        with self._lock:
            entry = self._entries.get(household_id)
            if entry is None:
                return None
            first = 0 if after is None else bisect_right(entry.redemptions, after)
            rows = entry.redemptions[first : first + limit]
            more = first + limit < len(entry.redemptions)
        return {
            "redemptions": [{"coupon": c, "campaign": k, "on": on} for on, k, c in rows],
            "next": _write_cursor(household_id, rows[-1]) if more else None,
        }


def read_facts(value: object) -> list[Member]:
    """Read an array of members.

    Raises
    ------
    AnswerError
        If it is no array, or a member has unknown fields.
    """
    if not isinstance(value, list):
        raise AnswerError("send an array of members")
    for number, row in enumerate(value):
        if isinstance(row, dict) and not row.keys() <= FIELDS:
            raise AnswerError(f"member {number} has unknown fields: {sorted(row.keys() - FIELDS)}")
    return [read_member(row) for row in value]


def facts_of(value: object) -> object:
    """Return the facts in a file.

    The file has an array as in :func:`read_facts`, or one object: ``members`` by household with
    the ids of their ``campaigns``, and ``campaigns`` with their dates.

    Raises
    ------
    AnswerError
        If it is neither.
    """
    return _by_household(value) if isinstance(value, dict) else value


def _by_household(value: dict[str, Any]) -> list[Any]:
    """Copy the dates of the campaigns to each of their members."""
    members, campaigns = value.get("members"), value.get("campaigns")
    if not isinstance(members, dict) or not isinstance(campaigns, list):
        raise AnswerError("an object with 'members' by household and a list of 'campaigns'")
    dates = {}
    for number, row in enumerate(campaigns):
        try:
            first, last = row["start_date"][:10], row["end_date"][:10]
            dates[row["campaign_id"]] = {"from": first, "until": last}
        except (TypeError, KeyError):
            raise AnswerError(
                f"campaign {number} needs campaign_id, start_date and end_date"
            ) from None
    facts = []
    for household, member in members.items():
        if not isinstance(member, dict) or not isinstance(member.get("campaigns", []), list):
            raise AnswerError(f"household {household[:60]}: not an object with a list of campaigns")
        ids = member.get("campaigns", [])
        try:
            joined = [{"campaign": i, **dates[i]} for i in ids]
        except (TypeError, KeyError):
            raise AnswerError(
                f"household {household[:60]}: a campaign without dates among {ids!r:.60}"
            ) from None
        facts.append({**member, "household_id": household, "campaigns": joined})
    return facts


def _row(redemption: Redemption) -> Row:
    return redemption["on"], redemption["campaign"], redemption["coupon"]


def _write_cursor(household_id: str, row: Row) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([household_id, *row])).decode().rstrip("=")


def _read_cursor(text: str, household_id: str) -> Row:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        whose, on, campaign, coupon = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        redemption = {"on": on, "campaign": campaign, "coupon": coupon}
        row = _row(read_redemption(redemption, "cursor"))
    except (ValueError, TypeError, AnswerError):
        raise AnswerError("not a cursor of this service") from None
    if whose != household_id:
        raise AnswerError("a cursor of another household")
    return row
