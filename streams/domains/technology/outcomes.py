"""Technology: outcomes of viewing events: the next watched title, from later viewing events.

Events are processed in order of event time, once no earlier one can arrive. An outcome is known
when a title stops that began within the horizon and of which enough was watched, or when no such
title is possible any more. A title that is left early does not count as watched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from streamsim.streams.codec import decode_objects, encode_objects, format_times, parse_times
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import SECOND
from streamsim.streams.spec.world import Emission, Slice

from .schema import (
    HORIZON,
    LATENESS,
    LONGEST,
    OUTCOMES,
    STOP,
    VIEWS,
    WATCHED,
)

NOTHING = 0
"""Title of an outcome where nothing was watched."""


class View(NamedTuple):
    """A viewing event; if it ends a watched title, also that title and its beginning."""

    time: int
    view_id: str
    user: str
    title: int = NOTHING
    began: int = NO_TIME


class Outcome(NamedTuple):
    """The next watched title after an event."""

    view_id: str
    user: str
    title: int


class Outcomes:
    """Pending viewing events of users; the state of :func:`with_outcomes`."""

    def __init__(self) -> None:
        self._early: list[View] = []
        self._ids: set[str] = set()
        self._open: dict[str, deque[View]] = {}
        self._oldest: deque[View] = deque()
        self._told: set[str] = set()

    def take(self, view: View) -> None:
        """Add an event; a second copy is ignored."""
        if view.view_id not in self._ids:
            self._ids.add(view.view_id)
            heappush(self._early, view)

    def until(self, clock: int) -> Iterator[Outcome]:
        """Yield the outcomes that are known when all sources' clocks have passed ``clock`` (ms)."""
        while self._early and self._early[0].time < clock - LATENESS:
            view = heappop(self._early)
            yield from self._gone(view.time)
            waiting = self._open.setdefault(view.user, deque())
            if view.title != NOTHING:
                # A title that began at the same instant is not the next one.
                first = view.began - HORIZON
                for own in [v for v in waiting if first <= v.time < view.began]:
                    waiting.remove(own)
                    self._told.add(own.view_id)
                    yield Outcome(own.view_id, view.user, view.title)
            waiting.append(view)
            self._oldest.append(view)
        yield from self._gone(clock - LATENESS)

    def _gone(self, time: int) -> Iterator[Outcome]:
        """Yield the events after which nothing was watched in time, as of ``time`` (ms)."""
        while self._oldest and self._oldest[0].time + HORIZON + LONGEST < time:
            view = self._oldest.popleft()
            self._ids.discard(view.view_id)
            if view.view_id in self._told:
                self._told.remove(view.view_id)
                continue
            waiting = self._open[view.user]
            waiting.remove(view)
            if not waiting:
                del self._open[view.user]
            yield Outcome(view.view_id, view.user, NOTHING)


def with_outcomes(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Add the outcomes of viewing events to the slices in which they become known."""
    outcomes = Outcomes()
    for piece in slices:
        for emission in piece.emissions:
            if emission.source == VIEWS.name:
                for view, clock in zip(_views(emission), emission.clock.tolist(), strict=True):
                    if view and clock - LATENESS <= view.time <= clock + VIEWS.max_ahead:
                        outcomes.take(view)
        known = _emission(list(outcomes.until(piece.until)), piece.until - 1)
        yield Slice(piece.until, (*piece.emissions, known))


def _views(emission: Emission) -> list[View | None]:
    """Read an emission's events, ``None`` where one cannot be read."""
    bodies: list[Any] = decode_objects(emission.values)[0]
    stamps = parse_times([body and body.get("event_time") for body in bodies]).tolist()
    found: list[View | None] = []
    for body, stamp in zip(bodies, stamps, strict=True):
        view = None
        if body and stamp != NO_TIME:
            view_id, user, title = (body.get(n) for n in ("event_id", "user_id", "title_no"))
            if type(view_id) is type(user) is str and type(title) is int:
                view = View(stamp, view_id, user, *_watched(body, stamp, title))
        found.append(view)
    return found


def _watched(body: dict[str, Any], stamp: int, title: int) -> tuple[int, int]:
    """Return the watched title that an event ends, and when it began."""
    share, seconds = body.get("share"), body.get("watched_s")
    if body.get("action") != STOP or type(seconds) is not int or not isinstance(share, int | float):
        return NOTHING, NO_TIME
    if not share >= WATCHED or not 0 <= seconds * 1000 <= LONGEST:
        return NOTHING, NO_TIME
    # The watched time is in whole seconds: the title must not seem to begin after its start.
    return title, stamp - seconds * 1000 - SECOND + 1


def _emission(known: list[Outcome], clock: int) -> Emission:
    view_id, user, title = zip(*known, strict=True) if known else ((),) * 3
    time = np.full(len(known), clock, np.int64)
    values = encode_objects(
        {
            "event_id": [f"next-{i}" for i in view_id],
            "event_time": format_times(time),
            "user_id": user,
            "view_id": view_id,
            "next_title": title,
        }
    )
    return Emission(OUTCOMES.name, time, time, [u.encode() for u in user], values)
