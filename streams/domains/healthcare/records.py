"""Healthcare: events of simulated stays, as their sources send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, Objects, as_objects
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY

from .charts import draw_results, written
from .new_laboratory import NewLaboratory
from .patients import CONDITIONS, GROUPS, PAYERS, People
from .schema import PLANNED
from .stays import (
    CAUSES,
    DISPOSITIONS,
    KINDS,
    MEDICATION,
    Stays,
)
from .writing import draws_for, write

Keys: TypeAlias = Objects
Events: TypeAlias = tuple[Ints, Keys, list[bytes]]
"""Times (ms), keys and values."""
_SPECIALTY = {
    "circulatory": "cardiology", "respiratory": "pulmonology", "genitourinary": "nephrology",
    "injury": "orthopedics", "mental": "psychiatry", "nervous": "neurology", "neoplasm": "oncology",
}  # fmt: skip
_IMPOSSIBLE, _OTHER_UNIT, _UNREAD = 0.008, 0.15, 0.006
_SPOILED = ("hemolyzed", "QNS", "see comment")


def reasons(people: People, trait: Ints, chance: Floats) -> list[str]:
    """Return the reason of each visit: one of the patient's illnesses, or another."""
    has = people.has[trait]
    count = has.sum(axis=1)
    rank = (chance * (count + 1)).astype(np.int64)
    found = []
    for own, n, which in zip(has, count.tolist(), rank.tolist(), strict=True):
        names = np.flatnonzero(own)
        found.append(GROUPS[CONDITIONS[names[which]]] if which < n else "other")
    return found


@dataclass(frozen=True, slots=True)
class Made:
    """The events of the stays that begin on a day.

    Attributes
    ----------
    patients
        The hospital's numbers, one per stay.
    """

    seed: int
    people: People
    stays: Stays
    patients: Objects
    day: int
    epoch: int

    def _time(self, days: Floats) -> Ints:
        return self.epoch + np.floor(days * DAY / 1000).astype(np.int64) * 1000

    def _keys(self, rows: Ints) -> Objects:
        return as_objects(p.encode() for p in self.patients[rows])

    def _id(self, what: str, rows: Ints) -> list[str]:
        return [f"{what}-{number:010d}" for number in self.stays.number[rows].tolist()]

    def admissions(self) -> Events:
        """Return all admissions."""
        stays, rows = self.stays, np.arange(len(self.stays))
        time = self._time(stays.admitted)
        values = encode_objects(
            {
                "event_id": self._id("in", rows),
                "event_time": format_times(time),
                "patient_id": self.patients,
                "type": self._types(),
                "source": self._sources(),
                "complaint": [GROUPS[CAUSES[c]] for c in stays.cause.tolist()],
            }
        )
        return time, self._keys(rows), values

    def _types(self) -> list[str]:
        urgent = self.stays.severity < 0.75
        return [
            PLANNED if plan else "urgent" if mild else "emergency"
            for plan, mild in zip(self.stays.planned.tolist(), urgent.tolist(), strict=True)
        ]

    def _sources(self) -> list[str]:
        from_home = self.stays.disposition != DISPOSITIONS.index("nursing")
        return [
            "referral" if plan else "emergency_room" if home else "transfer"
            for plan, home in zip(self.stays.planned.tolist(), from_home.tolist(), strict=True)
        ]

    def discharges(self, year: Mapping[str, Ints]) -> Events:
        """Return the discharges of survivors, with the facts of their stays."""
        stays, people = self.stays, self.people
        draw, n = stream(self.seed, "discharges", self.day), len(stays)
        sick = people.has[stays.trait].sum(axis=1)
        trouble = np.where(stays.problem == MEDICATION, stays.strength, 0.0)
        drugs = draw.poisson(5 + 2.2 * sick + 2.5 * stays.severity + 5 * trouble)
        changes = draw.poisson(0.6 + 0.25 * sick + 2.4 * trouble)
        tests = draw.poisson(12 + 5.5 * stays.days * stays.severity**0.3)
        diagnoses = np.minimum(1 + sick + draw.poisson(1.2 * stays.severity), 16)
        diabetic = people.has[stays.trait, CONDITIONS.index("diabetes")]
        doses = draw.choice(4, n, p=[0.35, 0.35, 0.18, 0.12])
        doses = np.where(draw.random(n) < 0.5 * trouble, 2, doses)
        a1c = draw.integers(0, 6, n)
        others = self._other_groups()
        rows = np.flatnonzero(~stays.dies)
        time = self._time(stays.discharged)
        columns = {
            "event_id": self._id("out", np.arange(n)),
            "event_time": format_times(time),
            "patient_id": self.patients,
            "admission_id": self._id("in", np.arange(n)),
            "admission_type": self._types(),
            "admission_source": self._sources(),
            "disposition": [DISPOSITIONS[d] for d in stays.disposition.tolist()],
            "specialty": [_SPECIALTY.get(GROUPS[CAUSES[c]], "internal_medicine")
                          for c in stays.cause.tolist()],
            "payer": [PAYERS[p] for p in people.payer[stays.trait].tolist()],
            "age": (people.age[stays.trait] + self.day // 365).tolist(),
            "days": stays.days.tolist(),
            "lab_procedures": tests.tolist(),
            "procedures": stays.procedures.tolist(),
            "medications": drugs.tolist(),
            "medication_changes": changes.tolist(),
            "diagnoses": diagnoses.tolist(),
            "diagnosis": [GROUPS[CAUSES[c]] for c in stays.cause.tolist()],
            "diagnosis_2": [own[0] for own in others],
            "diagnosis_3": [own[1] for own in others],
            "insulin": [("no", "steady", "up", "down")[d] if has else "no"
                        for d, has in zip(doses.tolist(), diabetic.tolist(), strict=True)],
            "a1c": [(None, None, None, "norm", "high", "very_high")[a] if has else None
                    for a, has in zip(a1c.tolist(), diabetic.tolist(), strict=True)],
            **{name: counts.tolist() for name, counts in year.items()},
        }  # fmt: skip
        values = as_objects(encode_objects(columns))[rows]
        return time[rows], self._keys(rows), list(values)

    def _other_groups(self) -> list[tuple[str | None, str | None]]:
        found = []
        for cause, has in zip(
            self.stays.cause.tolist(), self.people.has[self.stays.trait], strict=True
        ):
            own = dict.fromkeys(GROUPS[CONDITIONS[i]] for i in np.flatnonzero(has).tolist())
            names: list[str | None] = [g for g in own if g != GROUPS[CAUSES[cause]]]
            found.append(((*names, None, None)[0], (*names, None, None)[1]))
        return found

    def labs(self, defects: float, new: NewLaboratory) -> Events:
        """Return the results, some of other laboratories, some with impossible values."""
        results = draw_results(self.seed, self.people, self.stays, self.day)
        results.value = new.measured(results, self.day)
        n, draw = len(results.at), stream(self.seed, "laboratories", self.day)
        laboratory = (draw.random(n) < _OTHER_UNIT * defects).astype(np.int64)
        results.value = np.where(draw.random(n) < _IMPOSSIBLE * defects, results.value * 1e4,
                                 results.value)  # fmt: skip
        name, text, unit, low, high = written(results, laboratory)
        for row in np.flatnonzero(draw.random(n) < _UNREAD * defects).tolist():
            text[row] = _SPOILED[row % len(_SPOILED)]
        time = self._time(results.at)
        values = encode_objects(
            {
                "event_id": [f"lab-{self.day:05d}-{i}" for i in range(n)],
                "event_time": format_times(time),
                "patient_id": self.patients[results.stay],
                "analyte": name,
                "value": text,
                "unit": unit,
                "low": low,
                "high": high,
            }
        )
        return time, self._keys(results.stay), values

    def notes(self) -> Events:
        """Return a note at each admission, and one before each discharge."""
        stays, n = self.stays, len(self.stays)
        draw = stream(self.seed, "notes", self.day)
        drawn = draws_for(draw, 2 * n)
        early = stays.admitted + draw.uniform(1, 6, n) / 24
        early = np.minimum(early, stays.discharged - 12 / 24)
        late = stays.discharged - draw.uniform(4.5, 9, n) / 24
        at = np.concatenate([early, late])
        rows = np.concatenate([np.arange(n), np.flatnonzero(~stays.dies) + n])
        base = datetime.fromtimestamp(self.epoch / 1000, UTC)
        texts = [
            write(
                self.people, stays, row % n, self.patients[row % n], drawn[row],
                f"{base + timedelta(days=float(at[row])):%m/%d/%Y}", row >= n,
            )
            for row in rows.tolist()
        ]  # fmt: skip
        time = self._time(at[rows])
        whose = rows % n
        values = encode_objects(
            {
                "event_id": [f"note-{self.day:05d}-{i}" for i in range(len(rows))],
                "event_time": format_times(time),
                "patient_id": self.patients[whose],
                "kind": ["discharge" if row >= n else "admission" for row in rows.tolist()],
                "text": texts,
            }
        )
        return time, self._keys(whose), values

    def truth(self) -> Events:
        """Return the unsolved problems that cause a readmission, from the discharge until then."""
        stays = self.stays
        rows = np.flatnonzero(np.isfinite(stays.gap) & ~stays.dies)
        onset, until = (
            self._time(stays.discharged[rows]),
            self._time((stays.discharged + stays.gap)[rows]),
        )
        values = encode_objects(
            {
                "event_id": self._id("truth", rows),
                "event_time": format_times(onset),
                "kind": [KINDS[k] for k in stays.problem[rows].tolist()],
                "patient_id": self.patients[rows],
                "discharge_id": self._id("out", rows),
                "onset": format_times(onset),
                "until": format_times(until),
            }
        )
        return onset, self._keys(rows), values
