"""Asynchronous scoring of prepared events; ``core/drive.py`` has the synchronous form."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.monitor.version_counts import (
    CANARY,
    CHAMPION,
    SHADOW,
    Part,
    VersionCounts,
)
from streamsim.consumers.predict.plans import Answering, in_place
from streamsim.consumers.predict.prepared import Prepared, Scored, unscored
from streamsim.consumers.worker.stand_in import Answered
from streamsim.streams.answers import Answers
from streamsim.streams.errors import BadRequest, ScorerUnavailable, VersionFails
from streamsim.streams.events import Matrix
from streamsim.streams.signature import Signature

Ask = Callable[[Matrix, Signature, tuple[Signature, ...]], Awaitable[Answered]]
"""``(rows, version, versions that stand in for it) -> answer``."""
AskOnce = Callable[[Matrix, str], Awaitable[Answers]]
"""``(rows, version) -> answers``."""
SHADOW_S = 1.0
"""How long a batch waits for its shadow once the versions that count have answered."""


async def score(
    pipeline: Pipeline, prepared: Prepared, ask: Ask, ask_once: AskOnce, counts: VersionCounts
) -> Scored:
    """Score events by their versions of the model, and explain their alerts.

    Parameters
    ----------
    ask
        Asks until there is an answer.
    ask_once
        Asks a shadow: without an answer the events have no shadow score, and go on.
    counts
        Counts what each version has done.
    """
    answering = prepared.answering
    if answering is None:
        return unscored(prepared)
    shadow = None
    if answering.shadow is not None and not prepared.rescored:
        shadow = _Shadow(answering.since, answering.shadow, prepared.features, ask_once, counts)
    try:
        by, answer = await _ask_each(ask, answering, prepared.features, counts)
        while True:
            alerts, rows = pipeline.rows_to_explain(prepared, answer, by)
            explaining, without = await _ask_each(ask, by.copies(alerts, len(rows)), rows)
            if explaining.versions == by.versions:
                break
            # A version has begun to fail: one version gives a score and its reasons.
            by, answer = await _ask_each(ask, _with(by, explaining.versions), prepared.features)
        beside = None if shadow is None else await shadow.in_time()
    finally:
        if shadow is not None:
            shadow.cancel()
    return Scored(prepared, answer, alerts, without, beside, by)


async def _ask_each(
    ask: Ask, answering: Answering, rows: Matrix, counts: VersionCounts | None = None
) -> tuple[Answering, Answers]:
    """Ask all versions at once, each for its rows.

    Returns
    -------
    The versions that have answered, and the answers in the rows' order.
    """
    places = [(place, own) for place, own in answering.places(len(rows)) if len(own)]
    found = await asyncio.gather(
        *(
            ask(
                rows if len(places) == 1 else rows[own],
                answering.versions[place],
                answering.after(place),
            )
            for place, own in places
        )
    )
    by = answering
    for (place, own), one in zip(places, found, strict=True):
        if one.by.version != answering.versions[place].version:
            by = by.stood_in(place, one.by)
        if counts is not None:
            part = Part(
                answering.since, (CHAMPION, CANARY)[place], answering.versions[place].version
            )
            if one.why:
                counts.failed(part, len(own), one.why)
            else:
                counts.answered(part, len(own), one.seconds)
    if not places:
        return by, np.empty(0)
    return by, in_place([(own, one.answer) for (_, own), one in zip(places, found, strict=True)])


def _with(answering: Answering, versions: tuple[Signature, ...]) -> Answering:
    for place, version in enumerate(versions):
        if version.version != answering.versions[place].version:
            answering = answering.stood_in(place, version)
    return answering


class _Shadow:
    """A shadow that is asked beside the versions that count."""

    def __init__(
        self,
        since: int,
        signature: Signature,
        rows: Matrix,
        ask_once: AskOnce,
        counts: VersionCounts,
    ) -> None:
        self._part, self._rows = Part(since, SHADOW, signature.version), len(rows)
        self._counts, self._began, self._seconds = counts, time.monotonic(), 0.0
        self._task = asyncio.ensure_future(ask_once(rows, signature.version))
        self._task.add_done_callback(self._done)

    async def in_time(self) -> Answers | None:
        """Wait a little longer for its answer; ``None`` without one."""
        done, _ = await asyncio.wait({self._task}, timeout=SHADOW_S)
        if not done:
            self._counts.failed(
                self._part, self._rows, f"no answer {SHADOW_S:g} s after the others"
            )
            return None
        try:
            answer = self._task.result()
        except (VersionFails, BadRequest) as error:
            self._counts.failed(self._part, self._rows, str(error))
            return None
        except ScorerUnavailable:
            return None
        self._counts.answered(self._part, self._rows, self._seconds)
        return answer

    def _done(self, task: asyncio.Task[Answers]) -> None:
        """Note how long it took; an error after the wait is retrieved, or asyncio logs it."""
        self._seconds = time.monotonic() - self._began
        _ = task.cancelled() or task.exception()

    def cancel(self) -> None:
        """Wait no longer."""
        self._task.cancel()
