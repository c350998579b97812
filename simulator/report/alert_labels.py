"""Alerts judged by labels: how many of them the events' labels confirm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from streamsim.simulator.report.judge import LabelledScores
from streamsim.streams.spec import DomainSpec


def alert_labels(
    spec: DomainSpec, alerts: Iterable[bytes], judged: LabelledScores
) -> dict[str, Any] | None:
    """Compare the model's alerts with the labels of their events.

    This is for real data, in which nothing is planted. An alert is confirmed if its event's label
    is the class that the rule is about. An entity in its cool-down raises no second alert, so
    recall is low where its events are alike.

    Parameters
    ----------
    judged
        All scored events with their labels.

    Returns
    -------
    ``None`` if no event has a final label. Otherwise ``labelled``, the alerts whose label is final,
    ``confirmed``, ``precision``, ``chance_precision``, the share of the class among all events, and
    ``recall``, the share of its events with an alert; ``None`` if the rule is about only some
    entities.
    """
    rule, final = spec.alerting.rule, judged.final.nonzero()[0].tolist()
    if not final:
        return None
    meant = {judged.event_id[row]: bool(judged.label[row] == rule.about) for row in final}
    bodies = map(orjson.loads, alerts)
    raised = {body["event_id"] for body in bodies if body.get("rule") == rule.name} & meant.keys()
    confirmed, there = sum(meant[event] for event in raised), sum(meant.values())
    return {
        "labelled": len(raised),
        "confirmed": confirmed,
        "precision": round(confirmed / len(raised), 4) if raised else None,
        "chance_precision": round(there / len(meant), 4),
        "recall": round(confirmed / there, 4) if there and rule.eligible is None else None,
    }
