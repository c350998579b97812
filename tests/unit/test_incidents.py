"""Incidents: when they open, are told again and are resolved; one open incident per cause."""

from __future__ import annotations

import math
from typing import Any

import pytest

from streamsim.consumers.monitor.incidents.incident import (
    Cause,
    Change,
    Hysteresis,
    Signal,
    State,
    Turn,
)
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.consumers.monitor.incidents.signal_bound import SignalBound
from streamsim.streams.errors import UsageError

CAUSE = Cause("water", "drift", "feature litres")
LIMIT = SignalBound("drift", 0.2, margin=0.05, hard=0.9)
RULE = Hysteresis(bad_steps=2, good_steps=2, min_samples=10, renotify=100)


def told(values: list[float], samples: int = 50, rule: Hysteresis = RULE) -> list[tuple[str, int]]:
    """Steps of 10 ms, a value each; what changed, and at which step."""
    incidents = Incidents(default=rule)
    changes: list[Change] = []
    for step, value in enumerate(values):
        at = step * 10
        changes += incidents.step(at, [LIMIT.signal(CAUSE, at, value, samples)])
    return [(change.turn.value, change.at // 10) for change in changes]


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ([0.3], []),
        ([0.3, 0.3], [("opened", 1)]),
        ([0.3, 0.2, 0.3], []),
        ([0.3, math.nan, 0.3], []),
        ([0.95], [("opened", 0)]),
        ([0.1, 0.1, 0.1], []),
        ([0.3, 0.3, 0.15, 0.15], [("opened", 1), ("resolved", 3)]),
        ([0.3, 0.3, 0.18, 0.18, 0.18], [("opened", 1)]),
        ([0.3, 0.3, 0.1, 0.18, 0.1], [("opened", 1)]),
        ([0.3, 0.3, 0.1, 0.3, 0.1, 0.1], [("opened", 1), ("resolved", 5)]),
        ([0.3] * 5 + [0.1] * 2 + [0.3] * 2, [("opened", 1), ("resolved", 6), ("opened", 8)]),
        ([0.3] * 22, [("opened", 1), ("renotified", 11), ("renotified", 21)]),
    ],
    ids=[
        "once", "twice", "with a pause", "unknown between", "beyond the hard bound", "never",
        "good twice", "better, but not by the margin", "good with a pause", "bad again",
        "a second time", "for long",
    ],
)  # fmt: skip
def test_when_it_changes(values: list[float], changes: list[tuple[str, int]]) -> None:
    assert told(values) == changes


def test_too_few_samples_change_nothing() -> None:
    assert told([0.95] * 4, samples=9) == []
    assert told([0.95], samples=10) == [("opened", 0)]
    incidents = Incidents(default=RULE)
    for at, value, samples in ((0, 0.3, 50), (1, 0.1, 9), (2, 0.3, 50)):
        changes = incidents.step(at, [LIMIT.signal(CAUSE, at, value, samples)])
    assert [change.turn for change in changes] == [Turn.OPENED]


def test_what_an_incident_remembers() -> None:
    incidents = Incidents(default=RULE)
    changes = [
        change
        for at, value in enumerate([0.3, 0.6, 0.8, 0.4, 0.1, 0.1])
        for change in incidents.step(at, [LIMIT.signal(CAUSE, at, value, 50 + at)])
    ]
    opened, resolved = changes
    assert (opened.incident.since, opened.incident.opened_at) == (0, 1)
    assert opened.incident.opened_by.text == "drift 0.6, above 0.2"
    assert (opened.incident.count, opened.incident.worst) == (2, 0.6)
    assert opened.incident.state is State.OPEN
    last = resolved.incident
    assert (last.id, last.opened_by) == (opened.incident.id, opened.incident.opened_by)
    assert (last.count, last.worst, last.last_at, last.latest.value) == (4, 0.8, 3, 0.4)
    assert (last.resolved_at, last.state) == (5, State.RESOLVED)
    assert incidents.open == ()


def test_each_rule_and_each_cause_has_its_own() -> None:
    other = Cause("water", "low_accuracy", "model water-leak")
    low = SignalBound("average precision", 0.5, high_is_bad=False)
    incidents = Incidents({"low_accuracy": Hysteresis(1, 1, 0, 1_000)}, RULE)
    first = incidents.step(
        1, [LIMIT.signal(CAUSE, 1, 0.3, 50), low.signal(other, 1, 0.4), low.signal(other, 1, 0.3)]
    )
    assert [change.incident.cause for change in first] == [other]
    assert incidents.open[0].latest.text == "average precision 0.3, below 0.5"
    incidents.step(2, [LIMIT.signal(CAUSE, 2, 0.3, 50)])
    assert [incident.cause for incident in incidents.open] == [CAUSE, other]


def test_an_open_incident_is_told_again_without_a_signal() -> None:
    incidents = Incidents(default=RULE)
    incidents.step(0, [LIMIT.signal(CAUSE, 0, 1.0, 50)])
    assert incidents.step(99) == ()
    (again,) = incidents.step(100)
    assert (again.turn, again.at) == (Turn.RENOTIFIED, 100)
    assert incidents.step(150) == ()


def test_a_repeated_step_changes_nothing() -> None:
    incidents = Incidents(default=RULE)
    bad = LIMIT.signal(CAUSE, 5, 0.3, 50)
    assert [incidents.step(5, [bad]) for _ in range(3)] == [(), (), ()]
    assert incidents.open == ()
    with pytest.raises(ValueError, match="a signal of 7 in the step of 6"):
        incidents.step(6, [LIMIT.signal(CAUSE, 7, 0.3, 50)])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"is_good": True}, "cannot be bad and good"),
        ({"is_bad": False, "is_severe": True}, "a severe signal is bad"),
        ({"value": math.nan}, "needs a figure"),
    ],
)
def test_a_signal_that_cannot_be_is_refused(change: dict[str, Any], match: str) -> None:
    given: dict[str, Any] = {"is_bad": True, "is_good": False, "value": 0.3, "bound": 0.2}
    with pytest.raises(ValueError, match=match):
        Signal(CAUSE, 0, text="", **given | change)


def test_numbers_that_cannot_be_are_refused() -> None:
    for change in ({"bad_steps": 0}, {"good_steps": 0}, {"renotify": 0}, {"min_samples": -1}):
        with pytest.raises(UsageError, match=next(iter(change))):
            Hysteresis(**change)
    with pytest.raises(UsageError, match="the margin cannot be -1"):
        SignalBound("drift", 0.2, margin=-1.0)
    with pytest.raises(UsageError, match=r"0\.1 is better than the bound, 0\.2"):
        SignalBound("drift", 0.2, hard=0.1)
