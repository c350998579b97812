"""Adaptation in a run: noticed, learnt, tried and promoted, or not, and each once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamsim.consumers.monitor.incidents.grouping import EntityAlert
from streamsim.consumers.monitor.incidents.incident import Cause, Change, Incident, Signal, Turn
from streamsim.consumers.predict.plans import Plan
from streamsim.simulator.run.life import adaptive
from streamsim.simulator.run.life.life_requests import new_request
from streamsim.simulator.run.life.watching.drift_watch import DATA_QUALITY
from streamsim.simulator.run.life.watching.error_watch import ERROR_DRIFT
from streamsim.simulator.run.life.watching.model_watch import Observed
from streamsim.streams.errors import StackError
from streamsim.streams.spec import DAY
from streamsim.streams.spec.adapting import Action, Trigger
from tests.lives import ADAPTATION, BAD, GOOD, SPEC, World, better

CHALLENGER = "1-7"


@pytest.fixture(autouse=True)
def saved_at_each_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "SAVE_S", 0.0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A model that has become bad, and whose challenger will be better."""
    world = World(tmp_path)
    world.play(8)
    world.off["1"] = BAD
    world.learner.outcome = better(CHALLENGER)
    return world


def asked(world: World, action: str, version: str = "", share: float = 0.0) -> None:
    model = world.own.life.model
    world.own.life.carry_out(
        new_request("run", model, action, version=version, share=share, who="ann", why="a trial")
    )


def count(world: World, event: str) -> int:
    return sum(own == event for own, _ in world.events)


def test_a_model_that_is_well_is_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.play(20)
    assert (world.events, world.incidents, world.learner.begun) == ([], [], [])


def test_what_got_worse_is_noticed_learnt_tried_and_promoted(world: World) -> None:
    world.play_until("promoted")
    world.play(8)
    assert world.events == [
        ("learning", "1"), ("learnt", CHALLENGER), ("shadow", "1"), ("canary", "1"),
        ("promoted", CHALLENGER),
    ]  # fmt: skip
    assert world.plan == Plan(world.find(CHALLENGER), stand_in=world.champion)
    told = [own for own in world.incidents if own["rule"] == "metric_low"]
    opened, *_, resolved = told
    assert (opened["change"], resolved["change"]) == ("opened", "resolved")
    assert len({own["id"] for own in told}) == 1
    assert opened["since"] < opened["opened_at"]
    assert opened["text"].startswith("metric low, model")
    shadow, canary, promoted = world.bodies_of("shadow", "canary", "promoted")
    ids = {own["evidence"]["request"] for own in (shadow, canary, promoted)}
    assert ids == {world.learner.begun[0].id}
    assert shadow["effective_from"] < canary["effective_from"] < promoted["effective_from"]
    assert canary["evidence"]["gain"]["low"] > 0
    assert promoted["why"].startswith("it answered")
    world.play(20)
    assert len(world.learner.begun) == 1


def test_a_challenger_that_is_refused_changes_nothing(world: World) -> None:
    refused = {"ended": "refused", "version": CHALLENGER, "why": "not better", "verdict": None}
    world.learner.outcome = refused
    told = world.play_until("learnt")
    assert (told["why"], told["evidence"]["ended"]) == ("not better", "refused")
    world.play(3)
    assert world.plan == Plan(world.champion)
    assert count(world, "shadow") == 0


def test_a_challenger_that_cannot_be_loaded_is_told_of(world: World) -> None:
    world.learner.outcome = better("missing")
    world.play_until("learnt")
    assert world.bodies[-1]["why"] == "no model missing"
    assert world.plan == Plan(world.champion)


def test_a_learning_that_dies_twice_is_given_up(world: World) -> None:
    world.learner.outcome = {}
    world.play_until("learnt")
    world.play(6)
    first, second = world.learner.begun[:2]
    assert (first.id, first.attempt, second.attempt) == (second.id, 1, 2)
    assert all(own.id != first.id for own in world.learner.begun[2:])
    assert {own["why"] for own in world.bodies_of("learnt")} == {
        "the process ended without an outcome"
    }
    assert world.plan == Plan(world.champion)


def test_a_challenger_that_is_worse_in_shadow_is_withdrawn(world: World) -> None:
    world.off[CHALLENGER] = 0.6
    told = world.play_until("withdrawn")
    assert "in shadow" in told["why"]
    assert world.plan == Plan(world.champion)
    assert count(world, "canary") == 0


@pytest.mark.parametrize(("off", "why"), [(0.62, "of the others"), (0.9, "raised alerts on 100")])
def test_a_canary_that_is_worse_is_withdrawn(world: World, off: float, why: str) -> None:
    world.play_until("canary")
    world.off[CHALLENGER] = off
    told = world.play_until("withdrawn")
    assert why in told["why"]
    assert world.plan == Plan(world.champion)


def test_a_champion_that_is_worse_than_the_one_before_is_taken_back(world: World) -> None:
    world.play_until("promoted")
    world.off[CHALLENGER] = 0.9
    told = world.play_until("rolled back")
    assert told["version"] == world.champion.version
    assert world.plan == Plan(world.champion)


@pytest.mark.parametrize(("action", "share"), [("shadow", 0.0), ("canary", 0.2)])
def test_the_trial_of_a_person_is_left_alone(world: World, action: str, share: float) -> None:
    outcome, world.learner.outcome = world.learner.outcome, None
    world.play_until("learning")
    asked(world, action, "7", share)
    world.learner.outcome = outcome
    plan = world.plan
    told = world.play_until("proposed")
    assert told["why"].startswith(f"7 is ann's {action}, so it is not tried; it is better")
    assert told["version"] == CHALLENGER
    world.play(5)
    assert world.plan == plan
    assert [event for event, _ in world.events[:4]] == ["learning", action, "learnt", "proposed"]
    asked(world, "withdraw")
    world.play_until("shadow")  # free again: the next challenger is tried
    assert world.plan.shadow is not None
    assert world.plan.shadow.version == CHALLENGER


@pytest.mark.parametrize("stage", ["shadow", "canary"])
def test_a_person_decides_otherwise_in_the_middle(world: World, stage: str) -> None:
    world.play_until(stage)
    asked(world, "withdraw")
    world.play(3)
    assert world.plan == Plan(world.champion)
    assert count(world, "promoted") == 0


def test_a_person_puts_another_version_in_the_middle(world: World) -> None:
    world.play_until("canary")
    asked(world, "promote", "9")
    world.play(5)
    assert world.plan == Plan(world.find("9"), stand_in=world.champion)
    assert count(world, "rolled back") == count(world, "withdrawn") == 0


@pytest.mark.parametrize(
    ("action", "event", "shadow"),
    [(Action.SHADOW, "shadow", True), (Action.PROPOSE, "proposed", False)],
)
def test_a_policy_may_leave_it_to_a_person(
    tmp_path: Path, action: Action, event: str, *, shadow: bool
) -> None:
    own = replace(ADAPTATION, policy=replace(ADAPTATION.policy, action=action))
    world = World(tmp_path, replace(SPEC, model=replace(SPEC.model, adaptation=own)))
    world.play(8)
    world.off["1"] = BAD
    world.learner.outcome = better(CHALLENGER)
    world.play_until(event)
    world.play(4)
    assert world.plan.champion == world.champion
    assert (world.plan.shadow is not None) is shadow
    assert count(world, "canary") == 0


def test_without_an_adaptation_it_only_watches(tmp_path: Path) -> None:
    world = World(tmp_path, replace(SPEC, model=replace(SPEC.model, adaptation=None)))
    world.play(8)
    world.off["1"] = BAD
    world.play(6)
    assert world.incidents[0]["change"] == "opened"
    assert (world.events, world.learner.begun) == ([], [])


def test_restarted_after_every_day_it_decides_the_same(world: World, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = World(tmp_path / "again")
    again.play(8)
    again.off["1"] = BAD
    again.learner.outcome = better(CHALLENGER)
    world.play_until("promoted")
    world.play(8)
    again.play_until("promoted", each=again.start)
    again.play(8, each=again.start)
    assert again.day == world.day
    assert decisions(again) == decisions(world)
    assert ids(again) == ids(world)


@pytest.mark.parametrize("stage", ["learning", "shadow", "canary", "promoted"])
def test_killed_before_it_has_saved_it_decides_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(adaptive, "SAVE_S", 1e9)
    world.play_until(stage)
    world.start()
    if stage != "promoted":
        world.play_until("promoted")
    world.play(8)
    for event in ("shadow", "canary", "promoted"):
        assert count(world, event) == 1, (event, world.events)
    assert world.plan == Plan(world.find(CHALLENGER), stand_in=world.champion)
    (shadow,) = world.bodies_of("shadow")
    assert {own.id for own in world.learner.begun} <= {shadow["evidence"]["request"]}


@pytest.mark.parametrize("stage", ["shadow", "canary", "promoted"])
def test_killed_before_it_has_announced_it_decides_the_same_again(world: World, stage: str) -> None:
    if stage != "shadow":
        world.play_until("shadow" if stage == "canary" else "canary")
    world.is_announced = False
    decided = world.play_until(stage)
    events = [body and body["event"] for body in (news.body for news in world.news)]
    del world.news[events.index(stage) :]
    world.is_announced = True
    world.start()
    world.play(12)
    assert [count(world, own) for own in ("shadow", "canary", "promoted")] == [1] * 3
    for body in world.bodies_of("shadow", "canary", "promoted"):
        assert body["evidence"]["request"] == decided["evidence"]["request"]


def test_a_file_that_is_damaged_is_named(world: World) -> None:
    world.file.write_bytes(b"\xff")
    with pytest.raises(StackError, match=r"life\.snapshot cannot be read"):
        world.start()


def test_a_storm_of_alerts_causes_one_learning(world: World) -> None:
    world.learner.outcome = None
    world.play(20)
    assert len(world.incidents) > 1  # opened, and told again
    assert len(world.learner.begun) == 1


def data_quality(world: World, turn: Turn) -> None:
    """Say that features have no values, or have them again."""
    at = world.day * DAY
    cause = Cause("finance", DATA_QUALITY, "features")
    signal = Signal(cause, at, True, False, 1.0, 0.5, "amount: unknown 100 %")
    incident = Incident(cause, at, at, signal, signal, 1, 1.0, at)
    if turn is Turn.RESOLVED:
        incident = replace(incident, resolved_at=at)
    world.own._observe(Observed(at, None, (Change(turn, at, incident),)))


def test_bad_data_are_not_learnt_from(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.play(8)
    data_quality(world, Turn.OPENED)
    world.off["1"] = BAD
    world.play(10)
    world.start()
    world.play(2)
    assert {own["rule"] for own in world.incidents} == {DATA_QUALITY, "metric_low", ERROR_DRIFT}
    assert world.learner.begun == []
    data_quality(world, Turn.RESOLVED)
    until = world.day * DAY
    world.off["1"] = GOOD
    world.play(8)
    world.off["1"] = BAD
    world.play_until("learning")
    assert world.learner.begun[0].since >= until


def test_an_alert_that_comes_after_a_later_one_counts(world: World) -> None:
    rule = SPEC.alerting.rule
    assert rule.group is not None
    start = world.day * 86_400_000
    for n in range(rule.grouped.least, 0, -1):  # the latest one first
        world.own.take_alert(EntityAlert(f"a{n}", rule.name, f"e{n}", start + n, "g"))
        world.own.tick()
    assert [own["rule"] for own in world.incidents] == [rule.name]


def decisions(world: World) -> list[tuple[str, str, str]]:
    """Return event, version and hour: the schedule's lead depends on the pace that was seen."""
    bodies = [body for body in world.bodies if body["event"] != "unchanged"]
    return [(b["event"], b["version"], str(b["effective_from"])[:13]) for b in bodies]


def ids(world: World) -> list[tuple[str, str]]:
    return [(own["id"], own["change"]) for own in world.incidents]


@pytest.mark.parametrize("triggers", [(), (Trigger.DRIFT,)])
def test_errors_that_drift_cause_a_learning_only_if_the_policy_names_drift(
    tmp_path: Path, triggers: tuple[Trigger, ...]
) -> None:
    policy = replace(ADAPTATION.policy, triggers=(Trigger.SCHEDULE, *triggers), every=900 * DAY)
    model = replace(SPEC.model, adaptation=replace(ADAPTATION, policy=policy))
    world = World(tmp_path, replace(SPEC, model=model))
    world.play(8)
    world.off["1"] = BAD
    world.play(6)
    assert ERROR_DRIFT in {own["rule"] for own in world.incidents}
    assert [cause.split()[0] for own in world.learner.begun for cause in own.causes] == [
        "wrong" for _ in triggers
    ]
