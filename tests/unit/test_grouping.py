"""Grouping: which alerts become one incident, which stay alone, and what is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamsim.consumers.monitor.incidents import grouping as module
from streamsim.consumers.monitor.incidents.grouping import (
    EntityAlert,
    Grouping,
    Step,
    entity_alert,
)
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DAY, HOUR, DomainSpec, Grouped

FINANCE = load_domain("finance")
RULE = FINANCE.alerting.rule


def alert(number: int, entity: str, at: int, group: str | None = "t1") -> EntityAlert:
    return EntityAlert(f"a{number}", RULE.name, entity, at, group)


def repeated(spec: DomainSpec = FINANCE) -> DomainSpec:
    """The domain, grouped by the entity itself."""
    rule = replace(spec.alerting.rule, group=spec.alerting.rule.noun)
    return replace(spec, alerting=replace(spec.alerting, rule=rule))


def test_single_alerts_stay_alone_until_there_are_enough() -> None:
    grouping = Grouping(FINANCE)
    own = [alert(0, "c1", 0), alert(1, "c1", 1), alert(2, "c2", 2), alert(3, "c9", 2, None)]
    assert grouping.step(2, own) == Step((), tuple(own))
    third = alert(4, "c3", 3)
    opened = grouping.step(3, [third])
    assert opened.alone == ()
    (signal,) = opened.signals
    assert (signal.since, signal.at, signal.events, signal.text) == (0, 3, 4, "3 cards")
    assert signal.members is not None
    assert signal.members.newest == ("c3", "c2", "c1")
    (more,) = grouping.step(4, [alert(5, "c1", 4)]).signals
    assert more.members is not None
    assert (more.events, more.members.count, more.members.newest[0]) == (1, 3, "c1")


def test_alerts_that_are_too_far_apart_are_no_group() -> None:
    grouping, within = Grouping(FINANCE), RULE.grouped.within
    for number in range(6):
        at = number * within // 2
        step = grouping.step(at, [alert(number, f"c{number}", at)])
        assert (step.signals, len(step.alone)) == ((), 1)


def test_repeated_alerts_of_an_entity_are_a_group_if_the_rule_says_so() -> None:
    spec = repeated()
    body = {"rule": RULE.name, RULE.noun: "c1", "facts": {"terminal_id": "t1"}}
    read = [entity_alert(spec, f"a{n}", n * HOUR, body) for n in range(3)]
    (signal,) = Grouping(spec).step(DAY, [one for one in read if one is not None]).signals
    assert (signal.cause.subject, signal.text) == ("card c1", "3 alerts")
    assert signal.members is not None
    assert signal.members.newest == ()


def test_only_alerts_about_entities_are_read() -> None:
    body = {"rule": RULE.name, "card": "c1", "facts": {"terminal_id": "t1"}}
    assert entity_alert(FINANCE, "a", 5, body) == EntityAlert("a", RULE.name, "c1", 5, "t1")
    assert entity_alert(FINANCE, "a", 5, {"rule": "feed_silent", "feed": "f", "facts": {}}) is None
    for nothing in (None, "", 0):
        own = entity_alert(FINANCE, "a", 5, {**body, "facts": {"terminal_id": nothing}})
        assert own is not None
        assert own.group is None


def test_an_alert_too_late_for_its_group_begins_none() -> None:
    grouping, within = Grouping(FINANCE), RULE.grouped.within
    grouping.step(10 * within)
    own = [alert(n, f"c{n}", 9 * within - n) for n in range(5)]
    assert grouping.step(10 * within + 1, own).signals == ()
    with pytest.raises(ValueError, match="in the step of"):
        grouping.step(10 * within + 2, [alert(9, "c", 11 * within)])
    assert grouping.step(10 * within, own) == Step()


def test_the_memory_of_a_group_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 50)
    grouping = Grouping(FINANCE)
    for number in range(400):
        grouping.step(number, [alert(number, f"c{number}", number)])
    (group,) = grouping.snapshot()["groups"]
    assert [len(kept) for kept in group[-2:]] == [50, 50]
    (signal,) = grouping.step(400, [alert(400, "c399", 400)]).signals
    assert signal.members is not None
    assert signal.members.count == 400


def test_a_group_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="2 members at least, not 1"):
        Grouped(least=1)
    with pytest.raises(UsageError, match="needs a time, not 0 ms"):
        Grouped(within=0)
