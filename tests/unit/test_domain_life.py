"""The life of a model: what decides, from when on, and that it can be told again."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from streamsim.consumers.predict.model_schedule import Entry, read_entry
from streamsim.consumers.predict.plans import Plan
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.domain_life import DomainLife
from streamsim.simulator.run.life.life_requests import new_request
from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.domains.technology import SPEC as TECHNOLOGY
from streamsim.streams.errors import ModelError
from streamsim.streams.events import NO_TIME
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY, DomainSpec
from tests.property.chained import signature


class Told:
    """What was announced, and a life that goes on from it."""

    def __init__(self, spec: DomainSpec = FINANCE) -> None:
        self.spec = spec
        self.champion = replace(signature(spec), model=spec.model.recipe.name)
        self.news: list[News] = []
        self.life = self.begin()

    def begin(self) -> DomainLife:
        return DomainLife(
            self.spec, self.champion, "run", self.entries(), self.find, self.news.append
        )

    def find(self, version: str) -> Signature:
        if version == "missing":
            raise ModelError("no model missing")
        return replace(self.champion, version=version)

    def entries(self) -> list[Entry]:
        model = self.spec.model.recipe.name
        found = [read_entry(orjson.dumps(n.body), "run", model) for n in self.news if n.body]
        return [entry for entry in found if entry is not None]

    def ask(self, action: str, version: str = "", **more: float) -> dict[str, object]:
        share, values = more.pop("share", 0.0), more
        self.life.carry_out(
            new_request(
                "run", self.life.model, action, version=version, share=share, who="ann",
                why="a trial", values=values,
            )
        )  # fmt: skip
        return dict(self.news[-1].body or {})


@pytest.fixture
def told() -> Told:
    told = Told()
    told.life.observe(100 * DAY, 1.0)
    assert told.life.extend()
    return told


def test_a_schedule_is_ahead_of_the_clocks_before_anything_is_decided() -> None:
    told = Told()
    assert not told.life.has_begun
    assert not told.life.extend()
    told.life.observe(100 * DAY, 1.0)
    assert told.life.extend()
    assert told.life.schedule.until > 100 * DAY + told.spec.trigger.max_ahead
    assert not told.life.extend()


def test_a_decision_takes_effect_where_no_event_was_scored(told: Told) -> None:
    until = told.life.schedule.until
    body = told.ask("promote", "7")
    assert body["event"] == "promoted"
    assert told.life.schedule.at(until - 1).champion.version == told.champion.version
    assert told.life.schedule.at(until).champion.version == "7"
    assert told.news[-1].default == told.find("7")


def test_each_step_of_a_life_and_the_way_back(told: Told) -> None:
    first = told.champion
    told.ask("shadow", "7")
    assert told.life.plan == Plan(first, shadow=told.find("7"))
    told.ask("canary", "7", share=0.25)
    assert told.life.plan == Plan(first, told.find("7"), 0.25)
    told.ask("promote", "7")
    told.ask("rollback")
    assert told.life.plan == Plan(first)
    told.ask("promote", "7")
    told.ask("canary", "8", share=0.25)
    told.ask("withdraw")
    assert told.life.plan == Plan(told.find("7"), stand_in=first)
    told.ask("promote", "8")
    assert told.life.plan == Plan(told.find("8"), stand_in=told.find("7"))
    told.ask("rollback")
    told.ask("rollback")
    assert told.life.plan == Plan(told.find("8"))
    told.ask("promote", "1")
    told.ask("rollback")
    told.ask("promote", "1")
    assert told.life.plan == Plan(first, stand_in=told.find("8"))
    told.ask("shadow", "7")
    told.ask("withdraw")
    assert told.life.plan == Plan(first, stand_in=told.find("8"))
    told.ask("set", threshold=0.25)
    assert told.life.plan.champion == replace(first, threshold=0.25)
    assert told.life.plan.stand_in == told.find("8")


@pytest.mark.parametrize(
    ("action", "version", "more", "why"),
    [
        ("promote", "missing", {}, "no model missing"),
        ("promote", "1", {}, "champion already"),
        ("shadow", "1", {}, "is the champion"),
        ("canary", "7", {"share": 1.5}, "share"),
        ("rollback", "", {}, "first champion"),
        ("withdraw", "", {}, "neither"),
        ("set", "", {"horizon": 3.0}, "a new model"),
        ("set", "", {"alerts_per_day": 3.0}, "no scores"),
        ("set", "", {"false_alarm_cost": 0.1}, "no probabilities"),
        ("set", "", {"threshold": 3.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    told: Told, action: str, version: str, more: dict[str, float], why: str
) -> None:
    before = told.life.plan, told.life.schedule.changes
    body = told.ask(action, version, **more)
    assert body["event"] == "refused"
    assert why in str(body["why"])
    assert (told.life.plan, told.life.schedule.changes) == before


def test_no_version_returns_that_is_deleted(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    told.ask("promote", "4")

    def find(version: str) -> Signature:
        raise ModelError(f"no version {version}")

    monkeypatch.setattr(told.life, "find", find)
    assert told.ask("rollback")["event"] == "refused"
    assert told.life.plan.champion.version == "4"


def test_a_restarted_life_goes_on_where_it_was(told: Told) -> None:
    told.ask("canary", "7", share=0.25)
    told.life.observe(120 * DAY, 2.0)
    told.life.extend()
    told.ask("promote", "7")
    again = told.begin()
    for time in (0, 100 * DAY, told.life.schedule.until):
        assert again.schedule.at(time) == told.life.schedule.at(time)
    assert again.schedule.until == told.life.schedule.until
    assert again.schedule.changes == 2


def test_after_a_decision_renewals_are_made_and_do_not_answer() -> None:
    told = Told(TECHNOLOGY)
    model, champion = told.life.model, told.champion
    first = Entry(model, "1-20250109T0000", 0.5, NO_TIME, 100 * DAY, is_new=False)
    told.life.renewed(first, None)
    told.ask("promote", "7")
    made = Entry(model, "1-20250116T0000", champion.threshold, 107 * DAY, 114 * DAY, is_new=True)
    told.life.renewed(made, object())  # type: ignore[arg-type]
    assert told.news[-1].made is not None
    assert told.life.schedule.at(108 * DAY).champion.version == "7"
    assert told.life.schedule.until == 114 * DAY
    assert told.begin().schedule.at(108 * DAY).champion.version == "7"
