"""Tracked histories and next watched titles of users, compared with their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamsim.streams.domains.technology.history import FAST, SLOW, TITLES, Histories
from streamsim.streams.domains.technology.outcomes import NOTHING, Outcome, Outcomes, View
from streamsim.streams.domains.technology.schema import (
    HORIZON,
    LATENESS,
    LONGEST,
    PAUSE,
    START,
    STOP,
)
from streamsim.streams.events import NO_TIME, Events, Ints, as_objects
from streamsim.streams.spec import DAY, HOUR, MINUTE

USERS = 5
Row = tuple[int, int, str, int, float]
"""User, time (ms), action, title and share."""


def some(seed: int, n: int = 400) -> list[Row]:
    draw = np.random.default_rng(seed)
    time = np.sort(draw.integers(0, 20 * DAY, n)) // MINUTE * MINUTE
    actions = draw.choice([START, STOP, "rate", "search"], n, p=[0.4, 0.4, 0.1, 0.1])
    titles = np.where(actions == "search", 0, draw.integers(1, 60, n))
    share = np.where(draw.random(n) < 0.1, np.nan, draw.random(n))
    users = draw.integers(0, USERS, n)
    return list(zip(*(c.tolist() for c in (users, time, actions, titles, share)), strict=True))


def as_events(rows: list[Row]) -> tuple[Ints, Events]:
    user, time, action, title, share = zip(*rows, strict=True)
    n, at = len(rows), np.array(time)
    ids = as_objects(str(i) for i in range(n))
    columns: dict[str, Any] = {
        "action": as_objects(action),
        "title_no": np.array(title),
        "share": np.array(share),
    }
    nothing = np.full(n, NO_TIME)
    events = Events("views", nothing, nothing, at, at, nothing, ids, ids, columns)
    return np.array(user), events


def plainly(rows: list[Row]) -> list[tuple[list[int], list[float], int, int]]:
    """Titles, averages of what was watched and of gaps, sessions and plays, one row at a time."""
    found = []
    known: dict[int, dict[str, Any]] = {}
    for user, time, action, title, share in rows:
        own = known.setdefault(
            user,
            {"titles": [], "means": [-1.0] * 4, "sessions": 0, "plays": 0, "t": None, "p": None},
        )
        own["sessions"] += own["t"] is None or time - own["t"] > PAUSE
        own["t"] = time
        if action == START or (action == STOP and own["titles"][:1] != [title]):
            if own["p"] is not None:
                fade(own["means"], 2, (time - own["p"]) / DAY)
            own["p"], own["plays"] = time, own["plays"] + 1
            own["titles"] = [title, *(t for t in own["titles"] if t != title)][:TITLES]
        if action == STOP and not np.isnan(share):
            fade(own["means"], 0, share)
        found.append((list(own["titles"]), list(own["means"]), own["sessions"], own["plays"]))
    return found


def fade(means: list[float], at: int, value: float) -> None:
    for place, pace in ((at, FAST), (at + 1, SLOW)):
        old = means[place]
        means[place] = value if old == -1.0 else old + pace * (value - old)


@pytest.mark.parametrize("size", [1, 7, 400])
def test_a_history_is_what_one_event_after_the_other_gives(size: int) -> None:
    rows = some(1)
    histories, found = Histories(), []
    for begin in range(0, len(rows), size):
        slots, events = as_events(rows[begin : begin + size])
        said = histories.update(slots, events)
        for i in range(len(slots)):
            titles = [t for t in said["titles"][i].tolist() if t > 0]
            found.append(
                (titles, said["averages"][i].tolist(), *(int(c) for c in said["counts"][i]))
            )
    assert found == plainly(rows)


def test_a_history_goes_on_from_what_was_written_down_under_other_numbers() -> None:
    rows = some(2)
    slots, events = as_events(rows)
    whole = Histories().update(slots, events)
    first, rest, half = Histories(), Histories(), 150
    first.update(slots[:half], events.take(slice(0, half)))
    moved = np.array([3, 0, 4, 1, 2])
    rest.restore(moved, first.snapshot(np.arange(USERS)))
    after = rest.update(moved[slots[half:]], events.take(slice(half, None)))
    for name, values in whole.items():
        np.testing.assert_array_equal(after[name], values[half:], name)


def test_days_since_a_play_are_counted_before_the_play_itself() -> None:
    slots, events = as_events([(0, 0, START, 5, np.nan), (0, DAY, START, 6, np.nan)])
    assert Histories().update(slots, events)["gap"].tolist() == [-1.0, 1.0]


def watched_next(views: list[View]) -> set[Outcome]:
    """Return for each event the first title that its user began after it, in time, and watched."""
    found = set()
    for view in views:
        later = [
            (v.time, v.view_id, v.title)
            for v in views
            if v.user == view.user and v.title and view.time < v.began <= view.time + HORIZON
        ]
        title = min(later)[2] if later else NOTHING
        found.add(Outcome(view.view_id, view.user, title))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_was_watched_next_whatever_the_order_and_the_copies(seed: int) -> None:
    draw = np.random.default_rng(seed)
    views = [
        View(
            int(t),
            f"v{i}",
            f"u{u}",
            int(title) if stops else NOTHING,
            int(t) - int(lasted) if stops else NO_TIME,
        )
        for i, (t, u, title, stops, lasted) in enumerate(
            zip(
                draw.integers(0, 12 * DAY, 300) // HOUR * HOUR,
                draw.integers(0, 4, 300),
                draw.integers(1, 50, 300),
                draw.random(300) < 0.4,
                draw.integers(1, LONGEST // HOUR, 300) * HOUR,
                strict=True,
            )
        )
    ]
    sent = [(v.time + int(draw.integers(0, LATENESS)), v) for v in views]
    sent += [(at + int(draw.integers(0, HOUR)), v) for at, v in sent if draw.random() < 0.2]
    sent.sort(key=lambda item: item[0])
    outcomes, found = Outcomes(), []
    for clock in range(HOUR, 20 * DAY, HOUR):
        for at, view in sent:
            if clock - HOUR <= at < clock and at - LATENESS <= view.time:
                outcomes.take(view)
        found += outcomes.until(clock)
    assert len(found) == len(views)
    assert set(found) == watched_next(views)


def test_an_outcome_is_known_within_the_horizon_and_the_lateness() -> None:
    outcomes = Outcomes()
    outcomes.take(View(0, "a", "u"))
    assert list(outcomes.until(HORIZON + LONGEST + LATENESS)) == []
    assert list(outcomes.until(HORIZON + LONGEST + LATENESS + 1)) == [Outcome("a", "u", NOTHING)]


def test_what_is_left_soon_has_not_been_watched() -> None:
    outcomes = Outcomes()
    at = HOUR
    outcomes.take(View(0, "a", "u"))
    outcomes.take(View(at, "b", "u", title=7, began=0))  # under way when the first happened
    outcomes.take(View(3 * at, "c", "u", title=9, began=2 * at))
    found = set(outcomes.until(10 * at))
    assert found == {Outcome("a", "u", 9), Outcome("b", "u", 9)}
