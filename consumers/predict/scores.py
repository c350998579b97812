"""Records of scores, and the protocol of a scorer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from streamsim.consumers.predict.prepared import Prepared
from streamsim.streams.answers import Answers, estimates_of
from streamsim.streams.codec import dump_each, format_times
from streamsim.streams.events import (
    CORRECTS,
    FEATURE_HASH,
    FEATURES,
    MODEL,
    MODEL_VERSION,
    SOURCE_OFFSET,
    Floats,
    Ints,
    Matrix,
    OutboundBatch,
    source_headers,
    stretches,
)
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import CORRECTIONS, SCORES, topic

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
    signature: Signature,
    items: Ints | None = None,
    estimates: Mapping[str, Floats] | None = None,
) -> list[OutboundBatch]:
    """Write one record per score, with its lineage: model, version, features and source.

    Estimates and the items of a slate are in the record too, for the topic's readers.

    Returns
    -------
    One or more batches per partition, in the order of the events.
    """
    events, features = prepared.events, prepared.features
    name_out, name_in = topic(spec.name, SCORES), topic(spec.name, spec.trigger.name)
    if prepared.rescored:
        name_out = topic(spec.name, CORRECTIONS)
    entity_name = spec.trigger.key
    entities = events.entity.tolist()
    bodies = [
        {"event_id": i, "event_time": at, entity_name: entity, "score": score}
        for i, at, entity, score in zip(
            events.event_id, format_times(events.event_time), entities, scores.tolist(), strict=True
        )
    ]
    for name, numbers in (estimates or {}).items():
        for body, number in zip(bodies, numbers.tolist(), strict=True):
            body[name] = number
    if items is not None:
        for body, slate in zip(bodies, items.tolist(), strict=True):
            body["items"] = slate
    if prepared.lineage is not None:
        for body, met in zip(bodies, prepared.lineage, strict=True):
            body["lineage"] = met
    keys, values = list(map(str.encode, entities)), dump_each(bodies)
    times = events.event_time.tolist()
    packed = np.ascontiguousarray(features, "<f4").view(f"V{features.shape[1] * 4}").ravel()
    rows, offsets = packed.tolist(), list(map(b"%d".__mod__, events.offset.tolist()))
    model = (MODEL, signature.model.encode())
    version = (MODEL_VERSION, signature.version.encode())
    hash_ = (FEATURE_HASH, signature.feature_hash.encode())
    batches = []
    for p, part in stretches(events.partition):
        source, own, _ = source_headers(name_in, p, 0)
        headers = [
            [model, version, hash_, (FEATURES, row), source, own, (SOURCE_OFFSET, at)]
            for row, at in zip(rows[part], offsets[part], strict=True)
        ]
        if prepared.rescored:
            for named, event_id in zip(headers, events.event_id[part], strict=True):
                named[-3:] = [(CORRECTS, event_id.encode())]
        batches.append(OutboundBatch(name_out, p, keys[part], values[part], times[part], headers))
    return batches
