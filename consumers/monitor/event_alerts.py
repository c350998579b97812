"""Alerts from event rules: a condition on an event and its features, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.consumers.monitor.cloud_event import cloud_event, facts_of, position_of
from streamsim.consumers.monitor.cooldown import Cooldown
from streamsim.streams.codec import format_times
from streamsim.streams.events import Events, Matrix, Outbound
from streamsim.streams.spec import DomainSpec, EventRule


def event_alerts(
    spec: DomainSpec, events: Events, features: Matrix, cooldowns: Mapping[str, Cooldown]
) -> list[Outbound]:
    """Evaluate a domain's event rules, start their cool-downs, and write their alerts.

    Parameters
    ----------
    features
        Of the events, shape ``(n_events, n_features)``.
    cooldowns
        By the rules' names.
    """
    if not spec.alerting.event_rules:
        return []
    columns = dict(zip(spec.features.vector.names, features.T, strict=True))
    records = []
    for rule in spec.alerting.event_rules:
        found = events.take(np.flatnonzero(rule.condition(events, columns)))
        records += _records(spec.name, rule, found.take(cooldowns[rule.name].raised(found)))
    return records


def _records(domain: str, rule: EventRule, events: Events) -> list[Outbound]:
    """Write one alert per event. Its id is made of the rule and the source position."""
    records = []
    for row, at in enumerate(format_times(events.event_time)):
        facts = facts_of(events, row, rule.facts)
        place, position = position_of(domain, events, row)
        entity = events.entity[row]
        body: Mapping[str, Any] = {
            "rule": rule.name,
            "severity": rule.severity,
            rule.noun: entity,
            "seen": rule.sentence(facts),
            "facts": facts,
            "why": [],
            "event_id": events.event_id[row],
            "event_time": at,
            "source": position,
        }
        time, partition = int(events.event_time[row]), int(events.partition[row])
        records.append(cloud_event(domain, rule.name, place, entity, time, body, partition))
    return records
