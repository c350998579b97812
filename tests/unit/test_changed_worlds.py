"""The change of a world: how much of it has come, and what the truth says of it."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from streamsim.streams.calendar import EPOCH
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world_changes import CHANGE, KIND, WorldChange

DAYS = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 100.0])


@pytest.mark.parametrize(
    ("day", "ramp", "shares"),
    [
        (0.0, 0.0, [0, 0, 0, 0, 0, 0]),
        (0.0, 5.0, [0, 0, 0, 0, 0, 0]),
        (2.0, 0.0, [0, 0, 1, 1, 1, 1]),
        (2.0, 2.0, [0, 0, 0, 0.5, 1, 1]),
    ],
)
def test_it_comes_at_its_day_at_once_or_by_and_by(
    day: float, ramp: float, shares: list[float]
) -> None:
    change = WorldChange("new", "all is new", day, ramp)
    assert change.shares(DAYS).tolist() == shares
    assert [change.share(at) for at in DAYS.tolist()] == shares


def test_a_world_that_is_drawn_by_the_day_changes_with_a_day() -> None:
    options = {**CHANGE, "change_day": 2.25}
    assert WorldChange.of("new", "all is new", options).day == 2.25
    assert WorldChange.of("new", "all is new", options, whole_days=True).day == 3.0
    assert WorldChange.of("new", "all is new", CHANGE, whole_days=True).day == 0.0


def test_the_truth_says_once_when_it_began_and_when_it_was_done() -> None:
    change = WorldChange("new_rules", "all rules are new", 1.5, 0.5)
    hours = [EPOCH + hour * HOUR for hour in range(72)]
    found = [e for hour in hours for e in change.truth(EPOCH, hour, hour + HOUR)]
    (emission,) = found
    body = orjson.loads(emission.values[0])
    assert (body["kind"], body["change"]) == (KIND, "new_rules")
    assert body["about"] == "all rules are new"
    assert (body["onset"], body["until"]) == (
        "2025-01-02T12:00:00.000Z",
        "2025-01-03T00:00:00.000Z",
    )
    assert emission.clock.tolist() == [EPOCH + 3 * DAY // 2]


def test_a_change_that_never_comes_has_no_truth() -> None:
    assert WorldChange("new", "all is new", 0.0).truth(EPOCH, 0, 1 << 60) == ()


@pytest.mark.parametrize("bad", [-1.0, np.inf, np.nan])
@pytest.mark.parametrize("option", CHANGE)
def test_a_time_that_is_none_is_refused_by_its_name(option: str, bad: float) -> None:
    with pytest.raises(UsageError, match=f"{option} must be 0 or more"):
        WorldChange.of("new", "all is new", {**CHANGE, option: bad})
