"""Healthcare: seeded world of patients who are admitted, discharged, and sometimes readmitted.

Patients have chronic illness, homes and habits, and visit their doctors. Stays have causes,
laboratory results and notes; planned ones begin in the morning of a weekday. Unsolved problems at a
discharge are planted, which cause a readmission
(:mod:`streamsim.streams.domains.healthcare.stays`); other patients fall ill again by chance. A
patient who dies has no discharge, and another takes the place.

A world can get another laboratory at a known time
(:mod:`streamsim.streams.domains.healthcare.new_laboratory`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.calendar import EPOCH, weekday
from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, as_objects
from streamsim.streams.outgoing import between
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Slice

from . import new_laboratory, records
from .new_laboratory import NewLaboratory
from .patients import (
    EMERGENCY,
    INPATIENT,
    MISSED,
    OUTPATIENT,
    People,
    Register,
    draw_people,
)
from .schema import (
    ADMISSIONS,
    DISCHARGES,
    LABS,
    NOTES,
    VISITS,
)
from .sending import Queue
from .stays import NONE, Stays, begin

OPTIONS: Mapping[str, float] = {
    "patients": 38_000,
    "readmissions": 1.0,
    "defects": 1.0,
    **new_laboratory.OPTIONS,
}
"""Number of patients, rate of unsolved problems (0: none), rate of defects of the hospital's
systems (0: none), and the world's change."""

_WEEK = np.array([1.12, 1.05, 1.02, 1.0, 1.02, 0.9, 0.89])
_LEAVES = 1 / 4_000
"""Chance per day that a patient moves away."""


@dataclass(slots=True)
class HealthcareWorld:
    """The world of one seed; iterate over :meth:`slices` once."""

    seed: int
    options: Mapping[str, float]
    people: People = field(init=False)
    _register: Register = field(init=False)
    _free: Floats = field(init=False)
    _due: Floats = field(init=False)
    _again: Ints = field(init=False)
    _dying: Floats = field(init=False)
    _month: int = field(init=False, default=0)
    _queues: dict[str, Queue] = field(init=False)
    _truth: Queue = field(init=False)
    _laboratory: NewLaboratory = field(init=False)

    def __post_init__(self) -> None:
        n, bad = int(self.options["patients"]), self.options["defects"]
        self.people = draw_people(self.seed, n)
        self._register = Register(self.seed, self.people)
        self._free, self._due = np.full(n, -1.0), np.full(n, np.inf)
        self._again, self._dying = np.zeros(n, np.int64), np.full(n, np.inf)
        self._queues = {
            s.name: Queue.empty(s.name, self.seed, s.allowed_lateness, bad)
            for s in (DISCHARGES, ADMISSIONS, LABS, VISITS, NOTES)
        }
        self._truth = Queue.empty("truth", self.seed, 0, 0.0)
        self._laboratory = NewLaboratory(self.seed, self.options)

    def slices(self) -> Iterator[Slice]:
        """Yield the events without end, an hour at a time."""
        day = 0
        while True:
            self._day(day)
            start = EPOCH + day * DAY
            queues = (*self._queues.values(), self._truth)
            today = [queue.until(start + DAY) for queue in queues]
            for hour in range(24):
                until = start + (hour + 1) * HOUR
                events = (between(e, until - HOUR, until) for e in today)
                changed = self._laboratory.change.truth(EPOCH, until - HOUR, until)
                yield Slice(until, (*events, *changed))
            day += 1

    def _day(self, day: int) -> None:
        """Simulate the stays and visits that begin on a day."""
        if day // 30 != self._month:
            self._month = day // 30
            self._register.month(self._month)
        self._part(day)
        self._visits(day)
        stays, places = self._admitted(day)
        if not len(stays):
            return
        register = self._register
        patients = register.patient_id(places)
        year = {
            "outpatient_year": register.year(OUTPATIENT, places),
            "emergency_year": register.year(EMERGENCY, places),
            "inpatient_year": register.year(INPATIENT, places),
        }
        register.count(INPATIENT, places, self._month)
        register.count(EMERGENCY, places[~stays.planned], self._month)
        made = records.Made(self.seed, self.people, stays, patients, day, EPOCH)
        self._put(day, ADMISSIONS.name, *made.admissions())
        self._put(day, LABS.name, *made.labs(self.options["defects"], self._laboratory))
        self._put(day, NOTES.name, *made.notes())
        self._put(day, DISCHARGES.name, *made.discharges(year))
        self._truth.put(day, *made.truth())
        self._schedule(stays, places)

    def _part(self, day: int) -> None:
        """Replace the patients who have died or move by others."""
        draw = stream(self.seed, "moves", day)
        moves = (draw.random(len(self.people)) < _LEAVES) & (self._free < day)
        gone = np.flatnonzero((moves & np.isinf(self._due)) | (self._dying <= day))
        self._register.leave(gone, day)
        self._dying[gone], self._due[gone], self._free[gone] = np.inf, np.inf, day

    def _admitted(self, day: int) -> tuple[Stays, Ints]:
        register, n = self._register, len(self.people)
        draw = stream(self.seed, "falling ill", day)
        chance = self.people.rate[register.trait] / 365 * _WEEK[weekday(EPOCH + day * DAY)]
        ill = (self._free < day) & np.isinf(self._due) & (draw.random(n) < chance)
        back = (self._due < day + 1) & (self._free < day + 1)
        places = np.flatnonzero(ill | back)
        again = np.where(back, self._again, NONE)[places]
        at = np.where(back, self._due, np.nan)[places]
        stays = begin(
            self.seed, self.people, day, places, register.trait[places], again, at,
            self.options["readmissions"],
        )  # fmt: skip
        self._due[places] = np.inf
        return stays, places

    def _schedule(self, stays: Stays, places: Ints) -> None:
        """Store the end of each stay, and the time of its readmission."""
        self._due[places] = np.where(stays.dies, np.inf, stays.discharged + stays.gap)
        comes = np.isfinite(self._due[places])
        self._free[places] = np.where(comes, stays.discharged, stays.discharged + 1)
        self._again[places] = stays.problem
        self._dying[places] = np.where(stays.dies, stays.discharged, np.inf)

    def _visits(self, day: int) -> None:
        """Simulate visits and missed appointments: on weekdays, or in an emergency."""
        register, people, n = self._register, self.people, len(self.people)
        draw = stream(self.seed, "visits", day)
        trait = register.trait
        sick = people.has[trait].sum(axis=1)
        at_work = weekday(EPOCH + day * DAY) < 5
        asked = draw.random(n) < (1.2 + 0.9 * sick) / 260 * at_work
        comes = draw.random(n) < 0.6 + 0.4 * people.keeps[trait]
        urgent = draw.random(n) < 0.5 * people.frailty[trait] * (1.6 - people.keeps[trait]) / 365
        here = self._free < day
        kind = np.select(
            [urgent & here, asked & here & comes, asked & here], [EMERGENCY, OUTPATIENT, MISSED], -1
        )
        places = np.flatnonzero(kind >= 0)
        kinds = kind[places]
        hour = np.where(kinds == EMERGENCY, draw.normal(17, 5, n)[places] % 24,
                        np.clip(draw.normal(11.5, 2.5, n)[places], 7, 18))  # fmt: skip
        for which in (EMERGENCY, OUTPATIENT, MISSED):
            register.count(which, places[kinds == which], self._month)
        time = EPOCH + day * DAY + (hour * HOUR).astype(np.int64)
        patients = register.patient_id(places)
        reason = records.reasons(people, trait[places], draw.random(n)[places])
        values = encode_objects(
            {
                "event_id": [f"visit-{day:05d}-{i}" for i in range(len(places))],
                "event_time": format_times(time),
                "patient_id": patients,
                "kind": [_VISIT[k] for k in kinds.tolist()],
                "reason": reason,
                "outpatient_year": register.year(OUTPATIENT, places).tolist(),
                "emergency_year": register.year(EMERGENCY, places).tolist(),
                "missed_year": register.year(MISSED, places).tolist(),
            }
        )
        self._put(day, VISITS.name, time, as_objects(p.encode() for p in patients), values)

    def _put(
        self, day: int, source: str, time: Ints, key: records.Keys, value: list[bytes]
    ) -> None:
        self._queues[source].put(day, time, key, value)


_VISIT = {OUTPATIENT: "outpatient", EMERGENCY: "emergency", MISSED: "missed"}


def world(seed: int, options: Mapping[str, float]) -> HealthcareWorld:
    """Return the world of that seed; options that are not given have their defaults."""
    return HealthcareWorld(seed, {**OPTIONS, **options})
