"""The lives of a stack's models: what is read reaches the right one, and foreign records none."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.models.registry import Registry
from streamsim.models.releasing import version_files
from streamsim.simulator.run.life import controller
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.controller import Config, Controller
from streamsim.simulator.run.life.life_requests import new_request
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.settings import Settings, read_settings
from streamsim.streams.spec import DAY
from streamsim.streams.topics import ALERTS, LABELLED, METRICS, OPS_MODELS, topic
from tests.lives import record
from tests.property.chained import signature

MODEL = SPEC.model.recipe.name
AT = 20_000 * DAY


class Told(NamedTuple):
    topic: str
    value: bytes | None
    offset: int = 0
    partition: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class Announced:
    """Replacement of the thread that announces."""

    def __init__(self, *_: object) -> None:
        self.news: list[News] = []

    def take(self, news: News) -> None:
        self.news.append(news)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(controller, "Announcer", Announced)
    settings: Settings = replace(read_settings(), home=str(tmp_path / "home"), token="secret")
    own = replace(signature(SPEC), model=MODEL)
    width = len(own.features)
    rows = np.random.default_rng(0).normal(size=(40, width))
    estimator = LogisticRegression().fit(rows, np.arange(40) % 2)
    registry = Registry(settings.home_path / "registry")
    for _ in range(2):
        registry.add(estimator, own, metrics={}, data={}, card="", created="now")
    return Config(
        {"finance": "1"}, "broker:1", "run", tmp_path / "models", tmp_path / "snapshots", settings
    )


def begun(config: Config, told: Sequence[Any] = ()) -> Controller:
    own = Controller(config, told)
    own.lives["finance"].observe(AT, 1.0)
    own.lives["finance"].extend()
    return own


def bodies(own: Controller) -> list[dict[str, Any]]:
    news = own.announcer.news  # type: ignore[attr-defined]
    return [dict(one.body) for one in news if one.body is not None]


def events(own: Controller) -> list[str]:
    return [body["event"] for body in bodies(own) if body["event"] != "unchanged"]


def request(
    action: str = "promote", version: str = "2", token: str = "secret", **more: Any
) -> Told:
    asked = new_request("run", more.pop("model", MODEL), action, version=version, who="ann",
                        why="a trial", **more)  # fmt: skip
    return Told(OPS_MODELS, orjson.dumps(asked.as_record(token)))


def test_what_is_asked_is_done_once_and_its_version_adopted(config: Config) -> None:
    own, asked = begun(config), request()
    for record_ in (asked, asked):
        own.take_ops(record_)
        own.tick()
    assert events(own) == ["promoted"]
    assert own.lives["finance"].plan.champion.version == "2"
    assert Registry(config.versions).versions(MODEL) == ["2"]


def test_what_is_asked_waits_until_the_schedule_has_begun(config: Config) -> None:
    own = Controller(config, [])
    own.take_ops(request())
    own.tick()
    assert events(own) == []
    own.lives["finance"].observe(AT, 1.0)
    own.tick()
    assert events(own) == ["promoted"]


def test_after_a_restart_what_was_answered_is_not_done_again_and_the_rest_is(
    config: Config,
) -> None:
    own, first, refused = begun(config), request("shadow"), request("promote", "9")
    for record_ in (first, refused):
        own.take_ops(record_)
    own.tick()
    assert events(own) == ["shadow", "refused"]
    answers = [Told(OPS_MODELS, orjson.dumps(body)) for body in bodies(own)]
    again = Controller(config, [first, refused, *answers, request("withdraw", "")])
    again.tick()
    assert events(again) == ["withdrawn"]
    assert again.lives["finance"].plan.shadow is None


def test_a_version_that_a_full_disk_does_not_take_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(version_files, "publish", full)
    own = begun(config)
    own.take_ops(request())
    own.tick()
    assert events(own) == ["refused"]
    assert bodies(own)[-1]["why"].endswith("models: No space left on device")


def test_a_request_with_another_token_or_for_another_model_does_nothing(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    own = begun(config)
    strange = request("set", "", values={"threshold": float("nan")})
    for record_ in (request(token="guessed"), request(model="water-leak"), strange):
        own.take_ops(record_)
    own.tick()
    assert events(own) == []
    assert "not signed with the run's token" in caplog.text


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b"{}", b'{"clock": 3}', b"null"])
def test_records_of_other_programs_change_nothing(config: Config, value: bytes | None) -> None:
    own = begun(config)
    until = own.lives["finance"].schedule.until
    own.take_ops(Told(OPS_MODELS, value))
    own.take_metrics(topic("finance", METRICS), [Told("", value)])
    own.take_shared(topic("finance", LABELLED), [Told(topic("finance", LABELLED), value)])
    own.take_alerts(topic("finance", ALERTS), [Told(topic("finance", ALERTS), value)])
    own.tick()
    assert events(own) == []
    assert own.lives["finance"].schedule.until == until


def test_labelled_scores_are_read_and_their_place_remembered(config: Config) -> None:
    own, name = begun(config), topic("finance", LABELLED)
    adaptive = own.adaptive["finance"]
    own.take_shared(name, [Told(name, record(0, AT, AT + DAY, []), offset=6)])
    assert adaptive.starts == {(name, 0): 7}


def counted(version: str, role: str, **other: Any) -> Told:
    """What a worker says of a version that always fails."""
    part = {"since": AT * 2, "role": role, "version": version}
    part |= {"times": 37, "rows": 90, "failed": 37, "failed_rows": 90, "ms": {}, "why": "no"}
    body = {"worker": 0, "began": 1, "versions": [part | other], "clock": {}}
    return Told(topic("finance", METRICS), orjson.dumps(body))


@pytest.mark.parametrize("clock", [2**62, 2**63 + 5, 2**64 - 1])
def test_a_clock_that_no_source_has_moves_no_schedule(config: Config, clock: int) -> None:
    own = begun(config)
    until = own.lives["finance"].schedule.until
    body = {"worker": 0, "clock": {SPEC.trigger.name: clock}}
    own.take_metrics(topic("finance", METRICS), [Told(METRICS, orjson.dumps(body))])
    own.tick()
    assert own.lives["finance"].schedule.until == until


def test_a_version_that_fails_is_withdrawn_by_what_workers_say(config: Config) -> None:
    own = begun(config)
    own.take_ops(request("canary", "2", share=0.5))
    own.tick()
    own.take_metrics(topic("finance", METRICS), [counted("2", "canary")] * 3)
    assert events(own) == ["canary", "withdrawn"]
    assert bodies(own)[-1]["why"] == "2 failed 37 of 37 times as canary: no"


@pytest.mark.parametrize("adapts", [0, 1])
def test_without_adaptation_or_by_foreign_records_nothing_is_withdrawn(
    config: Config, adapts: int, caplog: pytest.LogCaptureFixture
) -> None:
    own = begun(replace(config, settings=replace(config.settings, adapts=adapts)))
    own.take_ops(request("canary", "2", share=0.5))
    own.tick()
    told = counted("2", "canary", **({"failed": 99} if adapts else {}))
    own.take_metrics(topic("finance", METRICS), [told])
    assert events(own) == ["canary"]
    assert ("only streamsim's own programs" in caplog.text) == bool(adapts)
