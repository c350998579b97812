"""Records of scores, and the protocol of a scorer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.predict.prepared import Prepared
from streamsim.consumers.predict.score_headers import ScoreHeaders
from streamsim.streams.answers import Answers, estimates_of
from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, Matrix, OutboundBatch, stretches
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import CORRECTIONS, SCORES, SHADOW, topic

DECIMALS = 6
"""Scores are rounded to this many decimals before use: the last bits of a float may depend on the
other rows of its batch."""


class Scorer(Protocol):
    """Protocol of a client that scores rows of features."""

    async def score(self, rows: Matrix, version: str | None = None) -> Answers:
        """Return one answer per row, by that version: see :mod:`streamsim.streams.answers`.

        Raises
        ------
        ScorerUnavailable
            If it cannot answer now; a retry may succeed.
        BadRequest
            If it refuses these rows; a retry would fail too.
        """
        ...


def rounded(scores: Floats) -> Floats:
    """Round scores for comparison, publishing and storage.

    >>> rounded(np.array([0.12345649, 1e-9])).tolist()
    [0.123456, 0.0]
    """
    return np.round(scores, DECIMALS)


def estimated(spec: DomainSpec, answer: Answers) -> dict[str, Floats]:
    """Return the estimates beside the scores, by name, rounded in the same way."""
    numbers = rounded(estimates_of(answer, len(spec.model.estimates))).T
    return dict(zip((estimate.name for estimate in spec.model.estimates), numbers, strict=True))


def score_batches(
    spec: DomainSpec,
    prepared: Prepared,
    scores: Floats,
    answering: Answering,
    items: Ints | None = None,
    estimates: Mapping[str, Floats] | None = None,
    *,
    shadow: bool = False,
) -> list[OutboundBatch]:
    """Write one record per score, with its lineage: model, version, features and source.

    Estimates and the items of a slate are in the record too, for the topic's readers. A shadow's
    scores have a topic of their own, and no features: those are with the score itself.

    Returns
    -------
    One batch per partition, in the order of its events.
    """
    events, name_out = prepared.events, CORRECTIONS if prepared.rescored else SCORES
    name_out = SHADOW if shadow else name_out
    columns: dict[str, Iterable[Any]] = {
        "event_id": events.event_id.tolist(),
        "event_time": format_times(events.event_time),
        spec.trigger.key: events.entity.tolist(),
        "score": scores.tolist(),
        **{name: numbers.tolist() for name, numbers in (estimates or {}).items()},
    }
    if items is not None:
        columns["items"] = items.tolist()
    if prepared.lineage is not None and not shadow:
        columns["lineage"] = prepared.lineage
    keys = list(map(str.encode, events.entity.tolist()))
    values, times = encode_objects(columns), events.event_time.tolist()
    features = np.ascontiguousarray(prepared.features, "<f4")
    packed = features.view(f"V{features.shape[1] * 4}").ravel().tolist()
    # Events that were held are in order of time, with all partitions mixed.
    order = np.argsort(events.partition, kind="stable")
    source, batches = topic(spec.name, spec.trigger.name), []
    for p, part in stretches(events.partition[order]):
        rows = order[part].tolist()
        headers = ScoreHeaders(
            answering.take(order[part]),
            source,
            p,
            events.offset[rows],
            None if shadow else [packed[row] for row in rows],
            events.event_id[rows].tolist() if prepared.rescored else None,
        )
        batches.append(
            OutboundBatch(
                topic(spec.name, name_out),
                p,
                [keys[row] for row in rows],
                [values[row] for row in rows],
                [times[row] for row in rows],
                headers,
            )
        )
    return batches
