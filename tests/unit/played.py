"""A loyalty API with scripted answers, and a clock that moves when all tasks wait for it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from streamsim.producers.http_client.background import Answer, BackgroundClient
from streamsim.producers.http_client.retrying import Limits
from streamsim.streams.domains.retail.loyalty import Redemption
from streamsim.streams.domains.retail.programme import PARTY
from streamsim.streams.errors import AnswerError
from streamsim.streams.spec.third_parties import Reply, Request
from tests.virtual_clock import VirtualClock

HOUR_MS = 3_600_000
SOON_S = 20.0
Play = Callable[[str, int], Reply | Exception | None]
"""The answer to a path on the n-th call, counted from 1; ``None``: the usual one."""


class Api:
    """Answers as the loyalty programme does. An id that begins with ``x`` is not a member."""

    def __init__(self, clock: VirtualClock, play: Play | None = None) -> None:
        self.clock, self.play = clock, play or (lambda path, nth: None)
        self.asked: list[tuple[int, str]] = []
        self.counts: Counter[str] = Counter()
        self.redemptions: list[Redemption] = []
        self.page = 50
        self.gate: asyncio.Event | None = None
        self.now = self.most = 0
        self.closed = False

    async def send(self, request: Request, max_bytes: int) -> Reply:
        path = request.target
        self.asked.append((self.clock.now_ms(), path))
        self.counts[path] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
            played = self.play(path, self.counts[path])
            if isinstance(played, Exception):
                raise played
            reply = played or self.usual(path)
            if len(reply.body) > max_bytes:
                raise AnswerError(f"more than {max_bytes} bytes")
            return reply
        finally:
            self.now -= 1

    def usual(self, path: str) -> Reply:
        parts = urlsplit(path)
        household = unquote(parts.path.split("/")[3])
        if household.startswith("x"):
            return ok({"error": "nobody", "household_id": household}, 404)
        if not parts.path.endswith("/redemptions"):
            return ok({"household_id": household, "campaigns": [], "profile": {}})
        first = int(parse_qs(parts.query).get("cursor", ["0"])[0].removeprefix("a+b/="))
        rows, last = self.redemptions[first : first + self.page], first + self.page
        more = f"a+b/={last}" if last < len(self.redemptions) else None
        return ok({"redemptions": rows, "next": more})

    async def close(self) -> None:
        self.closed = True


class Sleepers:
    """Sleeps on a virtual clock, which jumps to the earliest due time once all tasks sleep."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._due: list[float] = []

    async def sleep(self, seconds: float) -> None:
        due = self._clock.now_ms() + max(1.0, seconds * 1000)
        self._due.append(due)
        try:
            while self._clock.now_ms() < due:
                for _ in range(30):
                    await asyncio.sleep(0)
                if due == min(self._due):
                    self._clock.sleep(max(0.0, due + 1e-3 - self._clock.now_ms()) / 1000)
        finally:
            self._due.remove(due)


def ok(value: Any, status: int = 200, retry_after: str | None = None) -> Reply:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply(status, json.dumps(value).encode(), headers)


@contextmanager
def client(
    play: Play | None = None, ttl_ms: int = HOUR_MS, most_kept: int = 100, **limits: Any
) -> Iterator[tuple[BackgroundClient, Api]]:
    clock = VirtualClock()
    api = Api(clock, play)
    looking = BackgroundClient(
        PARTY,
        "http://unused",
        "unused",
        ttl_ms,
        limits=Limits(**limits),
        most_kept=most_kept,
        clock=clock,
        sleep=Sleepers(clock).sleep,
        draw=Random(7),
        fetch=api,
    )
    try:
        yield looking, api
    finally:
        looking.close()
    assert api.closed
    report = looking.report()
    outcomes = ("from_cache", "joined", "answered", "unusable", "open")
    assert report["asked"] == sum(report[name] for name in outcomes), report


def asked(looking: BackgroundClient, *questions: tuple[str, int]) -> list[Answer]:
    """Ask, wait for all answers, and return them by entity."""
    for entity, at in questions:
        looking.ask(entity, at)
    assert looking.wait(SOON_S)
    return sorted(looking.answers(), key=lambda a: (a.entity, a.asked_at))
