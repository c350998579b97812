"""Healthcare: reader of electronic health records in MEDS format, row by row in order of time.

A row is a patient, an instant, a code and perhaps a number. Admissions, discharges, arrivals in the
emergency department and laboratory results become events. Births, drugs, procedures and diagnoses
are stored for later discharges. Diagnoses are coded after a patient has left, so a discharge has
those of earlier stays. Patients who died or went to a hospice have no discharge event.

References
----------
Arnrich et al. (2024), Medical Event Data Standard (MEDS), *ICLR workshop TS4H*.
Johnson et al. (2023), MIMIC-IV, a freely accessible electronic health record dataset, *Scientific
Data* 10, 1: the codes, and that instants are shifted patient by patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.events import NO_TIME, as_objects
from streamsim.streams.reading.formats import Instants
from streamsim.streams.reading.identifiers import identifier
from streamsim.streams.spec import DAY
from streamsim.streams.spec.input_maps import PART, PLACE, FileMap

from .clinical.items import ITEMS, UNITLESS
from .schema import PLANNED

if TYPE_CHECKING:
    import pandas as pd

_YEAR = 365 * DAY
_MOST = 1_000
"""Cap of a discharge's counts."""
_TYPES = {
    "EW EMER.": "emergency", "DIRECT EMER.": "emergency", "URGENT": "urgent", "ELECTIVE": PLANNED,
    "SURGICAL SAME DAY ADMISSION": PLANNED, "OBSERVATION ADMIT": "observation",
    "EU OBSERVATION": "observation", "DIRECT OBSERVATION": "observation",
    "AMBULATORY OBSERVATION": "observation",
}  # fmt: skip
_SOURCES = {
    "EMERGENCY ROOM": "emergency_room", "PHYSICIAN REFERRAL": "referral",
    "CLINIC REFERRAL": "referral", "WALK-IN/SELF REFERRAL": "referral",
    "TRANSFER FROM HOSPITAL": "transfer", "INTERNAL TRANSFER TO OR FROM PSYCH": "transfer",
    "TRANSFER FROM SKILLED NURSING FACILITY": "nursing",
}  # fmt: skip
_WAYS = {
    "HOME": "home", "HOME HEALTH CARE": "home_care", "SKILLED NURSING FACILITY": "nursing",
    "REHAB": "rehabilitation", "CHRONIC/LONG TERM ACUTE CARE": "long_term",
    "AGAINST ADVICE": "against_advice", "PSYCH FACILITY": "psychiatric",
    "ACUTE HOSPITAL": "other_hospital", "UNK": None,
}  # fmt: skip
GONE = frozenset(("DIED", "HOSPICE"))
_LAB, _CAME, _LEFT, _ARRIVED = "LAB", "HOSPITAL_ADMISSION", "HOSPITAL_DISCHARGE", "ED_REGISTRATION"


@dataclass(slots=True)
class _Stay:
    """An open stay: its kind, and what has been done in it."""

    number: str
    came: int
    type: str
    source: str
    tests: int = 0
    procedures: int = 0
    drugs: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Patient:
    """A patient's record so far; instants in ms."""

    born: int = NO_TIME
    stays: int = 0
    open: list[_Stay] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    diagnoses: set[str] = field(default_factory=set)


class Record:
    """Converts rows to events, and stores what later rows need; one for each reading of a file.

    The rows do not say which stay a discharge ends: it ends the oldest open one.
    """

    def __init__(self) -> None:
        self._patients: dict[str, _Patient] = {}

    def __call__(self, frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Read rows in order of time, and return their events."""
        import pandas as pd

        part = frame.attrs.get(PART, "")
        frame = _current(frame)
        found: dict[str, list[tuple[int, dict[str, Any]]]] = {
            "discharges": [], "admissions": [], "visits": []
        }  # fmt: skip
        if part:
            frame = frame.assign(**{PLACE: part + frame[PLACE].astype(str)})
        for row, source, event in self._events(frame, part):
            found[source].append((row, event))
        frames = {
            source: pd.DataFrame(
                [event for _, event in events],
                index=frame.index[[row for row, _ in events]],
                columns=_COLUMNS[source],
                dtype=object,
            )
            for source, events in found.items()
        }
        for events in frames.values():
            events["event_time"] = events["event_time"].astype(np.int64)
        return {**frames, "labs": _results(frame)}

    def _events(self, frame: pd.DataFrame, part: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
        columns = (frame[name].tolist() for name in ("subject_id", "time", "code", PLACE))
        for row, (who, time, code, place) in enumerate(zip(*columns, strict=True)):
            kind, *parts = _parts(code)
            if kind not in _USED:
                continue
            if who is None or time == NO_TIME:
                if kind == _LEFT:
                    yield row, "discharges", {"event_id": f"out-{place}", "event_time": NO_TIME}
                continue
            patient = self._patients.setdefault(who, _Patient())
            named = {"event_time": time, "patient_id": who}
            if kind == _CAME:
                yield row, "admissions", self._came(patient, named, parts, part)
            elif kind == _ARRIVED:
                patient.arrived.append(time)
                yield row, "visits", {
                    "event_id": f"visit-{place}", **named, "kind": "emergency",
                    "outpatient_year": 0, "missed_year": 0,
                    "emergency_year": _within(patient.arrived, time),
                }  # fmt: skip
            elif kind == _LEFT:
                event = self._left(patient, named, place, parts[0])
                if event:
                    yield row, "discharges", event
            else:
                _remember(patient, kind, time, parts)

    def _came(
        self, patient: _Patient, named: Mapping[str, Any], parts: list[str], part: str
    ) -> dict[str, Any]:
        patient.stays += 1
        stay = _Stay(
            f"in-{part}{named['patient_id']}-{patient.stays}",
            named["event_time"],
            _TYPES.get(parts[0], "other"),
            _SOURCES.get(parts[1] if len(parts) > 1 else "", "other"),
        )
        patient.open.append(stay)
        return {"event_id": stay.number, **named, "type": stay.type, "source": stay.source}

    def _left(
        self, patient: _Patient, named: Mapping[str, Any], place: object, way: str
    ) -> dict[str, Any] | None:
        time = named["event_time"]
        stay = patient.open.pop(0) if patient.open else None
        before = _within(patient.left, time)
        patient.left.append(time)
        if way in GONE:
            return None
        event: dict[str, Any] = {"event_id": f"out-{place}", **named}
        if stay is None:
            return event  # the length of stay is unknown: the cleaner dead-letters it
        years = (time - patient.born) // _YEAR if patient.born != NO_TIME else None
        return event | {
            "admission_id": stay.number, "admission_type": stay.type,
            "admission_source": stay.source, "disposition": _WAYS.get(way, "other"), "age": years,
            "days": min(max(1, round((time - stay.came) / DAY)), _MOST),
            "lab_procedures": min(stay.tests, _MOST), "procedures": min(stay.procedures, _MOST),
            "medications": min(len(stay.drugs), _MOST), "medication_changes": 0,
            "diagnoses": min(len(patient.diagnoses), _MOST), "outpatient_year": 0,
            "emergency_year": _within(patient.arrived, time), "inpatient_year": before,
        }  # fmt: skip


def _remember(patient: _Patient, kind: str, time: int, parts: list[str]) -> None:
    """Store a row for later discharges."""
    if kind == "MEDS_BIRTH":
        patient.born = time
    elif kind == "DIAGNOSIS":
        patient.diagnoses.add("//".join(parts))
    for stay in patient.open:
        if kind == _LAB:
            stay.tests += 1
        elif kind == "PROCEDURE" and parts[0] == "ICD":
            stay.procedures += 1
        elif kind == "MEDICATION" and len(parts) == 2 and _is_given(*parts):
            stay.drugs.add(parts[0])


_USED = frozenset(
    (_LAB, _CAME, _LEFT, _ARRIVED, "MEDS_BIRTH", "DIAGNOSIS", "PROCEDURE", "MEDICATION")
)
_COUNTS = (
    "days", "lab_procedures", "procedures", "medications", "medication_changes", "diagnoses",
    "outpatient_year", "emergency_year", "inpatient_year",
)  # fmt: skip
_NAMED = ("event_id", "event_time", "patient_id")
_COLUMNS: Mapping[str, list[str]] = {
    "discharges": [*_NAMED, "admission_id", "admission_type", "admission_source", "disposition",
                   "age", *_COUNTS],
    "admissions": [*_NAMED, "type", "source"],
    "visits": [*_NAMED, "kind", "outpatient_year", "emergency_year", "missed_year"],
}  # fmt: skip


def _results(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of the laboratory items in the table, in their original units."""
    import pandas as pd

    read = frame["code"].map(_item)
    value = pd.to_numeric(frame["value"], errors="coerce")
    there = read.notna() & value.notna() & frame["subject_id"].notna()
    there &= frame["time"].ne(NO_TIME)
    rows, items = frame[there], read[there]
    return pd.DataFrame(
        {
            "event_id": [f"lab-{place}" for place in rows[PLACE].tolist()],
            "event_time": rows["time"].to_numpy(np.int64),
            "patient_id": rows["subject_id"].tolist(),
            "analyte": [name for name, _ in items],
            "value": [f"{number:.6g}" for number in value[there].tolist()],
            "unit": [unit for _, unit in items],
        },
        index=rows.index,
    )


@lru_cache(10_000)
def _item(code: object) -> tuple[str, str | None] | None:
    """Return analyte and unit of a code; ``None`` if it is not in the table.

    >>> [_item(code) for code in ("LAB//50912//mg/dL", "LAB//51237//UNK", "LAB//220045//bpm")]
    [('creatinine', 'mg/dL'), ('inr', '1'), None]
    """
    kind, *parts = _parts(code)
    if kind != _LAB or len(parts) != 2 or parts[0] not in ITEMS:
        return None
    unit = UNITLESS.get(parts[0], parts[1])
    return ITEMS[parts[0]], None if unit == "UNK" else unit


@lru_cache(10_000)
def _parts(code: object) -> tuple[str, ...]:
    """Return the kind of a code and its parts; charted vital signs are no laboratory results."""
    if not isinstance(code, str):
        return ("",)
    kind, *parts = code.split("//")
    if kind == _LAB and not (parts and len(parts[0]) == 5 and parts[0][0] == "5"):
        return ("",)
    return kind, *(parts or [""])


def _is_given(drug: str, how: str) -> bool:
    return drug not in ("START", "STOP", "UNK") and not how.startswith(("Not ", "UNK"))


def _within(times: list[int], now: int) -> int:
    """Return how many of the times are in the year before now, up to the cap of counts."""
    return min(sum(now - _YEAR <= time <= now for time in times), _MOST)


def _current(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of any version of the schema with the columns of one, and instants in ms.

    MEDS 0.3 has ``numeric_value`` where 0.2 had ``value``, and ``subject_id`` for ``patient_id``.
    """
    number, patient = frame.get("numeric_value"), frame.get("subject_id", frame.get("patient_id"))
    value = frame.get("value")
    if number is not None:
        value = number if value is None else number.where(number.notna(), value)
    ids = [identifier(who) for who in patient] if patient is not None else None
    return frame.assign(
        subject_id=as_objects(ids or [None] * len(frame)),
        time=_instants(frame["time"]),
        value=None if value is None else value,
    )


def _instants(column: pd.Series) -> pd.Series:
    """Return instants in ms; numbers are ms already."""
    number = column.map(lambda v: isinstance(v, (int, float)) and v == v).astype(bool)
    stamps = Instants().read(column.where(~number))
    return stamps.where(~number, column).astype(np.int64)


def _alone(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    return Record()(frame)


EVENTS = FileMap(
    name="health records",
    columns=("subject_id", "time", "code"),
    convert=_alone,
    optional=("numeric_value", "value"),
    order="time",
    begin=Record,
    kinds="code",
    written={"event_time": "time", "patient_id": "subject_id"},
)
FORMER = replace(
    EVENTS,
    name="health records (MEDS 0.2)",
    columns=("patient_id", "time", "code"),
    written={"event_time": "time"},
)
