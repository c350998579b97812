"""Ask a third party's loyalty programme about households, beside whatever else a producer does.

Questions go out from a thread of their own, several at a time, so that a slow or absent programme
holds nobody up. What it says is kept for a while of *event* time: the wall clock decides when a
question is asked again that failed, never whether an answer is still good.
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

from streamsim.producers.asking import Asker, Manners
from streamsim.producers.fetching import Fetch, HttpFetch
from streamsim.streams.clock import Clock, WallClock
from streamsim.streams.domains.retail.loyalty import Member, is_id
from streamsim.streams.errors import AnswerError, StackError, StreamsimError, UsageError

STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes
    ----------
    asked_at
        Event time of the question (ms); of several that were joined, the earliest.
    member
        All that the programme knows *now*, with all redemptions (give it to
        :func:`streamsim.streams.domains.retail.loyalty.as_of`), or ``None`` for a household that is
        not in it. It is not to be changed: the same object may be answered again.
    cached
        Whether it is what was answered before, so that there is no news in it.
    problem
        Why there is no answer that can be used; empty if there is. It is not kept: the next
        question about the household is asked.
    """

    household_id: str
    asked_at: int
    member: Member | None
    cached: bool = False
    problem: str = ""


class Lookups:
    """Asks about households; may be used by several threads, and as a context manager.

    Every question comes back as one :class:`Answer`, unless it was joined to one about the same
    household that was on its way. As long as the programme does not answer, questions wait.

    Parameters
    ----------
    url, key
        Where the programme is, and its API key.
    ttl_ms
        An answer to a question of event time t serves questions until t + ``ttl_ms``, also those
        of earlier event times: who reduces it to what was known by then finds the same.
    manners
        How it is asked: limits, pauses, retries, breaker.
    most_kept
        Most households whose answers are kept; of more, those not asked about for longest go.
    clock, sleep, draw, fetch
        Wall time and how to wait for it (for pauses only), where jitter comes from, and who gets
        answers; for tests.

    Raises
    ------
    SettingError
        If the address or the key cannot be one.
    """

    def __init__(
        self,
        url: str,
        key: str,
        ttl_ms: int,
        *,
        manners: Manners | None = None,
        most_kept: int = 20_000,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Random | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        manners = manners or Manners()
        self._fetch = fetch or HttpFetch(url, key, manners.timeout_s)
        self._asker = Asker(
            self._fetch,
            manners,
            clock or WallClock(),
            sleep,
            draw or Random(),  # noqa: S311
        )
        self._ttl_ms, self._most_kept = ttl_ms, most_kept
        self._changed = threading.Condition()
        self._kept: OrderedDict[str, tuple[int, Member | None]] = OrderedDict()
        self._open: dict[str, int] = {}
        self._came: deque[Answer] = deque()
        self._asked = self._from_cache = self._joined = self._answered = self._unusable = 0
        self._broken: Exception | None = None
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="lookups", daemon=True)
        self._thread.start()

    def __enter__(self) -> Lookups:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, household_id: str, at_ms: int) -> None:
        """Ask about a household, as something of it happens at event time ``at_ms``; never wait.

        Raises
        ------
        SettingError
            If the programme refuses us.
        UsageError
            If this has been closed.
        """
        with self._changed:
            self._check()
            if self._closed:
                raise UsageError("these lookups have been closed")
            self._asked += 1
            if not is_id(household_id):
                self._unusable += 1
                self._came.append(Answer(household_id, at_ms, None, problem="not a household's id"))
                return
            kept = self._kept.get(household_id)
            if kept is not None and at_ms < kept[0] + self._ttl_ms:
                self._from_cache += 1
                self._kept.move_to_end(household_id)
                self._came.append(Answer(household_id, at_ms, kept[1], cached=True))
            elif (before := self._open.get(household_id)) is not None:
                self._joined += 1
                self._open[household_id] = min(before, at_ms)
            else:
                self._open[household_id] = at_ms
                self._loop.call_soon_threadsafe(self._begin, household_id)

    def answers(self) -> list[Answer]:
        """Return what has come since the last call, in the order in which it came.

        Raises
        ------
        SettingError
            If the programme refuses us, once all that came before has been returned.
        """
        with self._changed:
            came = list(self._came)
            self._came.clear()
            if not came:
                self._check()
            return came

    def wait(self, deadline_s: float) -> bool:
        """Wait until no question is open, but no longer than that; return whether none is.

        Raises
        ------
        SettingError
            If the programme refuses us.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: not self._open or self._broken is not None or self._closed, deadline_s
            )
            self._check()
            return not self._open

    def is_answered(self) -> bool:
        """Say whether the programme answers, as far as is known: it pays to wait."""
        return self._asker.breaker.state == "closed"

    def close(self) -> None:
        """Give up what is open, and end the thread; a second time does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)

    def report(self) -> dict[str, Any]:
        """Return the counts: every question asked is in one of the next five.

        ``asked`` = ``from_cache`` + ``joined`` + ``answered`` + ``unusable`` + ``open``.
        """
        asker = self._asker
        with self._changed:
            return {
                "asked": self._asked,
                "from_cache": self._from_cache,
                "joined": self._joined,
                "answered": self._answered,
                "unusable": self._unusable,
                "open": len(self._open),
                "requests": asker.tally.requests,
                "retried": asker.tally.retried,
                "rate_limited": asker.tally.rate_limited,
                "failed": asker.tally.failed,
                "breaker": {
                    state: asker.breaker.changes[state] for state in ("open", "half-open", "closed")
                },
            }

    def _check(self) -> None:
        if isinstance(self._broken, StreamsimError):
            raise type(self._broken)(*self._broken.args)
        if self._broken is not None:
            raise StackError(f"lookups have failed: {self._broken!r}") from self._broken

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

    def _begin(self, household_id: str) -> None:
        if self._broken is None:
            task = self._loop.create_task(self._question(household_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _question(self, household_id: str) -> None:
        member, problem = None, ""
        try:
            member = await self._asker.member(household_id)
        except AnswerError as error:
            problem = str(error)
        except Exception as error:
            self._break(error)
            return
        with self._changed:
            at_ms = self._open.pop(household_id)
            if problem:
                self._unusable += 1
            else:
                self._answered += 1
                self._kept[household_id] = (at_ms, member)
                self._kept.move_to_end(household_id)
                if len(self._kept) > self._most_kept:
                    self._kept.popitem(last=False)
            self._came.append(Answer(household_id, at_ms, member, problem=problem))
            if not self._open:
                self._changed.notify_all()

    def _break(self, error: Exception) -> None:
        """Stop asking: whoever calls next is told why."""
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify_all()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
