"""Technology: tracked history of users: the last titles, and averages of their views.

The averages are exponential, by event and not by time. A fast and a slow one together show a change
of behaviour. An event counts in its own values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import NO_TIME, Events, Floats, Ints, Mask
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
        n, rows = len(slots), self._rows
        titles, averages = np.empty((n, TITLES), np.int32), np.empty((n, len(AVERAGES)))
        counts, gap = np.empty((n, 2), np.int32), np.empty(n)
        action, title = events.columns["action"], events.integers("title_no")
        starts, stops = np.equal(action, START) & (title > 0), np.equal(action, STOP)
        share = np.asarray(events.columns["share"], np.float64)
        for turn in _turns(slots):
            own, time = slots[turn], events.event_time[turn]
            self._session(own, time)
            gap[turn] = self._gap(own, time)
            # A stop whose start was not sent counts as its start.
            untold = stops[turn] & (title[turn] > 0) & (rows["titles"][own, 0] != title[turn])
            playing = starts[turn] | untold
            self._start(own[playing], time[playing], title[turn][playing])
            measured = stops[turn] & ~np.isnan(share[turn])
            self._average(own[measured], share[turn][measured], 0)
            titles[turn], averages[turn] = rows["titles"][own], rows["averages"][own]
            counts[turn] = rows["counts"][own]
        return {"titles": titles, "averages": averages, "counts": counts, "gap": gap}

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

    def _session(self, own: Slots, time: Ints) -> None:
        """Count a new session where a user was inactive before."""
        last = self._rows["times"][own, 0]
        self._rows["counts"][own, 0] += (last == NO_TIME) | (time - PAUSE > last)
        self._rows["times"][own, 0] = time

    def _gap(self, own: Slots, time: Ints) -> Floats:
        """Return the days since each user last began a title, -1 for none."""
        last = self._rows["times"][own, 1]
        return np.where(last == NO_TIME, UNKNOWN, (time - np.where(last == NO_TIME, 0, last)) / DAY)

    def _start(self, own: Slots, time: Ints, title: Ints) -> None:
        """Insert titles at the front; a repeated title is moved there."""
        known = self._rows["times"][own, 1] != NO_TIME
        self._average(own[known], self._gap(own[known], time[known]), 2)
        self._rows["times"][own, 1] = time
        self._rows["counts"][own, 1] += 1
        before = self._rows["titles"][own]
        same = before == title[:, None]
        place = np.where(same.any(axis=1), same.argmax(axis=1), TITLES - 1)
        moved = np.concatenate([title[:, None].astype(np.int32), before[:, :-1]], axis=1)
        here = np.arange(TITLES) <= place[:, None]
        self._rows["titles"][own] = np.where(here, moved, before)

    def _average(self, own: Slots, value: Floats, column: int) -> None:
        """Update the fast and the slow average at a column with new values."""
        for place, pace in ((column, FAST), (column + 1, SLOW)):
            old = self._rows["averages"][own, place]
            new = np.where(old == UNKNOWN, value, old + pace * (value - old))
            self._rows["averages"][own, place] = new


def _turns(slots: Slots) -> Iterator[Ints | Mask]:
    """Yield rows without repeated slots: the first row of each slot, then the second, and so on."""
    if not len(slots):
        return
    order = np.argsort(slots, kind="stable")
    ranked = slots[order]
    first = np.concatenate(([True], ranked[1:] != ranked[:-1]))
    turn = np.arange(len(slots)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    by_turn = np.argsort(turn, kind="stable")
    yield from np.split(order[by_turn], np.cumsum(np.bincount(turn))[:-1])


HISTORY = Tracker("history", Histories, layout=f"{TITLES} titles, {FAST} {SLOW}")
