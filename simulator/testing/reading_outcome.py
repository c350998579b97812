"""Parse the outputs of a domain, in process or on a broker, into an outcome."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from streamsim.simulator.report.effect import without_repeats
from streamsim.simulator.testing.outcome import Alert, Outcome, Rejected, Score
from streamsim.streams.codec import parse_times
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import ALERTS, DEAD, LATE, SCORES, topic


def make_outcome(spec: DomainSpec, outputs: Iterable[Any], account: Mapping[str, Any]) -> Outcome:
    """Parse records of a domain's output topics into an outcome.

    Parameters
    ----------
    outputs
        Records with topic, partition, value and headers, from a pipeline or from a broker. Outputs
        that a restored worker has repeated count once.
    """
    found: dict[str, list[Any]] = {}
    for record in outputs:
        found.setdefault(record.topic, []).append(record)
    found = {name: without_repeats(records) for name, records in found.items()}
    scores = _scores(spec, found.get(topic(spec.name, SCORES), []))
    order: dict[int, list[int]] = {}
    for partition, offset in (score.source for score in scores):
        order.setdefault(partition, []).append(offset)
    return Outcome(
        spec,
        sorted(scores, key=lambda s: (s.time_ms, s.event_id, s.source)),
        sorted(
            (_alert(r) for r in found.get(topic(spec.name, ALERTS), [])),
            key=lambda a: (a.time_ms, a.id),
        ),
        [_rejected(r, "reason") for r in found.get(topic(spec.name, DEAD), [])],
        [_rejected(r, "lateness_ms") for r in found.get(topic(spec.name, LATE), [])],
        account,
        order,
    )


def _scores(spec: DomainSpec, records: Sequence[Any]) -> list[Score]:
    bodies = [orjson.loads(r.value) for r in records]
    headers = [dict(r.headers) for r in records]
    times = parse_times([body["event_time"] for body in bodies]).tolist()
    return [
        Score(
            body["event_id"],
            body[spec.trigger.key],
            time,
            body["score"],
            header["features"],
            (int(header["source_partition"]), int(header["source_offset"])),
            header["model_version"].decode(),
        )
        for body, header, time in zip(bodies, headers, times, strict=True)
    ]


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
