"""Retail: outcomes of purchases: whether the household bought again, from the tills' lines.

A line's outcome is known when a later purchase of the household arrives. If none does, it is known
when 14 days and the allowed lateness have passed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any

import numpy as np

from streamsim.streams.codec import decode_objects, encode_objects, format_times, parse_times
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec.world import Emission, Slice

from .schema import HORIZON, LABEL_DELAY, LATENESS, OUTCOMES, TILLS

AGAIN, GONE = 1, 0


class Outcomes:
    """Pending purchases of households; the state of :func:`with_outcomes`."""

    def __init__(self) -> None:
        self._bought: dict[str, list[int]] = {}
        self._open: dict[str, dict[int, list[str]]] = {}
        self._oldest: list[tuple[int, str]] = []
        self._seen: dict[str, int] = {}
        self._many = 10_000

    def line(self, event_id: str, household: str, time: int) -> list[tuple[str, str]]:
        """Add a line; return the lines, with their households, whose outcome it decides."""
        if event_id in self._seen:
            return []
        self._seen[event_id] = time
        bought = self._bought.setdefault(household, [])
        at = bisect_left(bought, time)
        done: list[tuple[str, str]] = []
        if at == len(bought) or bought[at] != time:
            bought.insert(at, time)
            waiting = self._open.get(household, {})
            for earlier in [t for t in waiting if t < time <= t + HORIZON]:
                done += [(own, household) for own in waiting.pop(earlier)]
        later = bisect_right(bought, time)
        if later < len(bought) and bought[later] <= time + HORIZON:
            return [*done, (event_id, household)]
        own = self._open.setdefault(household, {})
        if time not in own:
            heappush(self._oldest, (time, household))
        own.setdefault(time, []).append(event_id)
        return done

    def until(self, clock: int) -> list[tuple[str, str]]:
        """Return the lines after which nothing was bought in time, as of the clock (ms)."""
        gone: list[tuple[str, str]] = []
        while self._oldest and self._oldest[0][0] < clock - LABEL_DELAY:
            time, household = heappop(self._oldest)
            own, bought = self._open[household], self._bought[household]
            gone += [(line, household) for line in own.pop(time, ())]
            del bought[: bisect_left(bought, time)]
            if not own:
                del self._open[household]
        if len(self._seen) > self._many:
            self._seen = {i: t for i, t in self._seen.items() if t >= clock - 2 * LATENESS}
            self._many = 2 * len(self._seen) + 10_000
        return gone


def with_outcomes(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Add the outcomes of the tills' lines to the slices in which they become known."""
    outcomes = Outcomes()
    for piece in slices:
        known: list[tuple[int, str, str, int]] = []
        for emission in piece.emissions:
            if emission.source != TILLS.name:
                continue
            lines = _lines(emission)
            for (event_id, household, time), clock in zip(
                lines, emission.clock.tolist(), strict=True
            ):
                if household is not None and clock - LATENESS <= time <= clock + TILLS.max_ahead:
                    known += [(clock, *o, AGAIN) for o in outcomes.line(event_id, household, time)]
        known += [(piece.until - 1, *o, GONE) for o in outcomes.until(piece.until)]
        yield Slice(piece.until, (*piece.emissions, _emission(known)))


def _lines(emission: Emission) -> list[tuple[str, str | None, int]]:
    """Read id, household and time of each line; no household for an invalid line."""
    bodies: list[Any] = decode_objects(emission.values)[0]
    times = emission.event_time.tolist()
    stamps = parse_times([body and body.get("event_time") for body in bodies]).tolist()
    lines = []
    for body, time, stamp in zip(bodies, times, stamps, strict=True):
        household = body and body.get("household_id")
        event_id = body and body.get("event_id")
        good = isinstance(household, str) and isinstance(event_id, str) and stamp != NO_TIME
        lines.append((str(event_id), household if good else None, time))
    return lines


def _emission(known: list[tuple[int, str, str, int]]) -> Emission:
    known.sort(key=lambda outcome: outcome[0])
    clock, line, household, again = zip(*known, strict=True) if known else ((),) * 4
    time = np.array(clock, np.int64)
    values = encode_objects(
        {
            "event_id": [f"again-{i}" for i in line],
            "event_time": format_times(time),
            "household_id": household,
            "purchase_id": line,
            "bought_again": again,
        }
    )
    return Emission(OUTCOMES.name, time, time, [h.encode() for h in household], values)
