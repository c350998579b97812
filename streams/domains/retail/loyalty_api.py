"""Retail: HTTP API of the loyalty programme: its requests, and the answers of its stand-in."""

from __future__ import annotations

from typing import Any

from streamsim.streams.errors import AnswerError, SettingError
from streamsim.streams.spec.third_parties import Conversation, Reply, Request

from .loyalty import is_id, read_member
from .members import Members, read_facts

HEALTH = ("v1", "health")
MAX_PAGE = 50
"""Largest number of redemptions of a page."""
MOST_CURSOR = 2_000


def ask(household: str) -> Conversation:
    """Ask for the programme's data of a household, page by page.

    Returns
    -------
    A :class:`streamsim.streams.domains.retail.loyalty.Member`; ``None`` if it is no member.

    Raises
    ------
    AnswerError
        If the answer cannot be used.
    SettingError
        If the address is not that of a loyalty programme.
    """
    if not is_id(household):
        raise AnswerError("not a household's id")
    request = Request(("v1", "members", household))
    document = _known(request, (yield request), household)
    if document is None:
        return None
    redemptions: list[Any] = []
    query = {"limit": str(MAX_PAGE)}
    while True:
        request = Request(("v1", "members", household, "redemptions"), query)
        page = _known(request, (yield request), household)
        if page is None:
            return None
        rows, following = page.get("redemptions"), page.get("next")
        if not isinstance(rows, list):
            raise AnswerError("a page without redemptions")
        redemptions += rows
        if following is None:
            break
        if not isinstance(following, str) or not 0 < len(following) <= MOST_CURSOR:
            raise AnswerError("a page's next is no cursor")
        query = {**query, "cursor": following}
    member = read_member({**document, "redemptions": redemptions})
    if member["household_id"] != household:
        raise AnswerError(f"an answer about {member['household_id']}, who was not asked for")
    return member


def _known(request: Request, reply: Reply, household: str) -> dict[str, Any] | None:
    """Return the object that a reply holds; ``None`` if the household is no member.

    A wrong address returns 404, too. That must not be taken for an answer.
    """
    if reply.status != 404:
        return reply.read()
    try:
        names = reply.read().get("household_id") == household
    except AnswerError:
        names = False
    if names:
        return None
    raise SettingError(
        f"{request.target}: 404, but not one that names the household: is the address right?"
    )


class LoyaltyStandIn:
    """Simulates the programme; see :class:`streamsim.streams.spec.third_parties.StandIn`."""

    def __init__(self) -> None:
        self._members = Members()

    def __len__(self) -> int:
        return len(self._members)

    def learn(self, facts: object) -> int:
        """Store members; return the number of households with new data."""
        return self._members.merge(read_facts(facts))

    def answer(self, request: Request) -> Reply:
        """Answer about a member, or with a page of its redemptions."""
        if request.method != "GET":
            return Reply.of({"error": "this is only read, by GET"}, 405, {"Allow": "GET, HEAD"})
        match request.path:
            case ("v1", "health"):
                return Reply.of({"status": "ok", "members": len(self)})
            case ("v1", "members", household) if household:
                return _found(self._members.get(household), household)
            case ("v1", "members", household, "redemptions") if household:
                cursor, limit = request.query.get("cursor"), _limit(request)
                return _found(self._members.page(household, cursor, limit), household)
            case _:
                return Reply.of({"error": "there is nothing at this path"}, 404)


def _found(value: dict[str, Any] | None, household: str) -> Reply:
    """Return a 404 that names the household, unlike the 404 of a wrong path."""
    if value is not None:
        return Reply.of(value)
    return Reply.of({"error": "not in the programme", "household_id": household[:100]}, 404)


def _limit(request: Request) -> int:
    text = request.query.get("limit", str(MAX_PAGE))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_PAGE):
        raise AnswerError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    return int(text)
