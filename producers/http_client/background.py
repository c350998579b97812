"""Background client: asks a third party about entities in a thread, and caches its answers.

Several requests run at a time in a thread, so that a slow or unavailable third party blocks no
caller. Answers are cached for a span of *event* time. Wall time decides when a failed request is
retried, but never how long an answer is valid.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any

from streamsim.producers.http_client.circuit_breaker import STATES
from streamsim.producers.http_client.http_fetch import Fetch, HttpFetch
from streamsim.producers.http_client.retrying import Limits, RetryingClient
from streamsim.streams.clock import Clock, WallClock
from streamsim.streams.errors import AnswerError, StackError, StreamsimError, UsageError
from streamsim.streams.spec.third_parties import ThirdPartySpec

STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A third party's answer.

    Attributes
    ----------
    asked_at
        Event time of the question (ms); the earliest one of joined questions.
    said
        The third party's *current* data of the entity, ``None`` if it does not know it. Do not
        change it: the same object may be returned again.
    cached
        Whether it comes from the cache.
    problem
        Why there is no usable answer; empty if there is one. It is not cached: the next question
        about the entity is sent.
    """

    entity: str
    asked_at: int
    said: Any
    cached: bool = False
    problem: str = ""


class BackgroundClient:
    """Asks a third party about entities. It is thread-safe, and a context manager.

    Every question gives one :class:`Answer`, unless it was joined to an open question about the
    same entity. While the third party does not answer, questions wait.

    Parameters
    ----------
    url, key
        Address of the third party, and the API key.
    ttl_ms
        An answer to a question at event time t serves questions until t + ``ttl_ms``, including
        those of earlier event times.
    limits
        Rate limits, pauses, retries and breaker.
    most_kept
        Most entities in the cache; the least recently asked ones are dropped.
    clock, sleep, draw, fetch
        Wall time and how to wait for it (for pauses only), source of jitter, and sender of
        requests; for tests.

    Raises
    ------
    SettingError
        If the address or the key is not valid.
    """

    def __init__(
        self,
        party: ThirdPartySpec,
        url: str,
        key: str,
        ttl_ms: int,
        *,
        limits: Limits | None = None,
        most_kept: int = 20_000,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Random | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        limits = limits or Limits()
        self._fetch = fetch or HttpFetch(url, key, limits.timeout_s, party.api.authorise)
        self._client = RetryingClient(
            party,
            self._fetch,
            limits,
            clock or WallClock(),
            sleep,
            draw or Random(),  # noqa: S311
        )
        self._ttl_ms, self._most_kept = ttl_ms, most_kept
        self._changed = threading.Condition()
        self._kept: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._open: dict[str, int] = {}
        self._came: deque[Answer] = deque()
        self._asked = self._from_cache = self._joined = self._answered = self._unusable = 0
        self._broken: Exception | None = None
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"ask {party.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> BackgroundClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, entity: str, at_ms: int) -> None:
        """Queue a question about an entity, for an event at ``at_ms`` (event time); never wait.

        Raises
        ------
        SettingError
            If the third party rejects the address or the key.
        UsageError
            If the client has been closed.
        """
        with self._changed:
            self._check()
            if self._closed:
                raise UsageError("this client has been closed")
            self._asked += 1
            kept = self._kept.get(entity)
            if kept is not None and at_ms < kept[0] + self._ttl_ms:
                self._from_cache += 1
                self._kept.move_to_end(entity)
                self._came.append(Answer(entity, at_ms, kept[1], cached=True))
            elif (before := self._open.get(entity)) is not None:
                self._joined += 1
                self._open[entity] = min(before, at_ms)
            else:
                self._open[entity] = at_ms
                self._loop.call_soon_threadsafe(self._begin, entity)

    def answers(self) -> list[Answer]:
        """Return the answers since the last call, in order of arrival.

        Raises
        ------
        SettingError
            If the third party rejects the address or the key; earlier answers are returned first.
        """
        with self._changed:
            came = list(self._came)
            self._came.clear()
            if not came:
                self._check()
            return came

    def wait(self, deadline_s: float) -> bool:
        """Wait until no question is open, at most ``deadline_s``; return whether none is open.

        Raises
        ------
        SettingError
            If the third party rejects the address or the key.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: not self._open or self._broken is not None or self._closed, deadline_s
            )
            self._check()
            return not self._open

    def is_answered(self) -> bool:
        """Say whether the breaker is closed, so that waiting for answers makes sense."""
        return self._client.breaker.state == "closed"

    def close(self) -> None:
        """Drop open questions, and end the thread; a second call has no effect."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)

    def report(self) -> dict[str, Any]:
        """Return the counts: every question is in one of the five after ``asked``.

        ``asked`` = ``from_cache`` + ``joined`` + ``answered`` + ``unusable`` + ``open``.
        """
        client = self._client
        with self._changed:
            return {
                "asked": self._asked,
                "from_cache": self._from_cache,
                "joined": self._joined,
                "answered": self._answered,
                "unusable": self._unusable,
                "open": len(self._open),
                "requests": client.tally.requests,
                "retried": client.tally.retried,
                "rate_limited": client.tally.rate_limited,
                "failed": client.tally.failed,
                "breaker": {state: client.breaker.changes[state] for state in STATES},
            }

    def _check(self) -> None:
        if isinstance(self._broken, StreamsimError):
            raise type(self._broken)(*self._broken.args)
        if self._broken is not None:
            raise StackError(f"questions have failed: {self._broken!r}") from self._broken

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._end())
            self._loop.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._fetch.close()
        await self._loop.shutdown_default_executor()

    def _begin(self, entity: str) -> None:
        if self._broken is None:
            task = self._loop.create_task(self._question(entity))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _question(self, entity: str) -> None:
        said, problem = None, ""
        try:
            said = await self._client.ask(entity)
        except AnswerError as error:
            problem = str(error)
        except Exception as error:
            self._break(error)
            return
        with self._changed:
            at_ms = self._open.pop(entity)
            if problem:
                self._unusable += 1
            else:
                self._answered += 1
                self._kept[entity] = (at_ms, said)
                self._kept.move_to_end(entity)
                if len(self._kept) > self._most_kept:
                    self._kept.popitem(last=False)
            self._came.append(Answer(entity, at_ms, said, problem=problem))
            if not self._open:
                self._changed.notify_all()

    def _break(self, error: Exception) -> None:
        """Stop all questions; the next call raises the error."""
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify_all()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
