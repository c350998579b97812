"""Healthcare: outcomes of discharges: readmission within 30 days, from later admissions.

A stay is followed only if its admission was seen: a file with discharges alone has outcomes of its
own. An outcome is sent once no later admission can change it: 30 days and the allowed lateness
after the discharge.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Any

import numpy as np

from streamsim.streams.codec import decode_objects, encode_objects, format_times, parse_times
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.reading_ahead import in_groups
from streamsim.streams.spec import DAY
from streamsim.streams.spec.world import Emission, Slice

from .schema import (
    ADMISSIONS,
    DISCHARGES,
    HORIZON,
    LABEL_DELAY,
    LATENESS,
    PLANNED,
    READMISSIONS,
)

_LONGEST = 200 * DAY
"""Longest stay (ms): the admission of a longer one may have been dropped."""
_Event = tuple[int, int, dict[str, Any]]
"""Clock, event time (ms), and body."""
_Outcome = tuple[str, str, int]
"""Discharge, patient, and 1 if readmitted."""


class Outcomes:
    """Open stays and pending discharges; the state of :func:`with_outcomes`."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._came: dict[str, list[int]] = {}
        self._open: list[tuple[int, str, str]] = []
        self._followed: set[str] = set()

    def admission(self, event_id: str, patient: str, time: int, planned: bool) -> None:
        """Add an admission."""
        if event_id in self._begun:
            return
        self._begun[event_id] = time
        if not planned:
            insort(self._came.setdefault(patient, []), time)

    def discharge(self, event_id: str, patient: str, time: int, admission: str | None) -> None:
        """Add a discharge; a second copy, or one without a known admission, is ignored."""
        if admission in self._begun and event_id not in self._followed:
            self._followed.add(event_id)
            heappush(self._open, (time, event_id, patient))

    def until(self, clock: int) -> list[_Outcome]:
        """Return the outcomes that are known as of the clock (ms)."""
        known: list[_Outcome] = []
        while self._open and self._open[0][0] < clock - LABEL_DELAY:
            time, event_id, patient = heappop(self._open)
            self._followed.discard(event_id)
            came = self._came.get(patient, [])
            at = bisect_right(came, time)
            back = at < len(came) and came[at] <= time + HORIZON
            known.append((event_id, patient, int(back)))
        return known

    def forget(self, clock: int) -> None:
        """Drop what no later discharge can need, as of the clock (ms)."""
        old = clock - 2 * LABEL_DELAY
        self._begun = {i: t for i, t in self._begun.items() if t >= old - _LONGEST}
        for patient, came in list(self._came.items()):
            del came[: bisect_right(came, old)]
            if not came:
                del self._came[patient]


def with_outcomes(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Add the outcomes of discharges to the slices in which they become known."""
    outcomes, tidied = Outcomes(), NO_TIME
    for piece, events in _with_events(slices):
        for clock, time, body in events:
            event_id, patient = body.get("event_id"), body.get("patient_id")
            late = not clock - LATENESS <= time <= clock + DISCHARGES.max_ahead
            if not isinstance(event_id, str) or not isinstance(patient, str) or late:
                continue
            if "admission_id" in body:
                outcomes.discharge(event_id, patient, time, body["admission_id"])
            else:
                outcomes.admission(event_id, patient, time, body.get("type") == PLANNED)
        known = outcomes.until(piece.until)
        if piece.until - tidied >= LABEL_DELAY:
            outcomes.forget(piece.until)
            tidied = piece.until
        if known:
            piece = Slice(piece.until, (*piece.emissions, _emission(known, piece.until - 1)))
        yield piece


def _with_events(slices: Iterable[Slice]) -> Iterator[tuple[Slice, list[_Event]]]:
    """Yield each slice with its readable admissions, then discharges."""
    for group in in_groups(slices):
        own = [_of(piece, ADMISSIONS.name) + _of(piece, DISCHARGES.name) for piece in group]
        bodies, _ = decode_objects([v for es in own for e in es for v in e.values])
        times = parse_times([body and body.get("event_time") for body in bodies]).tolist()
        read = iter(zip(times, bodies, strict=True))
        for piece, emissions in zip(group, own, strict=True):
            clocks = [clock for e in emissions for clock in e.clock.tolist()]
            events = zip(clocks, islice(read, len(clocks)), strict=True)
            yield piece, [(c, t, body) for c, (t, body) in events if body and t != NO_TIME]


def _of(piece: Slice, source: str) -> list[Emission]:
    return [emission for emission in piece.emissions if emission.source == source]


def _emission(known: list[_Outcome], clock: int) -> Emission:
    discharge, patient, back = zip(*known, strict=True)
    time = np.full(len(known), clock)
    values = encode_objects(
        {
            "event_id": [f"outcome-{i}" for i in discharge],
            "event_time": format_times(time),
            "patient_id": patient,
            "discharge_id": discharge,
            "readmitted": back,
        }
    )
    return Emission(READMISSIONS.name, time, time, [p.encode() for p in patient], values)
