"""Incidents and groups of alerts, for any signals and alerts: against plain definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.incidents.grouping import EntityAlert, Grouping
from streamsim.consumers.monitor.incidents.incident import (
    Cause,
    Change,
    Hysteresis,
    Signal,
    Turn,
)
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec.rules import Grouped
from tests.property.examples import examples

CAUSES = [Cause("water", rule, f"feature {n}") for rule in ("drift", "missing") for n in "ab"]
WORDS = "bgns"
"""Bad, good, neither and severe."""
STEPS = st.lists(st.dictionaries(st.sampled_from(CAUSES), st.sampled_from(WORDS)), max_size=40)
RULES = st.builds(Hysteresis, st.integers(1, 3), st.integers(1, 3), st.just(0), st.integers(1, 60))


def signals(at: int, words: dict[Cause, str]) -> list[Signal]:
    return [
        Signal(cause, at, word in "bs", word == "g", len(words), 0, word, is_severe=word == "s")
        for cause, word in words.items()
    ]


def plainly(words: Sequence[str], rule: Hysteresis) -> list[tuple[Turn, int]]:
    """What one cause's words (or a blank, without a signal) change, by looking back at them."""
    found: list[tuple[Turn, int]] = []
    opened, begin = None, 0
    for step in range(len(words)):
        seen = "".join(words[begin : step + 1]).replace(" ", "")
        if opened is None:
            bad = seen[-rule.bad_steps :]
            if words[step] == "s" or (
                words[step] == "b" and len(bad) == rule.bad_steps and set(bad) <= set("bs")
            ):
                opened = told = step
                found.append((Turn.OPENED, step))
                begin = step + 1
        elif words[step] == "g" and seen.endswith("g" * rule.good_steps):
            opened, begin = None, step + 1
            found.append((Turn.RESOLVED, step))
        elif (step - told) * 10 >= rule.renotify:
            told = step
            found.append((Turn.RENOTIFIED, step))
    return found


@given(steps=STEPS, rule=RULES)
def test_incidents_are_what_looking_back_gives(
    steps: list[dict[Cause, str]], rule: Hysteresis
) -> None:
    incidents = Incidents(default=rule)
    changes: list[Change] = []
    for step, words in enumerate(steps):
        changes += incidents.step(step * 10, signals(step * 10, words))
    for cause in CAUSES:
        own = [(c.turn, c.at // 10) for c in changes if c.incident.cause == cause]
        assert own == plainly([words.get(cause, " ") for words in steps], rule)
    opened = [change.incident.id for change in changes if change.turn is Turn.OPENED]
    assert len(set(opened)) == len(opened)


@given(steps=STEPS, rule=RULES, cut=st.integers(0, 40), turn=st.integers(0, 3))
def test_a_restored_state_goes_on_and_the_order_of_signals_makes_no_difference(
    steps: list[dict[Cause, str]], rule: Hysteresis, cut: int, turn: int
) -> None:
    whole, parted = Incidents(default=rule), Incidents(default=rule)
    for step, words in enumerate(steps):
        if step == cut:
            kept, parted = orjson.dumps(parted.snapshot()), Incidents(default=rule)
            parted.restore(orjson.loads(kept))
        own = signals(step * 10, words)
        assert whole.step(step * 10, own) == parted.step(step * 10, own[turn:] + own[:turn])
        assert parted.step(step * 10, own) == ()
    assert whole.snapshot() == parted.snapshot()


WITHIN, LEAST = 100, 3
FINANCE = load_domain("finance")
SPEC = replace(
    FINANCE,
    alerting=replace(
        FINANCE.alerting, rule=replace(FINANCE.alerting.rule, grouped=Grouped(WITHIN, LEAST))
    ),
)
ALERTS = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from("abcd"), st.sampled_from(("t1", "t2", None))),
    max_size=60,
)
"""Time after the alert before, entity and group."""


def alerts_of(rows: list[tuple[int, str, str | None]]) -> list[EntityAlert]:
    at, found = 0, []
    for number, (later, entity, group) in enumerate(rows):
        at += later
        found.append(EntityAlert(f"{number:03}", FINANCE.alerting.rule.name, entity, at, group))
    return found


def grouped(
    alerts: list[EntityAlert], length: int, cut: int = -1
) -> tuple[list[Change], list[EntityAlert]]:
    grouping = Grouping(SPEC)
    incidents = Incidents(grouping.hysteresis(renotify=1 << 40))
    changes, alone = [], []
    for number, end in enumerate(range(length, 60 * 60 + 10 * WITHIN, length)):
        if number == cut:
            kept, grouping = orjson.dumps(grouping.snapshot()), Grouping(SPEC)
            grouping.restore(orjson.loads(kept))
        step = grouping.step(end - 1, [a for a in alerts if end - length <= a.at < end])
        changes += incidents.step(end - 1, step.signals)
        alone += step.alone
    return changes, alone


def by_looking_back(alerts: list[EntityAlert], group: str) -> list[tuple[Turn, int, int]]:
    """When a group's incidents open and are over, with how many alerts."""
    own = [alert for alert in alerts if alert.group == group]
    found: list[tuple[Turn, int, int]] = []
    members: list[EntityAlert] = []
    for place, alert in enumerate(own):
        if not members:
            last = [a for a in own[: place + 1] if a.at > alert.at - WITHIN]
            begun = max((at for turn, at, _ in found if turn is Turn.RESOLVED), default=-1)
            last = [a for a in last if a.at >= begun]
            if len({a.entity for a in last}) >= LEAST:
                members = last
                found.append((Turn.OPENED, alert.at, len(last)))
        else:
            members.append(alert)
        following = own[place + 1].at if place + 1 < len(own) else 1 << 40
        if members and following - alert.at >= WITHIN:
            found.append((Turn.RESOLVED, alert.at + WITHIN, len(members)))
            members = []
    return found


@examples(0.5)
@given(rows=ALERTS, length=st.integers(20, 400), cut=st.integers(0, 20))
def test_groups_are_what_looking_back_gives_at_any_length_of_step(
    rows: list[tuple[int, str, str | None]], length: int, cut: int
) -> None:
    alerts = alerts_of(rows)
    changes, alone = grouped(alerts, length, cut)
    for group in ("t1", "t2"):
        own = [c for c in changes if c.incident.cause.subject == f"terminal {group}"]
        expected = by_looking_back(alerts, group)
        assert [(c.turn, c.at) for c in own] == [(turn, at) for turn, at, _ in expected]
        resolved = [c.incident.count for c in own if c.turn is Turn.RESOLVED]
        assert resolved == [n for turn, _, n in expected if turn is Turn.RESOLVED]
    assert {alert.id for alert in alerts if alert.group is None} <= {alert.id for alert in alone}
    assert len({alert.id for alert in alone}) == len(alone)
