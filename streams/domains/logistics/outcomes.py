"""Logistics: outcomes of readings: breakdown within the horizon, and remaining life.

Both are derived from the work orders, for one reading a minute. A failure is known with the
breakdown, its absence when the horizon has passed. The remaining life is followed up to
:data:`LIFE`, and a longer one is reported as :data:`LIFE`. There is no outcome if a component was
renewed in between, or if the vehicle has no work order at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from streamsim.streams.codec import decode_objects, encode_objects, format_times, parse_times
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import MINUTE
from streamsim.streams.spec.world import Emission, Slice

from .schema import (
    BREAKDOWN,
    FAILURES,
    HORIZON,
    LIFE,
    LIVES,
    REMAINING,
    TELEMETRY,
    WORK_ORDERS,
)

_Known: TypeAlias = tuple[int, str, str, float]
"""An outcome: when it is known (ms), vehicle, reading and value."""


@dataclass(slots=True)
class _Followed:
    """Pending readings, until a breakdown or for a limited time (ms).

    ``says`` maps the time from a reading to the breakdown (ms) to the outcome; ``within`` is the
    outcome without a breakdown.
    """

    within: int
    says: Callable[[int], float]
    readings: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)

    def by_breakdown(self, vehicle: str, at: int, clock: int) -> list[_Known]:
        """Return the outcomes of the readings of a vehicle that broke down."""
        own = self.readings.pop(vehicle, deque())
        return [(clock, vehicle, r, self.says(at - t)) for t, r in own if t < at]

    def by_expiry(self, clock: int) -> list[_Known]:
        """Return the outcomes of the readings whose time is over."""
        known: list[_Known] = []
        for vehicle, own in self.readings.items():
            while own and own[0][0] < clock - self.within:
                known.append((clock - 1, vehicle, own.popleft()[1], self.says(self.within + 1)))
        return known


class Outcomes:
    """Pending readings of all vehicles; the state of :func:`with_outcomes`."""

    def __init__(self) -> None:
        self._minute: dict[bytes, int] = {}
        self._on_file: set[str] = set()
        self._followed = {
            FAILURES.name: _Followed(HORIZON, lambda after: int(after <= HORIZON)),
            LIVES.name: _Followed(LIFE, lambda after: round(min(after, LIFE) / MINUTE, 3)),
        }

    def read(self, emission: Emission) -> None:
        """Add the first reading of every minute of each vehicle."""
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
                for followed in self._followed.values():
                    own = followed.readings.setdefault(vehicle, deque())
                    own.append((int(times[row]), reading))

    def order(self, body: dict[str, Any], clock: int) -> dict[str, list[_Known]]:
        """Add a work order; return the outcomes that it decides, per source of outcomes."""
        vehicle = body["vehicle_id"]
        self._on_file.add(vehicle)
        if body.get("kind") == BREAKDOWN:
            at = int(parse_times([body.get("event_time")])[0])
            return {name: f.by_breakdown(vehicle, at, clock) for name, f in self._followed.items()}
        if body.get("component") is not None:
            for followed in self._followed.values():
                followed.readings.pop(vehicle, None)
        return {}

    def until(self, clock: int) -> dict[str, list[_Known]]:
        """Return the outcomes of readings without a breakdown in time, as of the clock (ms)."""
        return {name: followed.by_expiry(clock) for name, followed in self._followed.items()}


def with_outcomes(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Add the outcomes of readings to the slices in which they become known."""
    outcomes = Outcomes()
    for piece in slices:
        known: dict[str, list[_Known]] = {FAILURES.name: [], LIVES.name: []}
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
                    for name, found in outcomes.order(body, clock).items():
                        known[name] += found
        for name, found in outcomes.until(piece.until).items():
            known[name] += found
        failures = _emission(FAILURES.name, "outcome", "failed", known[FAILURES.name])
        lives = _emission(LIVES.name, "life", REMAINING, known[LIVES.name])
        yield Slice(piece.until, (*piece.emissions, failures, lives))


def _emission(source: str, prefix: str, field_: str, known: list[_Known]) -> Emission:
    known.sort(key=lambda outcome: outcome[:2])
    clock, vehicle, reading, said = zip(*known, strict=True) if known else ((),) * 4
    time = np.array(clock, np.int64)
    values = encode_objects(
        {
            "event_id": [f"{prefix}-{r}" for r in reading],
            "event_time": format_times(time),
            "vehicle_id": vehicle,
            "reading_id": reading,
            field_: said,
        }
    )
    return Emission(source, time, time, [v.encode() for v in vehicle], values)
