"""Retail: the loyalty programme's members, as its stand-in keeps them: merged, read by pages."""

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
"""A redemption as it is kept and sorted: day, campaign, coupon."""


@dataclass(slots=True)
class _Entry:
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    redemptions: list[Row] = field(default_factory=list)

    def merge(self, member: Member) -> bool:
        """Take in what is said; return whether it is news."""
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
    """Members of the programme; may be read and fed by several threads.

    The same redemption (coupon, campaign and day) said again is the same one, a campaign's dates
    and a field of a profile are those that were said last.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def merge(self, members: Iterable[Member]) -> int:
        """Take in facts; return of how many households something is new."""
        changed = 0
        with self._lock:
            for member in members:
                new = member["household_id"] not in self._entries
                entry = self._entries.setdefault(member["household_id"], _Entry())
                changed += entry.merge(member) or new
        return changed

    def get(self, household_id: str) -> dict[str, Any] | None:
        """Return a member without its redemptions, ``None`` for a household that is none."""
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
        """Return the next ``limit`` redemptions by day, ``None`` for a household that is no member.

        A cursor says what was read last, so that what comes meanwhile moves no page.

        Raises
        ------
        AnswerError
            If the cursor is none of this household's.
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
        If it is none, or a member has fields that are not known.
    """
    if not isinstance(value, list):
        raise AnswerError("send an array of members")
    for number, row in enumerate(value):
        if isinstance(row, dict) and not row.keys() <= FIELDS:
            raise AnswerError(f"member {number} has unknown fields: {sorted(row.keys() - FIELDS)}")
    return [read_member(row) for row in value]


def facts_of(value: object) -> object:
    """Return the facts that a file holds.

    It holds an array as :func:`read_facts` takes it, or one object: ``members`` by household with
    the ids of their ``campaigns``, and ``campaigns`` with the dates of each.

    Raises
    ------
    AnswerError
        If it is neither.
    """
    return _by_household(value) if isinstance(value, dict) else value


def _by_household(value: dict[str, Any]) -> list[Any]:
    """Put the dates of campaigns, which stand once in the file, with each of their members."""
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
