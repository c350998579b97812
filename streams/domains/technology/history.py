"""Technology: tracked history of users: the last titles, and averages of their views.

The averages are exponential, by event and not by time. A fast and a slow one together show a change
of behaviour. An event counts in its own values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import NO_TIME, Events
from streamsim.streams.spec import DAY
from streamsim.streams.spec.feature_vector import UNKNOWN, Arrays
from streamsim.streams.spec.features import Slots, Tracker

from .schema import PAUSE, START, STOP

TITLES = 24
"""Number of stored titles per user, the last played, each once."""
NO_TITLE = -1
FAST, SLOW = 0.3, 0.06
"""Weights of a new value in the two averages."""
AVERAGES = ("watched_fast", "watched_slow", "gap_fast", "gap_slow")
"""Share of a title that was watched; days between two plays."""


class Histories:
    """Per user: titles, the newest first, averages, counts and times."""

    def __init__(self) -> None:
        self._rows: dict[str, npt.NDArray[Any]] = {
            "titles": np.empty((0, TITLES), np.int32),
            "averages": np.empty((0, len(AVERAGES)), np.float64),
            "counts": np.empty((0, 2), np.int32),
            "times": np.empty((0, 2), np.int64),
        }

    def update(self, slots: Slots, events: Events) -> Arrays:
        """Add events in order; return the state of each event's user after it."""
        self._grow(int(slots.max(initial=-1)) + 1)
        own, place = np.unique(slots, return_inverse=True)
        # Event by event: a user may rate a hundred titles in one batch, each after the one before.
        before = {name: rows[own] for name, rows in self._rows.items()}
        users = [
            _User(*state) for state in zip(*(r.tolist() for r in before.values()), strict=True)
        ]
        action, title = events.columns["action"], events.integers("title_no")
        starts, stops = np.equal(action, START) & (title > 0), np.equal(action, STOP)
        share = np.asarray(events.columns["share"], np.float64)
        # Few events change a user's titles: only those are copied.
        listed, newest, shown = list[int](), list(range(len(users))), list[int]()
        averages, counts, gap = list[float](), list[int](), list[float]()
        for number, time, number_of_title, is_start, is_stop, watched in zip(
            place.tolist(), events.event_time.tolist(), title.tolist(),
            starts.tolist(), stops.tolist(), share.tolist(), strict=True,
        ):  # fmt: skip
            user = users[number]
            gap.append(user.come(time))
            # A stop whose start was not sent counts as its start.
            if is_start or (is_stop and number_of_title > 0 and user.titles[0] != number_of_title):
                user.start(number_of_title, gap[-1], time)
                newest[number] = len(users) + len(listed) // TITLES
                listed += user.titles
            if is_stop and not isnan(watched):
                user.average(watched, 0)
            shown.append(newest[number])
            averages += user.averages
            counts += user.counts
        every = np.array(listed, np.int32).reshape(-1, TITLES)
        titles = np.concatenate([before["titles"], every])
        self._rows["titles"][own] = titles[newest]
        self._rows["averages"][own] = _table([user.averages for user in users], len(AVERAGES))
        self._rows["counts"][own] = _table([user.counts for user in users], 2)
        self._rows["times"][own] = _table([user.times for user in users], 2)
        return {
            "titles": titles[shown],
            "averages": np.array(averages, np.float64).reshape(-1, len(AVERAGES)),
            "counts": np.array(counts, np.int32).reshape(-1, 2),
            "gap": np.array(gap, np.float64),
        }

    def snapshot(self, slots: Slots) -> Arrays:
        """See :class:`streamsim.streams.spec.features.Tracked`."""
        self._grow(int(slots.max(initial=-1)) + 1)
        return {name: rows[slots] for name, rows in self._rows.items()}

    def restore(self, slots: Slots, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`streamsim.streams.spec.features.Tracked`."""
        self._grow(int(slots.max(initial=-1)) + 1)
        for name, rows in self._rows.items():
            rows[slots] = arrays[name]

    def _grow(self, size: int) -> None:
        have = len(self._rows["times"])
        if size <= have:
            return
        more = max(size, 2 * have, 64) - have
        empty = {"titles": NO_TITLE, "averages": UNKNOWN, "counts": 0, "times": NO_TIME}
        for name, rows in self._rows.items():
            new = np.full((more, *rows.shape[1:]), empty[name], rows.dtype)
            self._rows[name] = np.concatenate([rows, new])


@dataclass(slots=True)
class _User:
    """State of one user while events are added: a row of each array, as lists."""

    titles: list[int]
    averages: list[float]
    counts: list[int]
    times: list[int]

    def come(self, time: int) -> float:
        """Count a new session after inactivity; return the days since the last start, or -1."""
        last, began = self.times
        if last == NO_TIME or time - PAUSE > last:
            self.counts[0] += 1
        self.times[0] = time
        return UNKNOWN if began == NO_TIME else (time - began) / DAY

    def start(self, title: int, gap: float, time: int) -> None:
        """Insert a title at the front; a repeated title is moved there."""
        if self.times[1] != NO_TIME:
            self.average(gap, 2)
        self.times[1] = time
        self.counts[1] += 1
        if title in self.titles:
            self.titles.remove(title)
        else:
            self.titles.pop()
        self.titles.insert(0, title)

    def average(self, value: float, column: int) -> None:
        """Update the fast and the slow average at a column with a new value."""
        for place, pace in ((column, FAST), (column + 1, SLOW)):
            old = self.averages[place]
            self.averages[place] = value if old == UNKNOWN else old + pace * (value - old)


def _table(rows: list[Any], width: int) -> npt.NDArray[Any]:
    return np.array(rows).reshape(-1, width)


HISTORY = Tracker("history", Histories, layout=f"{TITLES} titles, {FAST} {SLOW}")
