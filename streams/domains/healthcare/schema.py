"""Healthcare: schemas of discharges, admissions, results, visits, notes and labels."""

from __future__ import annotations

from streamsim.streams.spec import DAY, HOUR, Field, Kind, Role, SourceSpec
from streamsim.streams.spec.features import AsOfJoin, Windows

from . import findings, results
from .clinical.plain import note_words

HORIZON = 30 * DAY
"""Time after a discharge within which an unplanned admission is a readmission (ms)."""

LATENESS = 6 * HOUR
"""Allowed lateness of a discharge or an admission (ms)."""

LABEL_DELAY = HORIZON + LATENESS
"""Time after a discharge when its label is known at the latest (ms)."""

SPANS = (30 * DAY, 90 * DAY, 365 * DAY, 3_650 * DAY)
"""Lengths of the windows over a patient's discharges (ms)."""

PLANNED = "elective"
"""Type of a planned admission, which is no readmission."""

_PATIENT = Field("patient_id", Kind.STRING, "patient, a pseudonym", max_length=40)


def _count(name: str, help: str, high: int = 1_000, unit: str = "") -> Field:
    return Field(name, Kind.INTEGER, help, low=0, high=high, unit=unit)


def _word(name: str, help: str) -> Field:
    return Field(name, Kind.STRING, help, required=False, max_length=40)


DISCHARGES = SourceSpec(
    name="discharges",
    role=Role.TRIGGER,
    key="patient_id",
    help="patients who leave the hospital alive, with what their stay was",
    fields=(
        _PATIENT,
        _word("admission_id", "event_id of the admission that the stay began with"),
        _word("admission_type", "emergency, urgent, elective, ..."),
        _word("admission_source", "emergency_room, referral, transfer, ..."),
        _word("disposition", "where to: home, home_care, nursing, ..."),
        _word("specialty", "of the physician who admitted"),
        _word("payer", "who pays"),
        Field("age", Kind.NUMBER, "age", required=False, low=0, high=130, unit="years"),
        _count("days", "length of the stay", unit="days"),
        _count("lab_procedures", "laboratory tests of the stay"),
        _count("procedures", "other procedures"),
        _count("medications", "different drugs that were given"),
        _count("medication_changes", "drugs whose dose was raised or lowered"),
        _count("diagnoses", "diagnoses on the record"),
        _word("diagnosis", "group of the first one"),
        _word("diagnosis_2", "group of the second one"),
        _word("diagnosis_3", "group of the third one"),
        _word("insulin", "no, steady, up or down"),
        _word("a1c", "glycated haemoglobin: norm, high, very_high"),
        _count("outpatient_year", "outpatient visits of the year before, as registered"),
        _count("emergency_year", "emergency visits of the year before, as registered"),
        _count("inpatient_year", "stays of the year before, as registered"),
    ),
    allowed_lateness=LATENESS,
    max_ahead=DAY,
    remember=DAY,
)

ADMISSIONS = SourceSpec(
    name="admissions",
    role=Role.CONTEXT,
    key="patient_id",
    help="patients who come in",
    fields=(
        _PATIENT,
        Field("type", Kind.STRING, "emergency, urgent, elective, ...", max_length=40),
        _word("source", "emergency_room, referral, transfer, ..."),
        _word("complaint", "group of what they come for"),
    ),
    allowed_lateness=LATENESS,
    max_ahead=DAY,
    remember=DAY,
)

LABS = SourceSpec(
    name="labs",
    role=Role.CONTEXT,
    key="patient_id",
    help="results of laboratories, one measurement each, in the unit that the laboratory uses",
    fields=(
        _PATIENT,
        Field(
            "analyte", Kind.STRING, "what was measured: a name, or its LOINC code", max_length=60
        ),
        Field("value", Kind.STRING, "a number, or <0.1 and the like", max_length=40),
        Field("unit", Kind.STRING, "as the laboratory writes it", required=False, max_length=20),
        Field("low", Kind.NUMBER, "of its reference range", required=False),
        Field("high", Kind.NUMBER, "of its reference range", required=False),
    ),
    allowed_lateness=2 * HOUR,
    max_ahead=DAY,
    remember=DAY,
    derived=results.COLUMNS,
)

VISITS = SourceSpec(
    name="visits",
    role=Role.CONTEXT,
    key="patient_id",
    help="visits that are no stay, and appointments that were missed, as the register counts them",
    fields=(
        _PATIENT,
        Field("kind", Kind.STRING, "outpatient, emergency or missed", max_length=20),
        _word("reason", "group of what it was for"),
        _count("outpatient_year", "outpatient visits of a year, with this one"),
        _count("emergency_year", "emergency visits of a year, with this one"),
        _count("missed_year", "missed appointments of a year, with this one"),
    ),
    allowed_lateness=2 * HOUR,
    max_ahead=DAY,
    remember=DAY,
)

NOTES = SourceSpec(
    name="notes",
    role=Role.CONTEXT,
    key="patient_id",
    help="doctors' notes as text; nothing but their findings is kept of them",
    fields=(
        _PATIENT,
        Field("kind", Kind.STRING, "admission or discharge", max_length=20),
        Field("text", Kind.STRING, "the note", max_length=50_000),
    ),
    allowed_lateness=2 * HOUR,
    max_ahead=DAY,
    remember=DAY,
    derived={"findings": findings.findings, "words": findings.words},
    sensitive=True,
    vocabulary=note_words,
)

READMISSIONS = SourceSpec(
    name="readmissions",
    role=Role.LABEL,
    key="patient_id",
    help="whether a patient came back unplanned within 30 days of a discharge, told after these",
    fields=(
        _PATIENT,
        Field("discharge_id", Kind.STRING, "event_id of the discharge", max_length=40),
        Field("readmitted", Kind.INTEGER, "1 or 0", low=0, high=1),
    ),
    max_ahead=DAY,
    remember=DAY,
)

STAYS = Windows("stays", "patient_id", "days", SPANS, keep=200)

_KNOWN_AFTER = 4 * HOUR
"""Delay after which results, visits and notes count (ms), so that no discharge waits for them."""

_COUNTS_FOR = 365 * DAY
"""How long they count (ms); a patient who has not been seen for longer is forgotten."""

LABS_NOW = AsOfJoin("labs", results.LOOKED_UP, _KNOWN_AFTER, carry=True, keep=_COUNTS_FOR)
LABS_BEFORE = AsOfJoin(
    "labs",
    results.ANALYTES,
    _KNOWN_AFTER + 2 * DAY,
    name="labs_before",
    carry=True,
    keep=_COUNTS_FOR,
)
"""The same as of two days before, from which a trend is computed."""
NOTE = AsOfJoin("notes", ("findings", "words"), _KNOWN_AFTER, keep=_COUNTS_FOR)
VISIT = AsOfJoin(
    "visits",
    ("kind", "outpatient_year", "emergency_year", "missed_year"),
    _KNOWN_AFTER,
    keep=_COUNTS_FOR,
)
ADMISSION = AsOfJoin("admissions", ("type",), LATENESS + 2 * HOUR, keep=_COUNTS_FOR)

PSEUDONYMS = {
    "patient_id": "patient",
    "event_id": "event",
    "discharge_id": "event",
    "admission_id": "event",
}
"""Fields that identify a patient or a patient's event: stay numbers are identifiers, too."""
