"""Parse the outputs of a domain, in process or on a broker, into an outcome."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import orjson

from streamsim.simulator.report.effect import without_repeats
from streamsim.simulator.testing.outcome import Alert, Outcome, Rejected
from streamsim.simulator.testing.reading_scores import in_order, read_scores
from streamsim.streams.codec import parse_times
from streamsim.streams.events import OutboundBatch
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import ALERTS, DEAD, LATE, SCORES, topic


def make_outcome(
    spec: DomainSpec,
    outputs: Iterable[Any],
    account: Mapping[str, Any],
    batches: Iterable[OutboundBatch] = (),
) -> Outcome:
    """Parse records of a domain's output topics into an outcome.

    Parameters
    ----------
    outputs
        Records with topic, partition, value and headers, from a pipeline or from a broker. Outputs
        that a restored worker has repeated count once.
    batches
        Scores by column, from a pipeline.
    """
    found: dict[str, list[Any]] = {}
    for record in outputs:
        found.setdefault(record.topic, []).append(record)
    scored = topic(spec.name, SCORES)
    scores = read_scores(spec, found.pop(scored, []), [b for b in batches if b.topic == scored])
    found = {name: without_repeats(records) for name, records in found.items()}
    order: dict[int, list[int]] = {}
    for partition, offset in map(attrgetter("source"), scores):
        order.setdefault(partition, []).append(offset)
    return Outcome(
        spec,
        in_order(scores),
        sorted(
            (_alert(r) for r in found.get(topic(spec.name, ALERTS), [])),
            key=lambda a: (a.time_ms, a.id),
        ),
        [_rejected(r, "reason") for r in found.get(topic(spec.name, DEAD), [])],
        [_rejected(r, "lateness_ms") for r in found.get(topic(spec.name, LATE), [])],
        account,
        order,
    )


def _alert(record: Any) -> Alert:
    body, headers = orjson.loads(record.value), dict(record.headers)
    return Alert(
        headers["ce_id"].decode(),
        headers["ce_type"].decode().rpartition(".")[2],
        headers["ce_subject"].decode(),
        int(parse_times([body["event_time"]])[0]),
        body["severity"],
        body.get("score", math.nan),
        body,
    )


def _rejected(record: Any, why: str) -> Rejected:
    headers = dict(record.headers)
    source = (
        headers["source_topic"].decode(),
        int(headers["source_partition"]),
        int(headers["source_offset"]),
    )
    return Rejected(source, headers[why].decode(), record.value)
