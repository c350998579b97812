"""A version is chosen by event time; before the first scored event there is none."""

from __future__ import annotations

import numpy as np
import pytest

from streamsim.consumers.predict.model_schedule import Entry, Schedule
from streamsim.consumers.predict.version_choice import UNSCORED, VersionChoice
from streamsim.streams.events import NO_TIME, Events
from streamsim.streams.signature import Signature

CHAMPION = Signature("m", "1", ("a",), "hash", 0.5, (0.0,))


def events(*times: int) -> Events:
    n = len(times)
    time, zeros = np.array(times), np.zeros(n, np.int64)
    names = np.array([str(t) for t in times], object)
    return Events("s", zeros, zeros, time, zeros, zeros, names, names, {})


def schedule() -> Schedule:
    found = Schedule(CHAMPION)
    found.add(Entry("m", "1.1", 0.5, 100, 300, is_new=True))
    return found


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (VersionChoice(CHAMPION, None), [0, 0, 0]),
        (VersionChoice(CHAMPION, None, 100), [UNSCORED, 0, 0]),
        (VersionChoice(CHAMPION, schedule()), [0, 1, 1]),
        (VersionChoice(CHAMPION, schedule(), 150), [UNSCORED, UNSCORED, 1]),
        (VersionChoice(CHAMPION, schedule(), 20), [0, 1, 1]),
    ],
)
def test_the_version_depends_on_event_time(choice: VersionChoice, numbers: list[int]) -> None:
    assert choice.numbers(events(50, 100, 200)).tolist() == numbers


def test_the_latest_version_is_that_of_the_last_scored_events() -> None:
    choice = VersionChoice(CHAMPION, schedule(), 20)
    assert choice.answering(events(10)) is None
    assert choice.latest is CHAMPION
    found = choice.answering(events(120, 130))
    assert found is not None
    assert choice.latest is not None
    assert found.champion.version == choice.latest.version == "1.1"


def test_without_a_warm_up_and_a_schedule_nothing_is_compared() -> None:
    assert not VersionChoice(CHAMPION, None, NO_TIME).varies
    assert not VersionChoice(None, None).varies
    assert VersionChoice(None, None).answering(events(1)) is None
