"""What a spec declares of adaptation is refused where it cannot work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DAY, Adaptation, Margins, Policy
from streamsim.streams.spec.adapting import Trigger, Window


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"cooldown": -1}, "cooldown cannot be negative"),
        ({"triggers": (Trigger.SCHEDULE,)}, "needs every"),
        ({"window": Window.SLIDING}, "needs its span"),
        ({"budget": 0}, "needs a budget"),
        ({"least_positives": 0}, "at least one labelled event"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        replace(Policy(), **change)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"holdout": 1.0}, "between 0 and 1, not 1"),
        ({"gap": -1}, "a gap of 0 or more"),
        ({"most": 1_000}, "wants 2000 events cannot learn from the newest 1000"),
        ({"changes": ("model",)}, "no part model to change"),
    ],
)
def test_an_adaptation_that_cannot_work_is_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        replace(Adaptation(), **change)


def test_margins_below_zero_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot be negative"):
        Margins(segment=-0.1)
    with pytest.raises(UsageError, match="must be above 0"):
        Margins(latency=0.0)


def test_a_span_of_which_the_label_delay_leaves_nothing_is_refused() -> None:
    def of_span(days: int) -> Adaptation:
        return Adaptation(Policy(window=Window.SLIDING, span=days * DAY))

    assert SPEC.labels.delay == 7 * DAY
    replace(SPEC, model=replace(SPEC.model, adaptation=of_span(11)))
    with pytest.raises(UsageError, match=r"finance: an adaptation learns .* nothing is left"):
        replace(SPEC, model=replace(SPEC.model, adaptation=of_span(10)))
