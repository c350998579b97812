"""Outcomes of discharges, from admissions, and when they are sent."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import orjson
import pytest

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.domains.healthcare.outcomes import with_outcomes
from streamsim.streams.domains.healthcare.schema import LABEL_DELAY, LATENESS
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Emission, Slice

START = 1_735_689_600_000
END = 80
_Event: TypeAlias = tuple[float, int, dict[str, object]]
"""Day, lateness (ms), and content of an event."""


def admission(day: float, name: str, kind: str = "emergency", late: int = 0) -> _Event:
    return day, late, {"event_id": name, "patient_id": "p", "type": kind, "source": None}


def discharge(day: float, name: str, stay: str | None, late: int = 0) -> _Event:
    return day, late, {"event_id": name, "patient_id": "p", "admission_id": stay}


def told(*events: _Event) -> dict[str, tuple[int, int]]:
    """Return, for each discharge with an outcome, the outcome and its time (ms after the start)."""
    slices = []
    for hour in range(END * 24):
        until = START + (hour + 1) * HOUR
        emissions = []
        for day, late, body in events:
            time = START + int(day * DAY)
            if until - HOUR <= time + late < until:
                source = "discharges" if "admission_id" in body else "admissions"
                value = encode_objects(
                    {
                        "event_time": format_times(np.array([time])),
                        **{k: [v] for k, v in body.items()},
                    }
                )
                emissions.append(
                    Emission(source, np.array([time]), np.array([time + late]), [b"p"], value)
                )
        slices.append(Slice(until, tuple(emissions)))
    found = {}
    for piece in with_outcomes(slices):
        for emission in piece.emissions:
            if emission.source == "readmissions":
                for value, clock in zip(emission.values, emission.clock.tolist(), strict=True):
                    body = orjson.loads(value)
                    assert body["discharge_id"] not in found
                    found[body["discharge_id"]] = body["readmitted"], clock - START
    return found


def test_who_comes_back_within_thirty_days_is_readmitted() -> None:
    found = told(
        admission(1, "a"), discharge(4, "x", "a"), admission(33.9, "b"), discharge(36, "y", "b"),
        admission(66.1, "c"),
    )  # fmt: skip
    assert {name: back for name, (back, _) in found.items()} == {"x": 1, "y": 0}
    assert all(0 < at - day * DAY <= LABEL_DELAY + HOUR for (_, at), day in
               zip(found.values(), (4, 36), strict=True))  # fmt: skip


@pytest.mark.parametrize(("kind", "back"), [("elective", 0), ("emergency", 1), ("urgent", 1)])
def test_what_was_planned_is_no_readmission(kind: str, back: int) -> None:
    found = told(admission(1, "a"), discharge(4, "x", "a"), admission(9, "b", kind))
    assert found["x"][0] == back


def test_an_admission_that_is_told_late_counts_and_one_that_is_too_late_does_not() -> None:
    for late, back in ((LATENESS, 1), (LATENESS + HOUR, 0)):
        found = told(admission(1, "a"), discharge(4, "x", "a"), admission(33.99, "b", late=late))
        assert found["x"][0] == back


def test_copies_change_nothing_and_a_stay_that_was_not_seen_is_not_followed() -> None:
    """Files of discharges alone have outcomes of their own."""
    found = told(
        admission(1, "a"), admission(1, "a", late=HOUR), discharge(4, "x", "a"),
        discharge(4, "x", "a", late=HOUR), discharge(5, "z", None), discharge(6, "w", "unseen"),
    )  # fmt: skip
    assert {name: back for name, (back, _) in found.items()} == {"x": 0}
