"""Asynchronous scoring of prepared events; ``core/drive.py`` has the synchronous form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.prepared import Prepared, Scored, unscored
from streamsim.streams.answers import Answers
from streamsim.streams.events import Matrix

Ask = Callable[[Matrix, str], Awaitable[Answers]]
"""``(rows, version) -> answers``."""


async def score(pipeline: Pipeline, prepared: Prepared, ask: Ask) -> Scored:
    """Score events by their version of the model, and explain their alerts."""
    if prepared.signature is None:
        return unscored(prepared)
    version = prepared.signature.version
    answer = await ask(prepared.features, version)
    alerts, rows = pipeline.rows_to_explain(prepared, answer)
    without = await ask(rows, version) if len(rows) else np.empty(0)
    return Scored(prepared, answer, alerts, without)
