"""Renewed versions are announced in order, each after it is stored, and never after a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from streamsim.consumers.predict.model_schedule import Change, Entry
from streamsim.consumers.predict.plans import Plan
from streamsim.models.registry import Registry
from streamsim.simulator.run.life import announcing
from streamsim.simulator.run.life.announcing import Announcer, News
from streamsim.streams.settings import read_settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY
from streamsim.streams.spec.renewals import renewed_version

CHAMPION = Signature("m", "1", ("a", "b"), "hash", 0.5, (0.0, 0.0))
ESTIMATOR = LogisticRegression().fit(np.arange(40).reshape(-1, 2), np.arange(20) % 2)


def entry(number: int, *, is_new: bool = True) -> Entry:
    at = DAY * (20_000 + number)
    return Entry("m", renewed_version("1", at), 0.5, at, at + DAY, is_new)


class Topic:
    """Replacement of ``ops.models`` and of the service, that looks into the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.told: list[tuple[str, bool]] = []
        self.served: list[str] = []
        self.refuses = 0
        self.free = Event()
        self.free.set()

    def __call__(self, address: str) -> Topic:
        return self

    def publish(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        self.free.wait()
        stored = self._registry.versions("m")
        self.told += [(body["event"], body["version"] in stored) for body in bodies]

    def send(self, records: Sequence[object]) -> None:
        assert not records

    def load(self, settings: object, released: Signature, *, default: bool) -> bool:
        if default and self.refuses:
            self.refuses -= 1
            return False
        if default:
            self.served.append(released.version)
        return True


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


@pytest.fixture
def topic(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Topic:
    topic = Topic(registry)
    monkeypatch.setattr(announcing, "LifecycleWriter", topic)
    monkeypatch.setattr(announcing, "_loaded", topic.load)
    return topic


@pytest.fixture
def announcer(registry: Registry, topic: Topic) -> Announcer:
    return Announcer(registry, "", read_settings())


def news(entry: Entry, *, made: bool = True) -> News:
    own = replace(CHAMPION, version=entry.version)
    return News(entry.as_record("group"), made=(own, ESTIMATOR) if made else None, default=own)


def test_a_version_is_stored_before_it_is_announced(
    announcer: Announcer, topic: Topic, registry: Registry
) -> None:
    announcer.take(news(entry(0)))
    announcer.take(news(entry(1, is_new=False), made=False))
    announcer.take(news(entry(2)))
    announcer.flush()
    assert topic.told == [("renewed", True), ("unchanged", False), ("renewed", True)]
    assert registry.versions("m") == [entry(0).version, entry(2).version]
    assert registry.load("m", entry(2).version)[1] == replace(CHAMPION, version=entry(2).version)
    assert topic.served[-1] == entry(2).version  # those before may be left out


def test_the_service_answers_with_the_newest_version_though_others_wait(
    announcer: Announcer, topic: Topic
) -> None:
    topic.free.clear()
    topic.refuses = 1  # it is busy
    announcer.take(news(entry(0)))
    announcer.take(news(entry(1)))
    for number in range(2, 6):
        announcer.take(News(entry(number, is_new=False).as_record("group")))
    assert not announcer.is_done
    topic.free.set()
    announcer.flush()
    assert topic.served == [entry(1).version]
    assert announcer.is_done


def test_nothing_is_announced_after_a_failure(
    announcer: Announcer, topic: Topic, registry: Registry
) -> None:
    registry.root.joinpath("m").write_text("no folder")
    for number in range(announcing.AHEAD + 3):
        announcer.take(news(entry(number)))
    with pytest.raises(OSError, match="m"):
        announcer.flush()
    assert announcer.failure.done()
    assert not announcer.is_done
    assert topic.told == []


def decided(entry_: Entry, number: int, plan: Plan) -> News:
    change = Change("canary", number, plan, "ann", "a trial")
    return News(replace(entry_, version=plan.champion.version, change=change).as_record("group"))


def test_versions_with_a_part_to_play_bear_its_alias_and_stay(
    announcer: Announcer, topic: Topic, registry: Registry
) -> None:
    for number in range(3):
        announcer.take(news(entry(number)))
    first, second, third = (replace(CHAMPION, version=entry(number).version) for number in range(3))
    announcer.take(decided(entry(3), 1, Plan(first, second, 0.2, third)))
    announcer.flush()
    assert registry.aliases("m") == {
        "champion": first.version, "canary": second.version, "shadow": third.version,
    }  # fmt: skip
    registry.drop("m", first.version)
    assert first.version in registry.versions("m")
    announcer.take(decided(entry(4), 2, Plan(CHAMPION)))  # which does not lie in the run's registry
    announcer.flush()
    assert registry.aliases("m") == {}
    registry.drop("m", first.version)
    assert first.version not in registry.versions("m")
