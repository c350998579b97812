"""Quality of a run, from its topics alone: scores against labels, alerts against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from streamsim.streams.codec import decode_objects, parse_times
from streamsim.streams.events import NO_TIME, Floats, Ints, Mask
from streamsim.streams.labels import Label, label_of, read_labels
from streamsim.streams.spec import DomainSpec, Planted, Recipe
from streamsim.streams.statistics.quality import METRICS

FAILURE = "failure"
"""Value of ``ended`` for a planted span that ended in a failure."""


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scores joined with labels, one entry per scored event.

    Attributes
    ----------
    time
        Event time (ms).
    label
        The true label; -1 where it is unknown.
    final
        Whether the label is known and can no longer change: the domain's label delay has passed.
    """

    event_id: Sequence[str]
    entity: Sequence[str]
    time: Ints
    score: Floats
    label: Ints
    final: Mask
    _by_entity: dict[str, list[int]] = field(default_factory=dict, repr=False)

    def times_of(self, entity: str) -> Sequence[int]:
        """Return the event times of an entity (ms)."""
        if not self._by_entity:
            for who, time in zip(self.entity, self.time.tolist(), strict=True):
                self._by_entity.setdefault(who, []).append(time)
        return self._by_entity.get(entity, ())


def join_labels(
    spec: DomainSpec, scores: Iterable[bytes], labels: Iterable[bytes | None], now_ms: int | None
) -> LabelledScores:
    """Join the values of the scores topic with those of the labels' topics.

    Parameters
    ----------
    now_ms
        Event time up to which labels are known; ``None`` takes all of them as final.
    """
    rows = [orjson.loads(value) for value in scores]
    event_id = [row["event_id"] for row in rows]
    label, final = label_of(spec.labels, read_labels(spec.labels, labels), event_id)
    if spec.model.slate is not None:
        items = np.array([row["items"] for row in rows], np.int64).reshape(
            -1, spec.model.slate.size
        )
        label = spec.model.truth(label, items)
        final &= label >= 0
    time = parse_times([row["event_time"] for row in rows])
    if now_ms is not None:
        final &= time + spec.labels.delay <= now_ms
    return LabelledScores(
        event_id,
        [row[spec.trigger.key] for row in rows],
        time,
        np.array([row["score"] for row in rows], np.float64),
        label,
        final,
    )


def quality(recipe: Recipe, judged: LabelledScores) -> dict[str, Any]:
    """Compute the domain's metric over the events whose labels are final.

    ``value`` is ``None`` if all labels are of one class.
    """
    label, score = judged.label[judged.final], judged.score[judged.final]
    known = 0 < label.sum() < len(label)
    value = round(METRICS[recipe.metric](score, label.astype(np.float64)), 4) if known else None
    return {"metric": recipe.metric, "value": value, "labelled": len(label)}


def alert_quality(
    alerts: Iterable[bytes],
    truth: Iterable[bytes | None],
    labels: Iterable[bytes | None],
    spec: DomainSpec,
    judged: LabelledScores,
) -> dict[str, Any] | None:
    """Compare alerts with the events or spans that the world planted.

    Parameters
    ----------
    judged
        All scored events: an alert could have been raised on any of them.

    Returns
    -------
    ``None`` if the world planted nothing. Otherwise ``precision`` and ``recall``, and recall by
    kind; ``chance_precision`` and ``chance_recall``, those of as many alerts on random events;
    ``lead_s_median``, the time from the first alert to the label or to the end of the planted span,
    and ``after_onset_s_median``, the time from its beginning to the first alert (event time, s).

    If the truth says how spans ended, also ``failures``, the spans that have ended in a failure;
    ``foreseen``, the failures with an alert before; ``foreseen_s``, their lead times (10th, 50th
    and 90th percentile, s); and ``needless``, alerts outside of all spans.
    """
    bodies = [
        body for body in map(orjson.loads, alerts) if body.get("rule") == spec.alerting.rule.name
    ]
    planted = [body for body in decode_objects(list(truth))[0] if body]
    if spec.alerting.rule.kinds:
        planted = [body for body in planted if body.get("kind") in spec.alerting.rule.kinds]
    found = (_spans if spec.alerting.rule.planted is Planted.SPANS else _events)(
        spec, bodies, planted, read_labels(spec.labels, labels), judged
    )
    if found is None:
        return None
    kinds = sorted(set(found.kind))
    hits = {kind: [h for h, k in zip(found.hit, found.kind, strict=True) if k == kind]
            for kind in kinds}  # fmt: skip
    return {
        "precision": round(found.true / len(bodies), 4) if bodies else None,
        "recall": round(float(np.mean(found.hit)), 4),
        "lead_s_median": _median(found.lead_s),
        "after_onset_s_median": _median(found.delay_s),
        "chance_precision": round(found.share, 4),
        "chance_recall": round(found.chance_recall, 4),
        "planted": len(found.kind),
        "recall_by_kind": {kind: round(float(np.mean(hit)), 4) for kind, hit in hits.items()},
        **_foreseen(found, len(bodies)),
    }


@dataclass(frozen=True, slots=True)
class _Found:
    """Alerts matched with planted events or spans.

    Attributes
    ----------
    true
        Number of true alerts.
    kind, hit
        Kind of each planted item, and whether an alert was about it.
    lead_s, delay_s
        Per hit, the time from the first alert to the end, and from the beginning to it (s).
    share
        Share of the scored events on which an alert would have been true.
    failed
        Per planted item, whether it has ended in a failure; empty if the truth does not say.
    """

    true: int
    kind: Sequence[str]
    hit: Sequence[bool]
    lead_s: Sequence[float]
    delay_s: Sequence[float]
    share: float
    chance_recall: float
    failed: Sequence[bool] = ()


def _foreseen(found: _Found, alerts: int) -> dict[str, Any]:
    """Count the failures that had an alert before, and the needless alerts."""
    if not found.failed:
        return {}
    ahead = iter(found.lead_s)  # one per hit, in order
    leads = [next(ahead) if hit else None for hit in found.hit]
    before = [
        lead
        for lead, failed in zip(leads, found.failed, strict=True)
        if failed and lead is not None
    ]
    tenths = np.percentile(before, [10, 50, 90]).round(1).tolist() if before else None
    return {
        "failures": sum(found.failed),
        "foreseen": len(before),
        "foreseen_s": tenths,
        "needless": alerts - found.true,
    }


def _events(
    spec: DomainSpec,
    alerts: Sequence[Mapping[str, Any]],
    truth: Sequence[Mapping[str, Any]],
    labels: Mapping[str, Label],
    judged: LabelledScores,
) -> _Found | None:
    """Match alerts with planted events by the event's id."""
    planted = {
        body[spec.labels.key]: body
        for body in truth
        if isinstance(body.get(spec.labels.key), str) and isinstance(body.get("kind"), str)
    }
    if not planted:
        return None
    raised = {body["event_id"]: _ms(body["event_time"]) for body in alerts}
    hit = [event in raised for event in planted]
    true = [event for event in planted if event in raised]
    onset = {event: _ms(planted[event].get("onset")) for event in true}
    scored = max(len(judged.event_id), 1)
    return _Found(
        len(true),
        [body["kind"] for body in planted.values()],
        hit,
        [(labels[e].known - raised[e]) / 1e3 for e in true if e in labels],
        [(raised[e] - onset[e]) / 1e3 for e in true if onset[e] != NO_TIME],
        len(planted) / scored,
        len(raised) / scored,
    )


def _spans(
    spec: DomainSpec,
    alerts: Sequence[Mapping[str, Any]],
    truth: Sequence[Mapping[str, Any]],
    labels: Mapping[str, Label],
    judged: LabelledScores,
) -> _Found | None:
    """Match alerts with planted spans of an entity in which an event was scored."""
    entity, noun = spec.trigger.key, spec.alerting.rule.noun
    about = [
        body
        for body in truth
        if isinstance(body.get(entity), str) and isinstance(body.get("kind"), str)
    ]
    spans = [(b[entity], _ms(b.get("onset")), _ms(b.get("until")), b["kind"]) for b in about]
    ended = [body.get("ended") for body in about]
    inside = [
        sum(start <= time <= end for time in times)
        for times, (start, end) in (
            (judged.times_of(who), (start, end)) for who, start, end, _ in spans
        )
    ]
    spans = [span for span, count in zip(spans, inside, strict=True) if count]
    ended = [end for end, count in zip(ended, inside, strict=True) if count]
    events = np.array([count for count in inside if count], np.float64)
    if not spans:
        return None
    raised: dict[str, list[int]] = {}
    for body in alerts:
        raised.setdefault(body[noun], []).append(_ms(body["event_time"]))
    within = [
        sorted(t for t in raised.get(who, ()) if start <= t <= end) for who, start, end, _ in spans
    ]
    share = events / max(len(judged.event_id), 1)
    now = int(judged.time.max())
    firsts = [(own[0], span) for own, span in zip(within, spans, strict=True) if own]
    return _Found(
        sum(map(len, within)),
        [kind for *_, kind in spans],
        [bool(own) for own in within],
        [(end - first) / 1e3 for first, (_, _, end, _) in firsts],
        [(first - start) / 1e3 for first, (_, start, _, _) in firsts],
        float(share.sum()),
        float((1 - (1 - share) ** len(alerts)).mean()),
        [
            end == FAILURE and until <= now
            for end, (_, _, until, _) in zip(ended, spans, strict=True)
        ]
        if any(ended)
        else (),
    )


def _ms(text: object) -> int:
    return int(parse_times([text])[0])


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
