"""Judge a run from its topics alone: scores against labels, alerts against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from streams.codec import decode_objects, parse_times
from streams.events import NO_TIME, Floats, Ints, Mask
from streams.spec import DomainSpec


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores with what is known of their events, one entry per scored event.

    Attributes
    ----------
    label
        1 if a label says so, else 0.
    final
        Whether the label can no longer change: the domain's label delay has passed.
    """

    event_id: Sequence[str]
    entity: Sequence[str]
    time: Ints
    score: Floats
    label: Ints
    final: Mask


def join_labels(
    spec: DomainSpec, scores: Iterable[bytes], labels: Iterable[bytes | None], now_ms: int | None
) -> Judged:
    """Join the values of the scores topic with those of the labels' topics.

    Parameters
    ----------
    now_ms
        Event time up to which labels are known; ``None`` takes all of them as final.
    """
    rows = [orjson.loads(value) for value in scores]
    positive = _known(spec, labels).keys()
    time = parse_times([row["event_time"] for row in rows])
    final = np.ones(len(rows), bool)
    if now_ms is not None:
        final = time + spec.timeline.label_delay <= now_ms
    return Judged(
        [row["event_id"] for row in rows],
        [row[spec.trigger.key] for row in rows],
        time,
        np.array([row["score"] for row in rows], np.float64),
        np.array([row["event_id"] in positive for row in rows], np.int64),
        final,
    )


def quality(spec: DomainSpec, judged: Judged) -> dict[str, Any]:
    """Measure the domain's metric over the events whose labels are final.

    ``value`` is ``None`` where there are not two classes to tell apart.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    measure = {"average_precision": average_precision_score, "roc_auc": roc_auc_score}
    label, score = judged.label[judged.final], judged.score[judged.final]
    known = 0 < label.sum() < len(label)
    value = round(float(measure[spec.recipe.metric](label, score)), 4) if known else None
    return {"metric": spec.recipe.metric, "value": value, "labelled": len(label)}


def alert_quality(
    alerts: Iterable[bytes],
    truth: Iterable[bytes | None],
    labels: Iterable[bytes | None],
    spec: DomainSpec,
) -> dict[str, Any] | None:
    """Compare alerts with what the world planted; ``None`` if it planted nothing.

    ``lead_s_median`` is how long before its label became known a true alert came (event time).
    """
    planted = {
        body[spec.label_key]: body["kind"]
        for body in decode_objects(list(truth))[0]
        if body and isinstance(body.get(spec.label_key), str) and isinstance(body.get("kind"), str)
    }
    if not planted:
        return None
    known = _known(spec, labels)
    raised = {body["event_id"]: body["event_time"] for body in map(orjson.loads, alerts)}
    true = raised.keys() & planted.keys()
    leads = _leads(raised, known, sorted(true & known.keys()))
    by_kind = {
        kind: round(
            sum(1 for event in true if planted[event] == kind)
            / sum(1 for k in planted.values() if k == kind),
            4,
        )
        for kind in sorted(set(planted.values()))
    }
    return {
        "precision": round(len(true) / len(raised), 4) if raised else None,
        "recall": round(len(true) / len(planted), 4),
        "lead_s_median": float(np.median(leads)) if len(leads) else None,
        "planted": len(planted),
        "recall_by_kind": by_kind,
    }


def _leads(raised: Mapping[str, str], known: Mapping[str, str], events: Sequence[str]) -> Floats:
    return (
        parse_times([known[e] for e in events]) - parse_times([raised[e] for e in events])
    ) / 1e3


def _known(spec: DomainSpec, labels: Iterable[bytes | None]) -> dict[str, str]:
    """Return which events have a label, and since when; what is no label is a dead letter."""
    known = {}
    objects, _ = decode_objects(list(labels))
    for body in objects:
        if body is None:
            continue
        about, time = body.get(spec.label_key), body.get("event_time")
        if isinstance(about, str) and isinstance(time, str) and parse_times([time])[0] != NO_TIME:
            known[about] = time
    return known
