"""Drives a pipeline by hand: what a worker does with Kafka and HTTP, without either."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.prepared import Prepared, Scored, unscored
from streamsim.streams.answers import Answers
from streamsim.streams.events import Matrix, Outputs, Records
from streamsim.streams.signature import Signature

Ask = Callable[[Matrix, Signature], Answers]
"""``(rows, what the version that is asked says of itself) -> answers``."""


def score(pipeline: Pipeline, prepared: Prepared, ask: Ask | None) -> Scored:
    """Have events answered, and their alerts explained; ``None`` answers nothing."""
    signature = prepared.signature
    if ask is None or signature is None:
        return unscored(prepared)
    answer = ask(prepared.features, signature)
    alerts, rows = pipeline.to_explain(prepared, answer)
    without = ask(rows, signature) if len(rows) else np.empty(0)
    return Scored(prepared, answer, alerts, without)


def drive(
    pipeline: Pipeline,
    records: Records,
    ask: Ask | None,
    max_rows: int,
    watch: Callable[[Prepared], None] = lambda prepared: None,
) -> Iterator[Outputs]:
    """Push records, and do all that is ready then; yield what each step puts out.

    What is yielded must be taken before the next is asked for: it may make more events ready.

    Parameters
    ----------
    watch
        Called with every batch of events that is ready.
    """
    yield pipeline.push(records)
    while (prepared := pipeline.pull(max_rows)) is not None:
        watch(prepared)
        yield pipeline.finish(score(pipeline, prepared, ask))
    yield pipeline.publish()
