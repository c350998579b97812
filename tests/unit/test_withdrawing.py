"""A version on trial that fails is withdrawn before any label is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamsim.consumers.monitor.version_counts import Count, Part
from streamsim.consumers.predict.plans import Plan
from streamsim.simulator.run.life.withdrawing import Withdrawing
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY
from streamsim.streams.spec.adapting import Trial
from tests.lives import ADAPTATION, BAD, World, better
from tests.unit.test_domain_life import Told


@pytest.fixture
def told() -> Told:
    told = Told()
    told.life.observe(100 * DAY, 1.0)
    assert told.life.extend()
    return told


def failing(
    told: Told, role: str, version: str, *, times: int = 37, since: int | None = None
) -> dict[Part, Count]:
    at = told.life.schedule.since if since is None else since
    return {Part(at, role, version): Count(times, 90, times, 90, why="ValueError: no")}


def decisions(told: Told) -> list[dict[str, Any]]:
    bodies = [dict(news.body) for news in told.news if news.body is not None]
    return [body for body in bodies if body.get("who") == "streamsim"]


@pytest.mark.parametrize(
    ("action", "role", "event"),
    [
        ("shadow", "shadow", "withdrawn"),
        ("canary", "canary", "withdrawn"),
        ("promote", "champion", "rolled back"),
    ],
)
def test_a_version_that_fails_is_taken_back_with_its_reason(
    told: Told, action: str, role: str, event: str
) -> None:
    more = {"share": 0.25} if action == "canary" else {}
    told.ask(action, "7", **more)
    until, own = told.life.schedule.until, Withdrawing(told.life, Trial())
    own.take(0, 1, failing(told, role, "7", times=19))
    assert decisions(told) == []
    for _ in range(3):
        own.take(0, 1, failing(told, role, "7"))
    (body,) = decisions(told)
    assert body["event"] == event
    assert body["why"] == f"7 failed 37 of 37 times as {role}: ValueError: no"
    assert body["evidence"]["failed"] == 37
    assert told.life.plan == Plan(told.champion)
    assert told.life.schedule.since == until


def test_a_champion_without_a_stand_in_stays(told: Told) -> None:
    own, first = Withdrawing(told.life, Trial()), told.champion.version
    own.take(0, 1, failing(told, "champion", first, since=0))
    told.ask("promote", "7")
    told.ask("rollback")
    own.take(0, 2, failing(told, "champion", first))
    assert decisions(told) == []


def test_a_shadow_is_withdrawn_alone(told: Told) -> None:
    told.ask("canary", "7", share=0.25)
    told.ask("shadow", "8")
    Withdrawing(told.life, Trial()).take(0, 1, failing(told, "shadow", "8"))
    assert told.life.plan == Plan(told.champion, told.find("7"), 0.25)


def test_what_a_version_did_before_its_trial_does_not_count(told: Told) -> None:
    told.ask("canary", "7", share=0.25)
    before = failing(told, "canary", "7")
    told.ask("withdraw")
    told.life.observe(101 * DAY, 2.0)
    told.life.extend()
    told.ask("canary", "7", share=0.25)
    own = Withdrawing(told.life, Trial())
    own.take(0, 1, before)
    assert decisions(told) == []
    told.ask("set", threshold=0.4)  # a plan in the middle of the trial
    own.take(0, 1, before | failing(told, "canary", "7"))
    assert [body["event"] for body in decisions(told)] == ["withdrawn"]


def test_a_champion_before_that_is_deleted_does_not_return(
    told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told.ask("promote", "7")

    def find(version: str) -> Signature:
        raise ModelError(f"no model {version}")

    find_: Callable[[str], Signature] = find
    monkeypatch.setattr(told.life, "find", find_)
    own = Withdrawing(told.life, Trial())
    for _ in range(3):
        own.take(0, 1, failing(told, "champion", "7"))
    assert decisions(told) == []
    assert len([text for text in caplog.messages if "stays" in text]) == 1


@pytest.mark.parametrize(("stage", "role"), [("canary", "canary"), ("promoted", "champion")])
def test_a_trial_of_the_policys_own_ends_with_it(tmp_path: Path, stage: str, role: str) -> None:
    """What the policy tries may fail as well: it goes on with the champion before."""
    world = World(tmp_path)
    world.play(8)
    world.off["1"] = BAD
    world.learner.outcome = better()
    world.play_until(stage)
    life = world.own.life
    counts = {Part(life.schedule.since, role, "1-7"): Count(30, 60, 30, 60, why="no")}
    Withdrawing(life, ADAPTATION.trial).take(0, 1, counts)
    world.learner.outcome = None
    world.play(20)
    ends = {"canary": "withdrawn", "promoted": "rolled back"}
    assert len(world.bodies_of(ends[stage])) == 1
    assert len(world.bodies_of("promoted")) == (stage == "promoted")
    assert world.plan == Plan(world.champion)
    if stage == "canary":  # it is still bad, and another challenger is learnt
        assert len(world.learner.begun) == 2
