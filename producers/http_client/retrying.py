"""Retrying client of a third party: retries, rate limit and circuit breaker for each question."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from streamsim.producers.http_client.circuit_breaker import Breaker
from streamsim.producers.http_client.http_fetch import Fetch, Unanswered, read_retry_after
from streamsim.streams.clock import Clock
from streamsim.streams.errors import AnswerError, SettingError
from streamsim.streams.spec.third_parties import Reply, Request, ThirdPartySpec

log = logging.getLogger(__name__)

LIMITED = 429


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for requests to a third party.

    Attributes
    ----------
    at_once
        Most concurrent requests.
    timeout_s
        Time-out of a request.
    first_s, most_s
        Upper bound of the pause after the first failure, doubled with every further one, and its
        maximum.
    most_wait_s
        Longest pause, even if ``Retry-After`` asks for more.
    failures, pause_s
        Failures in a row that open the breaker, and how long it stays open before a probe.
    tries
        Failures of one request, while others were answered, after which it is given up.
    max_requests, max_bytes
        Most requests about one entity, and most bytes of all their replies.
    """

    at_once: int = 8
    timeout_s: float = 10.0
    first_s: float = 0.2
    most_s: float = 30.0
    most_wait_s: float = 3600.0
    failures: int = 5
    pause_s: float = 5.0
    tries: int = 20
    max_requests: int = 101
    max_bytes: int = 1 << 20


@dataclass(slots=True)
class Tally:
    """Counts of requests.

    Attributes
    ----------
    requests
        All requests: first ones, retries and further pages.
    retried, rate_limited, failed
        Retries; replies of 429; requests without reply or with a transient error.
    """

    requests: int = 0
    retried: int = 0
    rate_limited: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Question:
    """A question about one entity: how many bytes its replies may still have, and its failures."""

    bytes_left: int
    failures: int = 0
    strikes: int = 0
    heard: int = 0


@dataclass(slots=True)
class RetryingClient:
    """Asks until there is an answer. Its methods must be called in one event loop.

    Parameters
    ----------
    clock, sleep
        Wall time and how to wait for it, for pauses only.
    draw
        Source of the pauses' jitter.
    """

    party: ThirdPartySpec
    fetch: Fetch
    limits: Limits
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    draw: Random
    tally: Tally = field(default_factory=Tally)
    breaker: Breaker = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)
    _reported: asyncio.Event = field(default_factory=asyncio.Event)
    _quiet_until_ms: int = 0
    _heard: int = 0

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.limits.failures, round(self.limits.pause_s * 1000))
        self._slots = asyncio.Semaphore(self.limits.at_once)

    async def ask(self, entity: str) -> Any:
        """Return the third party's data of an entity, ``None`` if it does not know the entity.

        It waits as long as the third party does not answer.

        Raises
        ------
        AnswerError
            If the answer is unusable, or this question fails repeatedly while others succeed.
        SettingError
            If the third party rejects the address or the key.
        """
        question = _Question(self.limits.max_bytes)
        exchange = self.party.api.ask(entity)
        try:
            request = next(exchange)
            for _ in range(self.limits.max_requests):
                request = exchange.send(await self._reply(question, request))
        except StopIteration as end:
            return end.value
        raise AnswerError(f"more than {self.limits.max_requests} requests")

    async def _reply(self, question: _Question, request: Request) -> Reply:
        """Return the reply to a request; retry until there is one."""
        question.failures = question.strikes = 0
        question.heard = self._heard
        while True:
            async with self._slots:
                reply = await self._call(question, request)
            if isinstance(reply, Reply) and reply.status in self.party.api.answers:
                question.bytes_left -= len(reply.body)
                return reply
            await self.sleep(self._pause_s(question, reply))
            self.tally.retried += 1

    async def _call(self, question: _Question, request: Request) -> Reply | str:
        """Make one call, report it to the breaker, and return its reply or the failure."""
        number = await self._admitted()
        self.tally.requests += 1
        try:
            reply = await self.fetch.send(request, question.bytes_left)
        except AnswerError:
            self._report(number, None)
            raise
        except Unanswered as error:
            self._report(number, str(error))
            return str(error)
        passing = reply.status in self.party.api.passing
        self._report(number, f"status {reply.status}" if passing else None)
        self._heard += reply.status in self.party.api.answers
        self._refuse(request, reply)
        return reply

    def _report(self, number: int, failure: str | None) -> None:
        """Report a call to the breaker, and wake the calls that wait for a probe."""
        before = self.breaker.state
        if failure is None:
            self.breaker.succeeded(number)
        else:
            self.tally.failed += 1
            self.breaker.failed(number, self.clock.now_ms())
        if self.breaker.state != before:
            why = failure or "a probe was answered"
            log.warning("the %s's breaker is %s: %s", self.party.noun, self.breaker.state, why)
        self._reported.set()

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
            else:  # a probe is running
                self._reported.clear()
                await self._reported.wait()

    def _refuse(self, request: Request, reply: Reply) -> None:
        """Raise if retries cannot succeed until a setting is changed."""
        api, noun = self.party.api, self.party.noun
        if reply.status in api.answers or reply.status in api.passing or reply.status == LIMITED:
            return
        said = reply.body[:200].decode(errors="replace")
        if reply.status in (401, 403):
            raise SettingError(
                f"the {noun} refuses our API key ({reply.status}): "
                f"is {self.party.key.variable} the right one? It says: {said}"
            )
        raise SettingError(f"the {noun} refuses {request.target} ({reply.status}): {said}")

    def _pause_s(self, question: _Question, reply: Reply | str) -> float:
        """Return the pause before the next try (s); give up if only this question fails."""
        now, longest = self.clock.now_ms(), self.limits.most_wait_s
        after = reply.header("Retry-After") if isinstance(reply, Reply) else None
        wanted = read_retry_after(after, now)
        if isinstance(reply, Reply) and reply.status == LIMITED:
            self.tally.rate_limited += 1
            wait_s = min(self._back_off_s(0) if wanted is None else wanted, longest)
            # The limit belongs to the key: other requests would be refused too.
            self._quiet_until_ms = max(self._quiet_until_ms, now + math.ceil(wait_s * 1000))
            return wait_s
        question.strikes += self._heard > question.heard
        question.heard = self._heard
        if question.strikes >= self.limits.tries:
            what = reply if isinstance(reply, str) else f"status {reply.status}"
            raise AnswerError(f"{what}, again and again, while others were answered")
        question.failures += 1
        return min(max(self._back_off_s(question.failures - 1), wanted or 0.0), longest)

    def _back_off_s(self, failures: int) -> float:
        """Draw a pause with "full jitter": from 0 to a bound that doubles with every failure (s).

        Marc Brooker (2015), Exponential Backoff And Jitter, AWS Architecture Blog.
        """
        bound = min(self.limits.most_s, self.limits.first_s * 2.0 ** min(failures, 60))
        return self.draw.random() * bound
