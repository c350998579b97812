"""Requirements on a running stack become a threshold of alerts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsim.simulator.run.life.requirements import threshold_of
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import UsageError

RISKS = np.linspace(0, 1, 101)
CALIBRATED = replace(
    SPEC, model=replace(SPEC.model, recipe=replace(SPEC.model.recipe, calibrated=True))
)


@pytest.mark.parametrize("per_day", [0.5, 5, 20, 49])
def test_a_budget_is_not_exceeded_and_a_lower_threshold_would_exceed_it(per_day: float) -> None:
    found = threshold_of(SPEC, {"alerts_per_day": per_day}, lambda: (RISKS, 2.0))
    assert (found <= RISKS).sum() <= per_day * 2
    assert (found - 0.011 <= RISKS).sum() > per_day * 2


def test_equal_scores_alert_together_or_not_at_all() -> None:
    risks = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    assert threshold_of(SPEC, {"alerts_per_day": 2}, lambda: (risks, 1.0)) == 0.9
    assert threshold_of(SPEC, {"alerts_per_day": 9}, lambda: (risks, 1.0)) == 0.1


def test_a_cost_is_the_odds_from_which_an_alert_pays() -> None:
    assert threshold_of(CALIBRATED, {"false_alarm_cost": 0.25}, lambda: (RISKS, 1.0)) == 0.2


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "one thing"),
        ({"threshold": 0.5, "alerts_per_day": 3.0}, "one thing"),
        ({"horizon": 1.0}, "a new model"),
        ({"budget": 1.0}, "alerts_per_day"),
        ({"threshold": 1.5}, "between 0 and 1"),
        ({"false_alarm_cost": 0.5}, "no probabilities"),
        ({"alerts_per_day": 0.0}, "above 0"),
    ],
)
def test_what_cannot_be_met_is_refused(values: dict[str, float], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        threshold_of(SPEC, values, lambda: (RISKS, 1.0))


def test_without_judged_scores_a_budget_says_nothing() -> None:
    with pytest.raises(UsageError, match="judged"):
        threshold_of(SPEC, {"alerts_per_day": 5.0}, lambda: (np.empty(0), 0.0))
