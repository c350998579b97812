"""Ask a loyalty programme about one household, politely and until there is an answer."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

import orjson

from streamsim.producers.breaker import Breaker
from streamsim.producers.fetching import Fetch, Reply, Unanswered, read_retry_after
from streamsim.streams.clock import Clock
from streamsim.streams.domains.retail.loyalty import Member, read_member
from streamsim.streams.errors import AnswerError, SettingError

log = logging.getLogger(__name__)

PAGE = 50
"""Redemptions asked for at a time: the most that a page may have."""
MOST_CURSOR = 2_000
ANSWERS, LIMITED = frozenset({200, 404}), 429
PASSING = frozenset({408, 425, *range(500, 600)})
"""Statuses after which the same question may well be answered."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a third party is asked.

    Attributes
    ----------
    at_once
        Most questions on their way at a time.
    timeout_s
        How long one may take.
    first_s, most_s
        Bound of the pause after a first failure, doubled with every further one, up to the most.
        Nor is anybody waited for longer than ``most_wait_s``, whatever they ask for.
    failures, pause_s
        Failures in a row that open the breaker, and how long it stays open before a probe.
    tries
        A question that failed so often although others were answered is given up.
    max_pages, max_bytes
        Most pages of a household's answer, and most bytes of all of them together.
    """

    at_once: int = 8
    timeout_s: float = 10.0
    first_s: float = 0.2
    most_s: float = 30.0
    most_wait_s: float = 3600.0
    failures: int = 5
    pause_s: float = 5.0
    tries: int = 20
    max_pages: int = 100
    max_bytes: int = 1 << 20


@dataclass(slots=True)
class Tally:
    """What asking took.

    Attributes
    ----------
    requests
        All that were made: first ones, retried ones and further pages.
    retried, rate_limited, failed
        Made again; answered 429; not answered, or with an error that may pass.
    """

    requests: int = 0
    retried: int = 0
    rate_limited: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Question:
    """One household's: what of its answer may still come, and how it went so far."""

    household_id: str
    bytes_left: int
    failures: int = 0
    strikes: int = 0
    heard: int = 0


@dataclass(slots=True)
class Asker:
    """Asks; its methods are called in one event loop.

    Parameters
    ----------
    clock, sleep
        Wall time and how to wait for it, for pauses only.
    draw
        Where the jitter of pauses comes from.
    """

    fetch: Fetch
    manners: Manners
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    draw: Random
    tally: Tally = field(default_factory=Tally)
    breaker: Breaker = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _quiet_until_ms: int = 0
    _heard: int = 0

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.manners.failures, round(self.manners.pause_s * 1000))
        self._slots = asyncio.Semaphore(self.manners.at_once)

    async def member(self, household_id: str) -> Member | None:
        """Return all that the programme knows of a household, ``None`` if it is no member.

        It waits as long as the programme does not answer.

        Raises
        ------
        AnswerError
            If the answer cannot be used, or this question alone fails again and again.
        SettingError
            If the programme refuses us: the address or the key are wrong.
        """
        path = f"/v1/members/{quote(household_id, safe='')}"
        question = _Question(household_id, self.manners.max_bytes)
        document = await self._get(question, path)
        if document is None:
            return None
        redemptions: list[Any] = []
        cursor = ""
        for _ in range(self.manners.max_pages):
            more = f"&cursor={quote(cursor, safe='')}" if cursor else ""
            page = await self._get(question, f"{path}/redemptions?limit={PAGE}{more}")
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
            cursor = following
        else:
            raise AnswerError(f"more than {self.manners.max_pages} pages")
        member = read_member({**document, "redemptions": redemptions})
        if member["household_id"] != household_id:
            raise AnswerError(f"an answer about {member['household_id']}, who was not asked for")
        return member

    async def _get(self, question: _Question, path: str) -> dict[str, Any] | None:
        """Return an object, ``None`` for no member; try until there is one or the other."""
        question.failures = question.strikes = 0
        question.heard = self._heard
        while True:
            async with self._slots:
                reply = await self._call(question, path)
            if isinstance(reply, Reply) and reply.status in ANSWERS:
                return self._read(question, path, reply)
            await self.sleep(self._pause_s(question, reply))
            self.tally.retried += 1

    async def _call(self, question: _Question, path: str) -> Reply | str:
        """Make one call; return its answer, or why there is none. The breaker hears of it."""
        number = await self._admitted()
        self.tally.requests += 1
        try:
            reply = await self.fetch.get(path, question.bytes_left)
        except AnswerError:
            self._tell(number, None)
            raise
        except Unanswered as error:
            self._tell(number, str(error))
            return str(error)
        self._tell(number, f"status {reply.status}" if reply.status in PASSING else None)
        self._heard += reply.status in ANSWERS
        self._refuse(path, reply)
        return reply

    def _tell(self, number: int, failure: str | None) -> None:
        """Let the breaker know how a call went, and whoever waits for a probe."""
        before = self.breaker.state
        if failure is None:
            self.breaker.succeeded(number)
        else:
            self.tally.failed += 1
            self.breaker.failed(number, self.clock.now_ms())
        if self.breaker.state != before:
            why = failure or "a probe was answered"
            log.warning("the loyalty programme's breaker is %s: %s", self.breaker.state, why)
        self._told.set()

    async def _admitted(self) -> int:
        """Wait until a call may be made; return its number."""
        while True:
            now = self.clock.now_ms()
            if self._quiet_until_ms > now:
                await self.sleep((self._quiet_until_ms - now) / 1000)
            elif (number := self.breaker.admit(now)) is not None:
                return number
            elif left := self.breaker.left_ms(now):
                await self.sleep(left / 1000)
            else:  # a probe is on its way
                self._told.clear()
                await self._told.wait()

    def _refuse(self, path: str, reply: Reply) -> None:
        """Raise if asking again is no use until somebody changes a setting."""
        if reply.status in ANSWERS or reply.status in PASSING or reply.status == LIMITED:
            return
        said = reply.body[:200].decode(errors="replace")
        if reply.status in (401, 403):
            raise SettingError(
                f"the loyalty programme refuses our API key ({reply.status}): "
                f"is STREAMSIM_LOYALTY_KEY the right one? It says: {said}"
            )
        raise SettingError(f"the loyalty programme refuses {path} ({reply.status}): {said}")

    def _pause_s(self, question: _Question, reply: Reply | str) -> float:
        """Return how long to wait before the next try; give up where only this question fails."""
        now, longest = self.clock.now_ms(), self.manners.most_wait_s
        wanted = read_retry_after(reply.retry_after, now) if isinstance(reply, Reply) else None
        if isinstance(reply, Reply) and reply.status == LIMITED:
            self.tally.rate_limited += 1
            wait_s = min(self._back_off_s(0) if wanted is None else wanted, longest)
            # The limit is the key's: whoever else asks would be refused, too.
            self._quiet_until_ms = max(self._quiet_until_ms, now + math.ceil(wait_s * 1000))
            return wait_s
        question.strikes += self._heard > question.heard
        question.heard = self._heard
        if question.strikes >= self.manners.tries:
            what = reply if isinstance(reply, str) else f"status {reply.status}"
            raise AnswerError(f"{what}, again and again, while others were answered")
        question.failures += 1
        return min(max(self._back_off_s(question.failures - 1), wanted or 0.0), longest)

    def _back_off_s(self, failures: int) -> float:
        """Draw a pause: "full jitter", from nothing to a bound that doubles with every failure.

        Marc Brooker (2015), Exponential Backoff And Jitter, AWS Architecture Blog.
        """
        bound = min(self.manners.most_s, self.manners.first_s * 2.0 ** min(failures, 60))
        return self.draw.random() * bound

    def _read(self, question: _Question, path: str, reply: Reply) -> dict[str, Any] | None:
        question.bytes_left -= len(reply.body)
        try:
            value = orjson.loads(reply.body)
        except orjson.JSONDecodeError as error:
            value = error
        if reply.status == 404:
            # Who is asked at a wrong address knows nobody: that must not pass for an answer.
            if isinstance(value, dict) and value.get("household_id") == question.household_id:
                return None
            raise SettingError(
                f"{path}: 404, but not one that names the household: is the address right?"
            )
        if not isinstance(value, dict):
            raise AnswerError("the answer is no JSON object")
        return value
