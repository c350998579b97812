"""Asynchronous scoring of prepared events; ``core/drive.py`` has the synchronous form."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.plans import Answering, in_place
from streamsim.consumers.predict.prepared import Prepared, Scored, unscored
from streamsim.streams.answers import Answers
from streamsim.streams.errors import BadRequest, ScorerUnavailable
from streamsim.streams.events import Matrix

Ask = Callable[[Matrix, str], Awaitable[Answers]]
"""``(rows, version) -> answers``."""
SHADOW_S = 1.0
"""How long a batch waits for its shadow once the versions that count have answered."""


async def score(pipeline: Pipeline, prepared: Prepared, ask: Ask, ask_once: Ask) -> Scored:
    """Score events by their versions of the model, and explain their alerts.

    Parameters
    ----------
    ask
        Asks until there is an answer.
    ask_once
        Asks a shadow: without an answer the events have no shadow score, and go on.
    """
    answering = prepared.answering
    if answering is None:
        return unscored(prepared)
    shadow = None
    if answering.shadow is not None and not prepared.rescored:
        shadow = asyncio.create_task(_shadow(ask_once(prepared.features, answering.shadow.version)))
    try:
        answer = await _ask_each(ask, answering, prepared.features)
        alerts, rows = pipeline.rows_to_explain(prepared, answer)
        copies = answering.copies(alerts, len(rows))
        without = await _ask_each(ask, copies, rows) if len(rows) else np.empty(0)
        beside = None if shadow is None else await _in_time(shadow)
    finally:
        if shadow is not None:
            shadow.cancel()
    return Scored(prepared, answer, alerts, without, beside)


async def _ask_each(ask: Ask, answering: Answering, rows: Matrix) -> Answers:
    """Ask all versions at once, each for its rows; return the answers in the rows' order."""
    parts = list(answering.parts(len(rows)))
    if len(parts) == 1:
        return await ask(rows, parts[0][0].version)
    found = await asyncio.gather(*(ask(rows[own], own_by.version) for own_by, own in parts))
    return in_place([(own, one) for (_, own), one in zip(parts, found, strict=True)])


async def _shadow(answering: Awaitable[Answers]) -> Answers | None:
    try:
        return await answering
    except (ScorerUnavailable, BadRequest):
        return None


async def _in_time(shadow: asyncio.Task[Answers | None]) -> Answers | None:
    done, _ = await asyncio.wait({shadow}, timeout=SHADOW_S)
    return shadow.result() if done else None
