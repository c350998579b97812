"""Alerts from scores, with explanations by occlusion.

An explanation compares the event with reference values: each group of features is set to its
reference, the row is scored again, and the fall of the log-odds is the group's effect. This is
occlusion (Zeiler and Fergus, 2014, section 4) by groups; it needs only the scorer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamsim.consumers.monitor.cloud_event import cloud_event, facts_of, position_of
from streamsim.consumers.predict.plans import Answering
from streamsim.streams.codec import format_times
from streamsim.streams.events import Events, Floats, Matrix, Outbound
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec

SHOWN = 3
"""Most reasons of an alert."""
TELLING = 0.25
"""Least effect of a reason (log-odds): it moves the odds by a quarter or more."""


def occlusion_rows(spec: DomainSpec, rows: Matrix, answering: Answering) -> Matrix:
    """Build the rows to score for an explanation.

    Returns
    -------
    Shape ``(n_rows * n_groups, n_features)``: for each row, one copy per feature group, with that
    group set to the reference of the row's version.
    """
    groups = list(spec.features.vector.groups.values())
    column = {name: i for i, name in enumerate(spec.features.vector.names)}
    copies = np.repeat(rows[:, None, :], len(groups), axis=1)
    for signature, part in answering.parts(len(rows)):
        reference = np.array(signature.reference, np.float32)
        for g, group in enumerate(groups):
            own = [column[name] for name in group]
            copies[part[:, None], g, own] = reference[own]
    return copies.reshape(-1, rows.shape[1])


def reasons(
    spec: DomainSpec,
    rows: Matrix,
    scores: Floats,
    without: Floats,
    signature: Signature,
    facts: Sequence[Mapping[str, Any]] = (),
) -> list[list[dict[str, Any]]]:
    """Name the groups that moved each score most.

    Parameters
    ----------
    without
        Scores of :func:`occlusion_rows` rows, shape ``(n_rows * n_groups,)``.
    facts
        Per row, fields of its event that phrases name.

    Returns
    -------
    Per row, at most three reasons, largest effect first: the group, its most unusual feature, that
    feature's value and usual value, the effect in log-odds, and a sentence.
    """
    groups = spec.features.vector.groups
    usual = dict(zip(signature.features, signature.reference, strict=True))
    risk, rest = spec.alerting.rule.risk(scores), spec.alerting.rule.risk(without)
    effect = _log_odds(risk)[:, None] - _log_odds(rest).reshape(len(risk), len(groups))
    result = []
    told = facts or [{}] * len(rows)
    for row, effects, own in zip(rows.tolist(), effect, told, strict=True):
        value = dict(zip(spec.features.vector.names, row, strict=True))
        ranked = sorted(zip(effects.tolist(), groups.items(), strict=True), key=lambda x: -x[0])
        why = []
        for share, (what, group) in ranked[:SHOWN]:
            if share < TELLING:
                break
            used = [name for name in group if name not in signature.ignored] or group
            name = _most_telling(used, value, usual)
            why.append(
                {
                    "what": what,
                    "feature": name,
                    "value": round(value[name], 4),
                    "usual": round(usual[name], 4),
                    "effect": round(share, 2),
                    "text": spec.features.vector.phrase(name, value[name], usual[name], own),
                }
            )
        result.append(why)
    return result


def _most_telling(
    group: Sequence[str], value: Mapping[str, float], usual: Mapping[str, float]
) -> str:
    """Choose the feature to show: the group's first clearly unusual one, else the most unusual."""
    distance = {name: abs(value[name] - usual[name]) / (abs(usual[name]) + 1) for name in group}
    return next(
        (name for name in group if distance[name] > 0.5), max(group, key=distance.__getitem__)
    )


def alert_records(
    spec: DomainSpec,
    events: Events,
    scores: Floats,
    why: list[list[dict[str, Any]]],
    signature: Signature,
    estimates: Mapping[str, Floats] | None = None,
) -> list[Outbound]:
    """Write alerts as CloudEvents 1.0 in binary mode.

    Estimates beside the scores are among the facts.

    The id is made of the rule and the source position, not of score or version, so that a repeat is
    recognised.
    """
    rule, records = spec.alerting.rule, []
    risks = rule.risk(scores).tolist()
    for row, at in enumerate(format_times(events.event_time)):
        facts = facts_of(events, row, rule.facts)
        facts |= {name: float(own[row]) for name, own in (estimates or {}).items()}
        place, position = position_of(spec.name, events, row)
        score, entity = float(scores[row]), events.entity[row]
        body: Mapping[str, Any] = {
            "rule": rule.name,
            "severity": "critical" if risks[row] >= rule.critical else "warning",
            rule.noun: entity,
            "seen": rule.sentence(facts),
            "facts": facts,
            "why": why[row],
            "score": score,
            "threshold": signature.threshold,
            "event_id": events.event_id[row],
            "event_time": at,
            "model": signature.model,
            "version": signature.version,
            "source": position,
        }
        time, partition = int(events.event_time[row]), int(events.partition[row])
        records.append(cloud_event(spec.name, rule.name, place, entity, time, body, partition))
    return records


def _log_odds(p: Floats) -> Floats:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))
