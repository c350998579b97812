"""Check by topics alone that each score is by a version that was live at its event time.

A score may be by the stand-in of the live version, if it says so: a version that fails is stood in
for by the champion, and a champion by the one that its plan names.

``ops.models`` says which versions those are. Scores in shadow, alerts and the states of the rolling
metric are held against the same timeline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson

from streamsim.benchmarks.fault_injection.told_plans import Timeline, Told, read_timeline
from streamsim.consumers.predict.plans import on_canary
from streamsim.producers.recording import Recorded, Recording
from streamsim.simulator.report.effect import ACCURACY_ID, identity, without_repeats
from streamsim.streams.codec import format_times
from streamsim.streams.events import Ints, Mask, Objects, as_objects
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import ALERTS, METRICS, OPS_MODELS, SCORES, SHADOW, topic

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Live:
    """Result of the check.

    Attributes
    ----------
    timeline
        The plans.
    in_effect
        How many plans have scored an event.
    by_version, by_canary
        Scores that count, by version; those of them by a version as canary.
    stood_in
        Scores by the stand-in of a version that failed.
    shadows, shadowed
        Scores in shadow, and the events that could have had one.
    states
        States of the rolling metric.
    faults
        All faults, as text.
    """

    timeline: Timeline
    in_effect: int
    by_version: Mapping[str, int]
    by_canary: int
    stood_in: int
    shadows: int
    shadowed: int
    states: int
    faults: tuple[str, ...]


class _Scores(NamedTuple):
    """Scores that count, by column; ``number`` is that of each one's plan."""

    ids: Objects
    times: Ints
    entities: Objects
    versions: Objects
    failing: Objects
    scores: Objects
    number: Ints
    rows: Mapping[Any, int]


def check_live(spec: DomainSpec, recording: Recording) -> Live:
    """Check a recording of all topics of a run."""
    models = [record.value for record in recording.of(OPS_MODELS)]
    timeline = read_timeline(models, spec.model.recipe.name)
    if not timeline.plans:
        return Live(timeline, 0, {}, 0, 0, 0, 0, 0, timeline.faults)
    scores = _scores(recording.of(topic(spec.name, SCORES)), timeline)
    by_canary = _canaries(scores, timeline)
    shadows = without_repeats(recording.of(topic(spec.name, SHADOW)))
    with_shadow = np.array([plan.shadow is not None for plan in timeline.plans])
    accuracy = [
        record
        for record in recording.of(topic(spec.name, METRICS))
        if ACCURACY_ID in dict(record.headers)
    ]
    states, gaps = _states(accuracy, spec.alerting.accuracy.step)
    faults = (
        *timeline.faults,
        *_not_live(scores, timeline, by_canary),
        *_doubled(scores),
        *_shadow_faults(shadows, scores, timeline),
        *_alert_faults(spec, recording.of(topic(spec.name, ALERTS)), scores, timeline),
        *gaps,
    )
    return Live(
        timeline,
        len(np.unique(scores.number)),
        dict(sorted(Counter(scores.versions.tolist()).items())),
        int((by_canary & (scores.failing == "")).sum()),
        int((scores.failing != "").sum()),
        len(shadows),
        int(with_shadow[scores.number].sum()),
        states,
        faults,
    )


def _scores(records: Sequence[Recorded], timeline: Timeline) -> _Scores:
    kept = without_repeats(records)
    bodies = [orjson.loads(record.value or b"null") for record in kept]
    times = np.array([record.timestamp for record in kept], np.int64)
    return _Scores(
        as_objects([body["event_id"] for body in bodies]),
        times,
        as_objects([(record.key or b"").decode() for record in kept]),
        as_objects([_version(record) for record in kept]),
        as_objects([_version(record, "stands_in_for") for record in kept]),
        as_objects([body["score"] for body in bodies]),
        timeline.numbers(times),
        {identity(record): row for row, record in enumerate(kept)},
    )


def _version(record: Recorded, header: str = "model_version") -> str:
    return (dict(record.headers).get(header) or b"").decode()


def _canaries(scores: _Scores, timeline: Timeline) -> Mask:
    """Say which scores a canary had to make."""
    found = np.zeros(len(scores.times), bool)
    for number in np.unique(scores.number).tolist():
        plan = timeline.plans[number]
        if plan.canary is not None:
            rows = np.flatnonzero(scores.number == number)
            found[rows] = on_canary(scores.entities[rows], plan.share)
    return found


def _not_live(scores: _Scores, timeline: Timeline, by_canary: Mask) -> list[str]:
    """Find scores by another version than the live one, and beyond the schedule."""
    champions = as_objects([plan.champion for plan in timeline.plans])[scores.number]
    canaries = as_objects([plan.canary for plan in timeline.plans])[scores.number]
    live = np.where(by_canary, canaries, champions)
    stand_ins = as_objects([plan.stand_in for plan in timeline.plans])[scores.number]
    is_stand_in = (scores.versions == stand_ins) | (by_canary & (scores.versions == champions))
    is_stood_in = (scores.failing == live) & is_stand_in
    is_live = (scores.versions == live) & (scores.failing == "")
    wrong = np.flatnonzero(~(is_live | is_stood_in))
    beyond = np.flatnonzero(scores.times >= timeline.until)
    faults = []
    if len(wrong):
        some = ", ".join(
            f"{scores.ids[row]} at {_at(scores.times[row])} by {scores.versions[row]}, "
            f"where {live[row]} was live"
            for row in wrong[:SHOWN].tolist()
        )
        faults.append(f"{len(wrong)} scores by a version that was not live: {some}")
    if len(beyond):
        some = ", ".join(str(scores.ids[row]) for row in beyond[:SHOWN].tolist())
        faults.append(f"{len(beyond)} scores beyond the known schedule: {some}")
    return faults


def _doubled(scores: _Scores) -> list[str]:
    """Find events with several scores that count."""
    twice = [name for name, times in Counter(scores.ids.tolist()).items() if times > 1]
    return [f"{len(twice)} events have several scores: {_some(twice)}"] if twice else []


def _shadow_faults(shadows: Sequence[Recorded], scores: _Scores, timeline: Timeline) -> list[str]:
    """Find scores in shadow by another version, and such without the score that counts."""
    wrong, alone = [], []
    for record in shadows:
        row = scores.rows.get(identity(record))
        name = orjson.loads(record.value or b"null")["event_id"]
        if row is None:
            alone.append(name)
        elif timeline.plans[int(scores.number[row])].shadow != _version(record):
            wrong.append(name)
    faults = []
    if wrong:
        faults.append(
            f"{len(wrong)} shadow scores by a version that was not in shadow: {_some(wrong)}"
        )
    if alone:
        faults.append(f"{len(alone)} shadow scores of events without a score: {_some(alone)}")
    return faults


def _alert_faults(
    spec: DomainSpec, records: Sequence[Recorded], scores: _Scores, timeline: Timeline
) -> list[str]:
    """Find alerts whose version, score or threshold is not that of the event's score."""
    faults: dict[str, list[str]] = {}
    for record in without_repeats(records):
        body = orjson.loads(record.value or b"null")
        if body.get("rule") != spec.alerting.rule.name or "score" not in body:
            continue
        source, name = body["source"], body["event_id"]
        place = (
            source["topic"].encode(), b"%d" % source["partition"], b"%d" % source["offset"],
        )  # fmt: skip
        row = scores.rows.get(place)
        if row is None:
            faults.setdefault("alerts of events without a score", []).append(name)
            continue
        plan: Told = timeline.plans[int(scores.number[row])]
        if body["version"] != scores.versions[row] or body["score"] != scores.scores[row]:
            faults.setdefault("alerts by another version or score", []).append(name)
        elif body["threshold"] != plan.thresholds.get(body["version"]):
            faults.setdefault("alerts by another threshold", []).append(name)
        elif spec.alerting.rule.risk(np.array([body["score"]]))[0] < body["threshold"]:
            faults.setdefault("alerts below their threshold", []).append(name)
    return [f"{len(names)} {what}: {_some(names)}" for what, names in faults.items()]


def _states(records: Sequence[Recorded], step: int) -> tuple[int, list[str]]:
    """Count the states of the rolling metric; find gaps, disorder and repeats that differ."""
    said: dict[int, Any] = {}
    faults, differing = [], []
    for record in records:
        at, own = int(dict(record.headers)[ACCURACY_ID] or 0), record.value
        if said.setdefault(at, own) != own:
            differing.append(at)
    if differing:
        faults.append(f"{len(differing)} states of the metric differ from their repeat")
    order = list(said)
    if order != sorted(order):
        faults.append("states of the metric are out of order")
    steps = np.array(sorted(order), np.int64)
    for before, after in zip(steps[:-1].tolist(), steps[1:].tolist(), strict=True):
        is_silence = orjson.loads(said[before])["accuracy"]["samples"] == 0
        if after - before != step and not is_silence:
            faults.append(f"the metric has no state between {_at(before)} and {_at(after)}")
    return len(said), faults


def _at(time: int) -> str:
    return str(format_times(np.array([time]))[0])


def _some(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)[:SHOWN])
