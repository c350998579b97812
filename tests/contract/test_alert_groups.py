"""Every domain's alerts can be grouped as its spec says, and by nothing that they do not tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamsim.consumers.monitor.incidents.grouping import Grouping, entity_alert
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DomainSpec


def test_a_group_is_a_fact_of_the_alert(domain: DomainSpec) -> None:
    for rule in domain.alerting.entity_rules:
        assert rule.group in (None, rule.noun, *rule.facts)
        with pytest.raises(UsageError, match=f"{rule.name} cannot be grouped by 'mood'; it tells"):
            replace(rule, group="mood")


def test_a_fact_is_a_field_of_the_trigger(domain: DomainSpec) -> None:
    rule = replace(domain.alerting.rule, facts=(*domain.alerting.rule.facts, "mood"), group="mood")
    with pytest.raises(UsageError, match=f"{domain.name}: {domain.trigger.name} has no field mood"):
        replace(domain, alerting=replace(domain.alerting, rule=rule))


def test_enough_alerts_that_share_it_are_one_incident(domain: DomainSpec) -> None:
    rule = domain.alerting.rule
    grouping = Grouping(domain)
    incidents = Incidents(grouping.hysteresis())
    facts = dict.fromkeys(rule.facts, 7)
    entities = (
        ["e"] * rule.grouped.least if rule.group == rule.noun else [f"e{n}" for n in range(9)]
    )
    read = [
        entity_alert(domain, f"a{n}", n, {"rule": rule.name, rule.noun: entity, "facts": facts})
        for n, entity in enumerate(entities)
    ]
    step = grouping.step(10, [alert for alert in read if alert is not None])
    changes = incidents.step(10, step.signals)
    if rule.group is None:
        assert (changes, len(step.alone)) == ((), len(read))
        return
    (change,) = changes
    assert change.at == rule.grouped.least - 1
    assert incidents.open[0].count == len(read)
    assert len(step.alone) == rule.grouped.least - 1
