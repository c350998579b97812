"""Synchronous driver of a pipeline: what a worker does, without Kafka and HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.prepared import Prepared, Scored, unscored
from streamsim.streams.answers import Answers
from streamsim.streams.events import Matrix, Outputs, Records
from streamsim.streams.signature import Signature

Ask = Callable[[Matrix, Signature], Answers]
"""``(rows, signature of the model version) -> answers``."""


def score(pipeline: Pipeline, prepared: Prepared, ask: Ask | None) -> Scored:
    """Score events and explain their alerts; without ``ask``, leave the events unscored."""
    signature = prepared.signature
    if ask is None or signature is None:
        return unscored(prepared)
    answer = ask(prepared.features, signature)
    alerts, rows = pipeline.rows_to_explain(prepared, answer)
    without = ask(rows, signature) if len(rows) else np.empty(0)
    return Scored(prepared, answer, alerts, without)


def drive(
    pipeline: Pipeline,
    records: Records,
    ask: Ask | None,
    max_rows: int,
    watch: Callable[[Prepared], None] = lambda prepared: None,
) -> Iterator[Outputs]:
    """Push records, score all events that become ready, and yield the outputs of each step.

    The caller must apply each output before it asks for the next: the output may make more events
    ready.

    Parameters
    ----------
    watch
        Called with every batch of ready events.
    """
    yield pipeline.push(records)
    while (prepared := pipeline.pull(max_rows)) is not None:
        watch(prepared)
        yield pipeline.finish(score(pipeline, prepared, ask))
    yield pipeline.publish()
