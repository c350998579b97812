"""Alerts on real data are judged by the labels of their events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from streamsim.simulator.report.alert_labels import alert_labels
from streamsim.simulator.report.judge import LabelledScores
from streamsim.streams.codec import encode_objects
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.spec import DomainSpec

FINANCE = load_domain("finance")
RULE = FINANCE.alerting.rule


def judged(label: list[int], final: list[bool]) -> LabelledScores:
    ids = list("abcdefgh"[: len(label)])
    n = np.zeros(len(ids))
    return LabelledScores(ids, ids, n.astype(np.int64), n, np.array(label), np.array(final))


def alerts(*events: str, rule: str = RULE.name) -> list[bytes]:
    return [
        value
        for value in encode_objects({"rule": [rule] * len(events), "event_id": list(events)})
        if value
    ]


def of(spec: DomainSpec = FINANCE, *raised: str) -> dict[str, Any] | None:
    labels = judged([1, 0, 1, 0, 1], [True, True, True, True, False])
    return alert_labels(spec, [*alerts(*raised), *alerts("d", rule="another")], labels)


def test_confirmed_are_the_alerts_whose_event_has_the_label() -> None:
    """The label of "e" may still change, and "z" was never scored."""
    assert of(FINANCE, "a", "b", "e", "z") == {
        "labelled": 2,
        "confirmed": 1,
        "precision": 0.5,
        "chance_precision": 0.5,
        "recall": 0.5,
    }


def test_a_rule_may_be_about_the_other_class_and_about_some_entities_only() -> None:
    other = replace(RULE, about=0, risk=lambda s: 1 - s, eligible=lambda f: f[:, 0] > 0)
    spec = replace(FINANCE, alerting=replace(FINANCE.alerting, rule=other))
    found = of(spec, "b", "d", "a")
    assert found is not None
    assert (found["confirmed"], found["labelled"], found["recall"]) == (2, 3, None)


def test_without_alerts_or_labels_there_is_no_precision() -> None:
    found = of(FINANCE)
    assert found is not None
    assert (found["labelled"], found["precision"], found["recall"]) == (0, None, 0.0)
    assert alert_labels(FINANCE, alerts("a"), judged([1], [False])) is None
