"""Logistics: whether a vehicle broke down soon after a reading, found from the work orders.

One reading a minute is followed. That it came before a breakdown is known with the breakdown; that
it did not, when the horizon has passed. Where a component was renewed in between, nobody can say
what would have been, nor of a vehicle of which no work order was ever told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from streams.codec import decode_objects, encode_objects, format_times, parse_times
from streams.domains.logistics.schema import (
    BREAKDOWN,
    FAILURES,
    HORIZON,
    TELEMETRY,
    WORK_ORDERS,
)
from streams.events import NO_TIME
from streams.spec import MINUTE
from streams.world import Emission, Slice

_Known = tuple[int, str, str, int]
"""When it is known, of which vehicle and reading, and what."""


class Outcomes:
    """Follows the vehicles' readings; the state of :func:`with_outcomes`."""

    def __init__(self) -> None:
        self._minute: dict[bytes, int] = {}
        self._open: dict[str, deque[tuple[int, str]]] = {}
        self._on_file: set[str] = set()

    def read(self, emission: Emission) -> None:
        """Take the first reading of every minute of each vehicle."""
        times, clocks, rows = emission.event_time, emission.clock, []
        good = times >= clocks - TELEMETRY.allowed_lateness
        good &= times <= clocks + TELEMETRY.max_ahead
        minutes = np.where(good, times // MINUTE, -1).tolist()
        for row, (key, minute) in enumerate(zip(emission.keys, minutes, strict=True)):
            if key is not None and minute > self._minute.get(key, -1):
                self._minute[key] = minute
                rows.append(row)
        bodies = decode_objects([emission.values[row] for row in rows])[0]
        for row, body in zip(rows, bodies, strict=True):
            vehicle, reading = (body or {}).get("vehicle_id"), (body or {}).get("event_id")
            if isinstance(vehicle, str) and isinstance(reading, str) and vehicle in self._on_file:
                self._open.setdefault(vehicle, deque()).append((int(times[row]), reading))

    def order(self, body: dict[str, Any], clock: int) -> list[_Known]:
        """Take a work order in; return what is known by it."""
        vehicle = body["vehicle_id"]
        self._on_file.add(vehicle)
        readings = self._open.get(vehicle, deque())
        if body.get("kind") == BREAKDOWN:
            at = int(parse_times([body.get("event_time")])[0])
            known = [(clock, vehicle, r, int(at <= t + HORIZON)) for t, r in readings if t < at]
            readings.clear()
            return known
        if body.get("component") is not None:
            readings.clear()
        return []

    def until(self, clock: int) -> list[_Known]:
        """Return the readings after which, as is known by now, nothing broke down in time."""
        known: list[_Known] = []
        for vehicle, readings in self._open.items():
            while readings and readings[0][0] < clock - HORIZON:
                known.append((clock - 1, vehicle, readings.popleft()[1], 0))
        return known


def with_outcomes(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Add the outcomes of readings to the slices in which they become known."""
    outcomes = Outcomes()
    for piece in slices:
        known: list[_Known] = []
        orders = [e for e in piece.emissions if e.source == WORK_ORDERS.name]
        for emission in piece.emissions:
            if emission.source == TELEMETRY.name:
                outcomes.read(emission)
        for emission in orders:
            bodies = decode_objects(emission.values)[0]
            for body, clock, time in zip(
                bodies, emission.clock.tolist(), emission.event_time.tolist(), strict=True
            ):
                if body and isinstance(body.get("vehicle_id"), str) and time != NO_TIME:
                    known += outcomes.order(body, clock)
        known += outcomes.until(piece.until)
        yield Slice(piece.until, (*piece.emissions, _emission(known)))


def _emission(known: list[_Known]) -> Emission:
    known.sort(key=lambda outcome: outcome[:2])
    clock, vehicle, reading, failed = zip(*known, strict=True) if known else ((),) * 4
    time = np.array(clock, np.int64)
    values = encode_objects(
        {
            "event_id": [f"outcome-{r}" for r in reading],
            "event_time": format_times(time),
            "vehicle_id": vehicle,
            "reading_id": reading,
            "failed": failed,
        }
    )
    return Emission(FAILURES.name, time, time, [v.encode() for v in vehicle], values)
