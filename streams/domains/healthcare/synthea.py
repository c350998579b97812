"""Healthcare: reader of Synthea's encounters: stays are admissions and discharges, others visits.

A row is an encounter, from its beginning to its end, and a stay is two events. The file is in the
order of patients, so it is read in the order of beginnings. It says nothing of tests, procedures,
drugs and diagnoses, which count as 0, nor of who died in a stay.

References
----------
Walonoski et al. (2018), Synthea: An approach, method, and software mechanism for generating
synthetic patients and the synthetic electronic health care record, *JAMIA* 25(3): the generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Instants
from streamsim.streams.reading.identifiers import text_of
from streamsim.streams.spec import DAY
from streamsim.streams.spec.input_maps import FileMap

from .schema import PLANNED

if TYPE_CHECKING:
    import pandas as pd

_YEAR, _MOST = 365 * DAY, 1_000
_STAY = "inpatient"
_VISITS = {
    "emergency": "emergency",
    **dict.fromkeys(
        ("ambulatory", "outpatient", "urgentcare", "wellness", "virtual", "home"), "outpatient"
    ),
}
_TYPES = {"183452005": "emergency", "50849002": "emergency", "183495009": PLANNED}
"""SNOMED CT's emergency hospital admission, emergency room admission, and non-urgent orthopaedic
admission; another kind does not say how urgent it was."""
_NOT_SAID = ("lab_procedures", "procedures", "medications", "medication_changes", "diagnoses")
_EACH = ("event_id", "event_time", "patient_id")
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "admissions": (*_EACH, "type"),
    "discharges": (*_EACH, "admission_id", "admission_type", "days", *_NOT_SAID, "outpatient_year",
                   "emergency_year", "inpatient_year"),
    "visits": (*_EACH, "kind", "outpatient_year", "emergency_year", "missed_year"),
}  # fmt: skip


@dataclass(slots=True)
class _Patient:
    """When a patient came, and left (ms)."""

    visits: dict[str, list[int]] = field(
        default_factory=lambda: {"outpatient": [], "emergency": []}
    )
    left: list[int] = field(default_factory=list)

    def year(self, now: int) -> dict[str, int]:
        """Return the counts of visits of the year before now."""
        return {f"{kind}_year": _within(own, now) for kind, own in self.visits.items()}


class Encounters:
    """Converts encounters to events, and counts those of a year; one for each reading of a file."""

    def __init__(self) -> None:
        self._patients: dict[str, _Patient] = {}

    def __call__(self, frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Read rows in the order of their beginnings, and return their events."""
        import pandas as pd

        found: dict[str, list[tuple[int, dict[str, Any]]]] = {name: [] for name in _COLUMNS}
        for row, source, event in self._events(frame):
            found[source].append((row, event))
        frames = {
            source: pd.DataFrame(
                [event for _, event in events],
                index=frame.index[[row for row, _ in events]],
                columns=list(_COLUMNS[source]),
                dtype=object,
            )
            for source, events in found.items()
        }
        for events in frames.values():
            events["event_time"] = events["event_time"].astype(np.int64)
        return frames

    def _events(self, frame: pd.DataFrame) -> Iterator[tuple[int, str, dict[str, Any]]]:
        came, went = (Instants().read(frame[name]).tolist() for name in ("START", "STOP"))
        names = ("Id", "PATIENT", "ENCOUNTERCLASS", "CODE", "STOP")
        columns = (map(text_of, frame[name].tolist()) for name in names)
        for row, (begin, end, number, who, kind, code, stop) in enumerate(
            zip(came, went, *columns, strict=True)
        ):
            patient = self._patients.setdefault(who or "", _Patient())
            each = {"event_time": begin, "patient_id": who}
            if kind in _VISITS:
                own = _VISITS[kind]
                patient.visits[own].append(begin)
                event = {"event_id": _named("visit", number), "kind": own, "missed_year": 0}
                yield row, "visits", {**each, **event, **patient.year(begin)}
            elif kind in (_STAY, None):  # without a kind it is no encounter, and refused
                type_ = _TYPES.get(code or "", "other") if kind else None
                event = {"event_id": _named("in", number), "type": type_}
                yield row, "admissions", {**each, **event}
                if kind and begin != NO_TIME and stop:  # otherwise it goes on
                    yield row, "discharges", _discharge(patient, number, who, type_, begin, end)


def _discharge(
    patient: _Patient, number: str | None, who: str | None, type_: str | None, begin: int, end: int
) -> dict[str, Any]:
    before = _within([left for left in patient.left if left <= begin], end)
    patient.left.append(end)
    return {
        "event_id": _named("out", number), "event_time": end, "patient_id": who,
        "admission_id": _named("in", number), "admission_type": type_,
        # If it ends before it begins, the days are missing, and the discharge is dead.
        "days": min(max(1, round((end - begin) / DAY)), _MOST) if end >= begin else None,
        **dict.fromkeys(_NOT_SAID, 0), **patient.year(end), "inpatient_year": before,
    }  # fmt: skip


def _named(what: str, number: str | None) -> str | None:
    return None if number is None else f"{what}-{number}"


def _within(times: list[int], now: int) -> int:
    """Return how many of the times are in the year before now, up to the cap of counts."""
    return min(sum(now - _YEAR <= time <= now for time in times), _MOST)


def _alone(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    return Encounters()(frame)


SYNTHEA = FileMap(
    name="synthea",
    columns=("Id", "START", "STOP", "PATIENT", "ENCOUNTERCLASS", "CODE"),
    convert=_alone,
    order="START",
    begin=Encounters,
    leads="admissions",
    kinds="ENCOUNTERCLASS",
    written={"patient_id": "PATIENT"},
)
