"""A version that fails keeps no event waiting; a service that is down is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamsim.consumers.predict.model_schedule import Change, Entry, Schedule
from streamsim.consumers.predict.plans import Plan
from streamsim.consumers.worker import stand_in
from streamsim.consumers.worker.stand_in import StandIns
from streamsim.streams.answers import Answers
from streamsim.streams.errors import BadRequest, ScorerUnavailable, VersionFails
from streamsim.streams.events import NO_TIME, Matrix
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY
from tests.property.driving import SIGNATURE
from tests.property.logs import SPEC, START
from tests.unit.running import Stack, between, events, labels_to, until

ONE = Signature("m", "1", ("a",), "hash", 0.5, (0.0,))
TWO, THREE = replace(ONE, version="2"), replace(ONE, version="3")
ROWS = np.zeros((4, 1), np.float32)
FAILS, DOWN = VersionFails("ValueError: no"), ScorerUnavailable("refused")
MEANT: Any = "an answer"
SILENT: Any = "no answer at all"


class Scorer:
    """Plays what each version does at each call; the last act is repeated."""

    def __init__(self, **acts: Iterable[Any]) -> None:
        self.acts = {name.removeprefix("v"): list(own) for name, own in acts.items()}
        self.asked: list[str] = []

    async def score(self, rows: Matrix, version: str | None = None) -> Answers:
        assert version is not None
        self.asked.append(version)
        await asyncio.sleep(0)
        acts = self.acts[version]
        act = acts.pop(0) if len(acts) > 1 else acts[0]
        if act is SILENT:
            await asyncio.Event().wait()
        if isinstance(act, Exception):
            raise act
        return np.full(len(rows), float(version))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "RETRY_S", (0.0,))
    monkeypatch.setattr(stand_in, "SILENT_S", 0.01)
    monkeypatch.setattr(stand_in, "AGAIN_S", 0.01)


def ask(scorer: Scorer, *versions: Signature) -> tuple[str, str]:
    found = asyncio.run(StandIns(scorer).ask(ROWS, versions[0], versions[1:]))
    assert found.answer.tolist() == [float(found.by.version)] * len(ROWS)
    return found.by.version, found.why


def test_a_version_that_answers_needs_no_stand_in() -> None:
    scorer = Scorer(v1=[MEANT], v2=[FAILS, FAILS, MEANT])
    assert ask(scorer, TWO, ONE) == ("2", "")
    assert scorer.asked == ["2", "2", "2"]


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (FAILS, "ValueError: no"),
        (SILENT, "no answer in 0.01 s"),
        (BadRequest("rows of 3 columns"), "rows of 3 columns"),
    ],
    ids=["error", "silence", "refusal"],
)
def test_a_version_that_fails_is_stood_in_for(act: Any, why: str) -> None:
    assert ask(Scorer(v1=[MEANT], v2=[act]), TWO, ONE) == ("1", why)
    assert ask(Scorer(v1=[MEANT], v2=[act], v3=[act]), THREE, TWO, ONE) == ("1", why)


def test_a_service_that_is_down_is_waited_for_and_no_version_is_blamed() -> None:
    scorer = Scorer(v1=[DOWN] * 20 + [MEANT], v2=[DOWN] * 30 + [MEANT])
    assert ask(scorer, TWO, ONE) == ("2", "")
    assert "1" not in scorer.asked


def test_without_a_stand_in_that_answers_both_are_asked_on() -> None:
    scorer = Scorer(v1=[DOWN], v2=[FAILS] * 40 + [MEANT])
    assert ask(scorer, TWO, ONE) == ("2", "")
    assert scorer.asked.count("1") > 5
    assert ask(Scorer(v1=[FAILS] * 40 + [MEANT]), ONE) == ("1", "")


def test_rows_that_both_refuse_are_refused() -> None:
    with pytest.raises(BadRequest, match="not finite"):
        ask(Scorer(v1=[BadRequest("not finite")], v2=[BadRequest("not finite")]), TWO, ONE)


def test_an_error_of_our_own_is_not_hidden_by_a_stand_in() -> None:
    with pytest.raises(ZeroDivisionError):
        ask(Scorer(v1=[MEANT], v2=[ZeroDivisionError()]), TWO, ONE)


def test_a_version_that_failed_is_asked_again_after_a_pause() -> None:
    now = [100.0]
    scorer = Scorer(v1=[MEANT], v2=[FAILS])
    own = StandIns(scorer, lambda: now[0])

    def asked() -> list[str]:
        scorer.asked.clear()
        asyncio.run(own.ask(ROWS, TWO, (ONE,)))
        return list(scorer.asked)

    first, second = asked(), asked()
    assert first[:3] == ["2"] * 3
    assert second[0] == "2"  # at once
    assert "1" in first
    assert "1" in second
    assert asked() == ["1"]
    now[0] += stand_in.PAUSE_S[1]
    again = asked()
    assert again[0] == "2"
    assert "1" in again
    assert asked() == ["1"]
    now[0] += stand_in.PAUSE_S[2]
    scorer.acts["2"] = [MEANT]
    assert asked() == ["2"]
    assert asked() == ["2"]


def test_a_hiccup_costs_the_batches_that_met_it_and_no_other() -> None:
    scorer = Scorer(v1=[MEANT], v2=[MEANT, FAILS])
    own = StandIns(scorer)

    async def story() -> list[str]:
        both = [own.ask(ROWS, TWO, (ONE,)) for _ in range(2)]
        found = [await own.ask(ROWS, TWO, (ONE,)), *await asyncio.gather(*both)]
        scorer.acts["2"] = [MEANT]
        return [one.by.version for one in [*found, await own.ask(ROWS, TWO, (ONE,))]]

    assert asyncio.run(story()) == ["2", "1", "1", "2"]


def test_rows_that_the_stand_in_refuses_are_left_to_the_version_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stand_in, "PAUSE_S", (9.0,))
    scorer = Scorer(v1=[BadRequest("rows of 3 columns")], v2=[*[FAILS] * 40, MEANT])
    assert ask(scorer, TWO, ONE) == ("2", "")
    scorer.acts |= {"1": [MEANT], "2": [FAILS]}
    own = StandIns(scorer)

    async def story() -> list[str]:
        first = await own.ask(ROWS, TWO, (ONE,))
        scorer.acts |= {"1": [BadRequest("rows of 3 columns")], "2": [MEANT]}
        return [first.by.version, (await own.ask(ROWS, TWO, (ONE,))).by.version]

    assert asyncio.run(story()) == ["1", "2"]


def test_a_version_that_failed_is_asked_again_if_its_stand_in_fails_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stand_in, "PAUSE_S", (0.05,))
    scorer = Scorer(v1=[MEANT], v2=[FAILS])
    own = StandIns(scorer)

    async def story() -> tuple[str, str]:
        first = await own.ask(ROWS, TWO, (ONE,))
        scorer.acts |= {"1": [DOWN], "2": [MEANT]}
        return first.by.version, (await own.ask(ROWS, TWO, (ONE,))).by.version

    assert asyncio.run(story()) == ("1", "2")


def schedule(plan: Plan) -> Schedule:
    """A schedule in which a plan holds from the tenth day on."""
    own = Schedule(SIGNATURE)
    change = Change("canary", 1, plan, "ann", "a trial")
    far = START + 400 * DAY
    own.add(Entry(SIGNATURE.model, "1", 0.5, NO_TIME, START + 10 * DAY, False))
    own.add(Entry(SIGNATURE.model, "1", 0.5, START + 10 * DAY, far, True, change))
    return own


OTHER = replace(SIGNATURE, version="other")
PLANS = {
    "canary": Plan(SIGNATURE, OTHER, 0.99),
    "champion": Plan(OTHER, stand_in=SIGNATURE),
    "champion beside the one before as canary": Plan(OTHER, SIGNATURE, 0.01, stand_in=SIGNATURE),
}


@pytest.mark.parametrize("role", PLANS)
@pytest.mark.parametrize("threshold", [0.0, 1.1], ids=["alerts", "none"])
def test_all_is_scored_though_a_version_fails_and_each_score_names_who_made_it(
    role: str, threshold: float
) -> None:
    plan = PLANS[role]
    plan = replace(plan, champion=replace(plan.champion, threshold=threshold))

    async def story() -> Stack:
        stack = Stack(schedule=schedule(plan))
        stack.failing["other"] = FAILS
        stack.write(labels_to(90))
        for p in range(SPEC.partitions):
            stack.write(events(p, between(0, 20, 40)))
        async with stack.running():
            await until(lambda: set(stack.counts().values()) == {40}, stack.counts)
        return stack

    stack = asyncio.run(story())
    assert {headers["model_version"] for headers in stack.headers} == {SIGNATURE.version.encode()}
    stood_in = [headers for headers in stack.headers if "stands_in_for" in headers]
    assert {headers["stands_in_for"] for headers in stood_in} == {b"other"}
    told = {own["version"]: own for own in stack.counts_of_versions.as_list() if own["since"] > 0}
    assert told["other"]["role"] == role.partition(" ")[0]
    assert told["other"]["failed"] == told["other"]["times"] > 0
    assert told["other"]["failed_rows"] == len(stood_in) == 20 * SPEC.partitions
    assert told["other"]["why"] == "ValueError: no"
