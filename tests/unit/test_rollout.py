"""Each stage of a roll-out: it waits, passes, or fails, by what the stream shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from streamsim.consumers.monitor.labelled_scores import NO_SHADOW, LabelledScores
from streamsim.consumers.monitor.prequential.labelled_steps import LabelledSteps
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.consumers.predict.model_schedule import Change
from streamsim.consumers.predict.plans import Plan
from streamsim.simulator.run.life.rollout import Rollout, Stage, Step, next_step, rollout_of
from streamsim.streams.domains.technology import SPEC as TECHNOLOGY
from streamsim.streams.events import Ints
from streamsim.streams.spec import DAY, DomainSpec
from tests.lives import ADAPTATION, SPEC
from tests.property.chained import signature

OLD, NEW = signature(SPEC), replace(signature(SPEC), version="2")
SINCE = 100 * DAY
OWN = Rollout("r", "2", "1", Stage.SHADOW, SINCE)
N = 200
NEVER = -1


def steps_of(
    days: float,
    *,
    score: Callable[[Ints], Ints] = lambda label: 400_000 + 200_000 * label,
    shadow: Callable[[Ints], Ints] | None = None,
    version: Callable[[Ints], Ints] | None = None,
    label: Callable[[Ints], Ints] = lambda number: number % 2,
    most: int = 10_000,
    n: int = N,
) -> LabelledSteps:
    """Return labelled scores of so many days from the begin of a stage on.

    ``version`` is 1 or 2 by the number of the event; ``shadow`` and ``score`` are by its label.
    """
    number = np.arange(n)
    labels = label(number)
    own = np.ones(n, np.int64) if version is None else version(number)
    codes = np.array([name_code("1"), name_code("2")])[own - 1]
    shadows = np.full(n, NO_SHADOW) if shadow is None else shadow(labels)
    time = SINCE + (number * days * DAY / n).astype(np.int64)
    steps = LabelledSteps(1, step=DAY // 4, span=30 * DAY, most=most)
    until = SINCE + int(days * DAY)
    none = np.zeros(n, np.int64)
    told = LabelledScores(0, SINCE, until, 0, (), time, score(labels), labels, codes, shadows, none)
    assert list(steps.apply(told))
    return steps


def step(
    stage: Stage, steps: LabelledSteps, spec: DomainSpec = SPEC, level: float | None = None
) -> Step | None:
    plan = Plan(OLD, NEW, 0.25) if stage is Stage.CANARY else Plan(OLD)
    own = replace(OWN, stage=stage, level=level)
    return next_step(spec, ADAPTATION, own, steps, plan)


def good(label: Ints) -> Ints:
    return 100_000 + 800_000 * label


def bad(label: Ints) -> Ints:
    return 600_000 - 200_000 * label


def seldom(label: Ints) -> Ints:
    return np.where(np.arange(len(label)) % 5, good(label), NO_SHADOW)


def fourth(number: Ints) -> Ints:
    return np.where(number % 4 < 2, 1, 2)


def test_a_shadow_that_is_better_passes() -> None:
    found = step(Stage.SHADOW, steps_of(1, shadow=good))
    assert found is not None
    assert found.passes
    assert found.evidence["rows"] == N
    assert found.evidence["gain"]["value"] == pytest.approx(0.15)
    assert found.evidence["champion"] == pytest.approx(0.16)
    assert "brier +0.150" in found.why


def test_a_shadow_that_is_worse_fails() -> None:
    found = step(Stage.SHADOW, steps_of(1, shadow=bad))
    assert found is not None
    assert not found.passes
    assert found.evidence["gain"]["value"] < 0


def test_a_shadow_that_leaves_events_out_fails_also_where_few_rows_are_kept() -> None:
    for most in (10_000, 50):
        found = step(Stage.SHADOW, steps_of(1, shadow=seldom, most=most))
        assert found is not None
        assert not found.passes
        assert "left 20% of the events out" in found.why


def test_a_shadow_waits_for_its_time_for_enough_rows_and_for_both_classes() -> None:
    def ones(number: Ints) -> Ints:
        return np.ones_like(number)

    areas = replace(SPEC.alerting.accuracy, metric="roc_auc")
    by_area = replace(SPEC, alerting=replace(SPEC.alerting, accuracy=areas))
    assert step(Stage.SHADOW, steps_of(0.75, shadow=good)) is None
    assert step(Stage.SHADOW, steps_of(1, shadow=good, n=10)) is None
    assert step(Stage.SHADOW, steps_of(4, shadow=good, label=ones), by_area) is None
    late = step(Stage.SHADOW, steps_of(5, shadow=good, label=ones), by_area)
    assert late is not None
    assert not late.passes


def test_a_shadow_with_too_few_events_is_ended_in_the_end() -> None:
    found = step(Stage.SHADOW, steps_of(6, shadow=good, n=10))
    assert found is not None
    assert not found.passes
    assert found.why == "only 10 events in shadow"


def test_of_slates_a_shadow_only_has_to_answer() -> None:
    assert TECHNOLOGY.model.slate is not None
    spec = replace(SPEC, model=replace(SPEC.model, slate=TECHNOLOGY.model.slate))
    found = step(Stage.SHADOW, steps_of(1, shadow=bad), spec)
    assert found is not None
    assert found.passes


def canary(own: Callable[[Ints], Ints], rest: Callable[[Ints], Ints], **more: float) -> Step | None:
    def score(label: Ints) -> Ints:
        return np.where(np.arange(len(label)) % 4 < 2, rest(label), own(label))

    return step(Stage.CANARY, steps_of(more.get("days", 1), score=score, version=fourth))


def test_a_canary_that_is_no_worse_passes() -> None:
    found = canary(good, good)
    assert found is not None
    assert found.passes
    assert found.evidence["rows"] == N // 2
    assert found.evidence["alerts"] == found.evidence["alerts_rest"] == 0.5
    assert found.why.startswith(f"it answered {N // 2} of {N} events as canary")


def test_a_canary_that_is_worse_fails() -> None:
    found = canary(bad, good)
    assert found is not None
    assert not found.passes
    assert "of the others 0.010" in found.why


def test_a_canary_that_raises_many_more_alerts_fails() -> None:
    found = canary(lambda label: 0 * label + 900_000, lambda label: 0 * label + 600_000)
    assert found is not None
    assert not found.passes
    assert "raised alerts on 100.0%, not 0.0%" in found.why


def test_a_canary_waits_for_its_time_and_for_events_but_not_for_ever() -> None:
    assert canary(good, good, days=0.75) is None
    assert step(Stage.CANARY, steps_of(1)) is None
    late = step(Stage.CANARY, steps_of(5))
    assert late is not None
    assert not late.passes


def test_a_canary_without_labels_passes_by_its_scores() -> None:
    never = steps_of(1, version=fourth, label=lambda number: 0 * number + NEVER)
    found = step(Stage.CANARY, never)
    assert found is not None
    assert found.passes
    assert "metric" not in found.evidence


def champion(
    score: Callable[[Ints], Ints], level: float | None, n: int = N, days: float = 1
) -> Step | None:
    steps = steps_of(days, score=score, version=lambda number: 0 * number + 2, n=n)
    return step(Stage.CHAMPION, steps, level=level)


def test_a_new_champion_stays_unless_it_is_worse_than_the_old_one() -> None:
    stays, falls = champion(good, 0.16), champion(bad, 0.16, days=2)
    assert stays is not None
    assert falls is not None
    assert (stays.passes, falls.passes) == (True, False)
    assert "at least 0.160 of 1 while it was in shadow" in falls.why
    # A part of a window is enough to stay, and not to fall.
    assert champion(bad, 0.16) is None


def test_a_new_champion_without_a_level_to_hold_stays() -> None:
    found = champion(bad, None)
    assert found is not None
    assert found.passes


def test_a_new_champion_waits_for_labels_of_its_own_as_champion() -> None:
    assert champion(good, 0.16, n=19) is None
    assert step(Stage.CHAMPION, steps_of(1), level=0.16) is None
    steps = steps_of(1, version=lambda number: 0 * number + 2)
    later = replace(OWN, stage=Stage.CHAMPION, since=SINCE + DAY)
    assert next_step(SPEC, ADAPTATION, later, steps, Plan(NEW)) is None


@pytest.mark.parametrize("few", ["labels", "classes"])
def test_a_new_champion_that_cannot_be_judged_stays_in_the_end(few: str) -> None:
    areas = replace(SPEC.alerting.accuracy, metric="roc_auc")
    by_area = replace(SPEC, alerting=replace(SPEC.alerting, accuracy=areas))

    def found(days: float) -> Step | None:
        one_class = (lambda number: 0 * number + 1) if few == "classes" else lambda n: n % 2
        n = N if few == "classes" else 19
        steps = steps_of(days, version=lambda number: 0 * number + 2, label=one_class, n=n)
        return step(Stage.CHAMPION, steps, by_area, level=0.16)

    assert found(9.5) is None
    last = found(11)
    assert last is not None
    assert last.passes


def test_a_roll_out_is_read_back_from_what_was_decided() -> None:
    for event, plan, told, expected in (
        ("shadow", Plan(OLD, shadow=NEW), {}, OWN),
        ("canary", Plan(OLD, NEW, 0.2), {"champion": 0.2},
         replace(OWN, stage=Stage.CANARY, level=0.2)),
        ("promoted", Plan(NEW), {"from": "1", "level": 0.2},
         replace(OWN, stage=Stage.CHAMPION, level=0.2)),
        ("withdrawn", Plan(OLD), {}, None),
        ("rolled back", Plan(OLD), {"from": "2"}, None),
    ):  # fmt: skip
        change = Change(event, 1, plan, "streamsim", "why", told)
        assert rollout_of(change, "r", SINCE) == expected
    assert Rollout.from_dict(OWN.as_dict()) == OWN
