"""Stand-in: ask a version until it answers, or another one in its place if that version fails.

A service that is down, overloaded or not ready is waited for. A version that fails while others
answer is not: after a few tries the version that stands in for it is asked beside it, and whichever
answers first has answered. If both do not, both are asked on.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from streamsim.consumers.predict.scores import Scorer
from streamsim.streams.answers import Answers
from streamsim.streams.errors import BadRequest, ScorerUnavailable, VersionFails
from streamsim.streams.events import Matrix
from streamsim.streams.signature import Signature

log = logging.getLogger(__name__)

RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses between retries while the scorer is unavailable; the last one repeats."""
TRIES = 3
"""After so many failures of a version its stand-in is asked."""
SILENT_S = 5.0
"""After so long without an answer to a call the stand-in is asked too."""
PAUSE_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""For so long a version that has failed is not asked again; the last one repeats. At first it is
asked again at once: batches of a pause count as failed, and one hiccup is to end no trial."""
AGAIN_S = 1.0
"""How long it then has for an answer."""


class Answered(NamedTuple):
    """An answer.

    Attributes
    ----------
    by
        The version that has answered.
    answer
        Its answer.
    seconds
        How long its last call took.
    why
        Why the version that was asked first has not; empty if it has.
    """

    by: Signature
    answer: Answers
    seconds: float
    why: str = ""


@dataclass(slots=True)
class _Failed:
    """A version that has failed: when, when it is asked again (s), how often it has, and why."""

    at: float = -math.inf
    until: float = 0.0
    times: int = 0
    why: str = ""


class StandIns:
    """Asks versions, and remembers which of them have failed lately.

    Parameters
    ----------
    clock
        Returns the wall time (s).

    Attributes
    ----------
    scorer
        Makes the calls.
    retries
        How many calls have failed.
    """

    def __init__(self, scorer: Scorer, clock: Callable[[], float] = time.monotonic) -> None:
        self.scorer, self._clock = scorer, clock
        self._failed: dict[str, _Failed] = {}
        self.retries = 0

    def now(self) -> float:
        """Return the wall time (s)."""
        return self._clock()

    async def ask(
        self, rows: Matrix, first: Signature, others: tuple[Signature, ...] = ()
    ) -> Answered:
        """Score rows by a version, or by the first of the others that answers if it fails.

        Raises
        ------
        BadRequest
            If the rows are refused, by all of them.
        """
        if not others:
            return await _Asked(self, rows, first).answer()
        failed = self._failed.get(first.version)
        if failed is not None and (left := failed.until - self._clock()) > 0:
            # The stand-in may fail as well, or refuse the rows: then both are asked.
            with suppress(TimeoutError, BadRequest):
                async with asyncio.timeout(left):
                    found = await self.ask(rows, others[0], others[1:])
                return found._replace(why=failed.why)
        asked = _Asked(self, rows, first, again=failed is not None)
        return await self._either(asked, others)

    async def _either(self, asked: _Asked, others: tuple[Signature, ...]) -> Answered:
        """Wait for a version, and for its stand-in if it fails."""
        own = asyncio.create_task(asked.answer())
        failing = asyncio.create_task(asked.failing.wait())
        tasks: set[asyncio.Task[Any]] = {own, failing}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if _is_answered(own):
                self._failed.pop(asked.version, None)
                return own.result()
            other = asyncio.create_task(self.ask(asked.rows, others[0], others[1:]))
            tasks.add(other)
            left = {task for task in (own, other) if not task.done()}
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            if other.done() and isinstance(other.exception(), BadRequest):
                await asyncio.wait({own})  # it may take the rows that its stand-in refuses
            if _is_answered(own):
                self._failed.pop(asked.version, None)
                return own.result()
            found = await other  # its error is one of the rows
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return found._replace(why=self._fails(asked, others[0]))

    def _fails(self, asked: _Asked, other: Signature) -> str:
        """Remember that a version has failed, and return why."""
        failed = self._failed.setdefault(asked.version, _Failed())
        failed.why = asked.why or f"no answer in {asked.patience:g} s"
        if asked.began < failed.at:  # two batches are with the scorer: it is the same failure
            return failed.why
        failed.at = self._clock()
        failed.until = failed.at + PAUSE_S[min(failed.times, len(PAUSE_S) - 1)]
        if failed.times == 0:
            log.warning("%s answers in place of %s: %s", other.version, asked.version, failed.why)
        failed.times += 1
        return failed.why


def _is_answered(task: asyncio.Task[Answered]) -> bool:
    """Say whether there is an answer; rows that are refused are asked of the stand-in."""
    if not task.done():
        return False
    if not isinstance(task.exception(), BadRequest):
        task.result()
    return task.exception() is None


class _Asked:
    """A version that is asked for as long as it takes.

    Attributes
    ----------
    failing
        Set once its stand-in should be asked too.
    began
        When it was asked first (s).
    why
        What was said at its last failure.
    """

    def __init__(
        self, owner: StandIns, rows: Matrix, signature: Signature, *, again: bool = False
    ) -> None:
        self._owner, self.rows, self._signature = owner, rows, signature
        self.version = signature.version
        self._tries = 1 if again else TRIES
        self.patience = AGAIN_S if again else SILENT_S
        self.failing, self.why, self.began = asyncio.Event(), "", owner.now()

    async def answer(self) -> Answered:
        """Ask until there is an answer."""
        attempt = failures = 0
        while True:
            began = time.monotonic()
            try:
                answer = await self._call()
                return Answered(self._signature, answer, time.monotonic() - began)
            except BadRequest as error:
                self._fails(str(error), enough=True)
                raise
            except ScorerUnavailable as error:
                if isinstance(error, VersionFails):
                    failures += 1
                    self._fails(str(error), enough=failures >= self._tries)
                pause = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                if attempt in (0, 5, 20):
                    log.warning("scorer unavailable, trying again: %s", error)
                attempt += 1
                self._owner.retries += 1
                await asyncio.sleep(pause)

    def _fails(self, why: str, *, enough: bool) -> None:
        self.why = why
        if enough:
            self.failing.set()

    async def _call(self) -> Answers:
        """Make one call; a silent one makes the stand-in be asked."""
        late = asyncio.get_running_loop().call_later(self.patience, self.failing.set)
        try:
            return await self._owner.scorer.score(self.rows, self.version)
        finally:
            late.cancel()
