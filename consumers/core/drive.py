"""Synchronous driver of a pipeline: what a worker does, without Kafka and HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.plans import Answering, in_place
from streamsim.consumers.predict.prepared import Prepared, Scored, unscored
from streamsim.streams.answers import Answers
from streamsim.streams.events import Matrix, Outputs, Records
from streamsim.streams.signature import Signature

Ask = Callable[[Matrix, Signature], Answers]
"""``(rows, signature of the model version) -> answers``."""


def score(pipeline: Pipeline, prepared: Prepared, ask: Ask | None) -> Scored:
    """Score events and explain their alerts; without ``ask``, leave the events unscored."""
    answering = prepared.answering
    if ask is None or answering is None:
        return unscored(prepared)
    answer = ask_each(ask, answering, prepared.features)
    shadow = None
    if answering.shadow is not None and not prepared.rescored:
        shadow = ask(prepared.features, answering.shadow)
    alerts, rows = pipeline.rows_to_explain(prepared, answer, answering)
    copies = answering.copies(alerts, len(rows))
    without = ask_each(ask, copies, rows) if len(rows) else np.empty(0)
    return Scored(prepared, answer, alerts, without, shadow)


def ask_each(ask: Ask, answering: Answering, rows: Matrix) -> Answers:
    """Ask each version for its rows, and put the answers in the order of the rows."""
    parts = list(answering.parts(len(rows)))
    return in_place([(own, ask(rows[own], signature)) for signature, own in parts])


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
