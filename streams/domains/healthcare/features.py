"""Healthcare: features of a discharge, from the stay, earlier stays, results, visits and notes.

Windows are ``[t - span, t)`` over the patient's own earlier discharges. Results, visits and notes
count four hours after they are taken or written; a change is relative to two days before. Unknown
values are -1, not NaN, and unknown changes are 0. Where a feature means the same as a column of
:func:`streamsim.consumers.featurize.extraction.extract_features`, the same functions compute it.

The choice follows known predictors of readmission: length of stay, acuteness, comorbidity and
earlier emergency visits (van Walraven et al., 2010, *Derivation and validation of an index to
predict early death or unplanned readmission*, CMAJ 182, 551-557), haemoglobin, sodium, procedures
and earlier admissions (Donze et al., 2013, *Potentially avoidable 30-day hospital readmissions in
medical patients*, JAMA Internal Medicine 173, 632-638).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streamsim.streams.calendar import weekday
from streamsim.streams.events import NO_TIME, Events, Floats, Ints, Objects
from streamsim.streams.feature_columns import coded, elapsed, numbers, versions
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.feature_vector import UNKNOWN, Aggregates, FeatureSpec, Joined

from . import findings
from .clinical.units import analyte
from .results import ANALYTES, RANGE, UNUSABLE
from .schema import SPANS

WORDS = {
    "admission_type": ("emergency", "urgent", "trauma", "newborn", "elective"),
    "admission_source": ("emergency_room", "transfer", "nursing", "referral"),
    "disposition": (
        "home", "home_care", "home_iv", "outpatient", "swing_bed", "other_inpatient",
        "other_hospital", "intermediate", "nursing", "long_term", "rehabilitation", "psychiatric",
        "against_advice",
    ),
    "specialty": (
        "internal_medicine", "family", "emergency", "cardiology", "pulmonology", "nephrology",
        "neurology", "gastroenterology", "oncology", "orthopedics", "rehabilitation", "psychiatry",
        "surgery", "gynecology", "pediatrics",
    ),
    "payer": ("self", "insurer", "medicaid", "medicare"),
    "diagnosis": (
        "circulatory", "respiratory", "genitourinary", "diabetes", "endocrine", "blood",
        "neoplasm", "digestive", "infection", "nervous", "mental", "skin", "musculoskeletal",
        "injury", "pregnancy", "senses", "supplementary",
    ),
    "insulin": ("no", "steady", "up", "down"),
    "a1c": ("norm", "high", "very_high"),
    "visit_kind": ("outpatient", "missed", "emergency"),
}  # fmt: skip
"""Codes of words: their places from 1; 0 for another word, -1 for none."""
_CODES = {
    table: {word: float(place) for place, word in enumerate(words, 1)}
    for table, words in WORDS.items()
}

WORDY = {
    "admission_type": "admission_type", "admission_source": "admission_source",
    "disposition": "disposition", "specialty": "specialty", "payer": "payer",
    "diagnosis": "diagnosis", "diagnosis_2": "diagnosis", "diagnosis_3": "diagnosis",
    "insulin": "insulin", "a1c": "a1c",
}  # fmt: skip
"""Features that are codes of words, each with its list."""
_COUNTS = {
    "days": "length of the stay (days)",
    "lab_procedures": "laboratory tests of the stay",
    "procedures": "other procedures of the stay",
    "medications": "drugs that were given",
    "medication_changes": "drugs whose dose was changed",
    "diagnoses": "diagnoses on the record",
    "outpatient_year": "outpatient visits of the year before, as registered",
    "emergency_year": "emergency visits of the year before, as registered",
    "inpatient_year": "stays of the year before, as registered",
}
_SPAN = {f"{span // DAY}d": span for span in SPANS}
_COLUMN_HELP = {
    f"note_{how}:{name}": {
        "has": f"1 if the note says: {name}, 0 if not, -1 without a note",
        "not": f"1 if the note denies: {name}, 0 if not, -1 without a note",
        "family": f"1 if the note tells it of relatives: {name}, 0 if not, -1 without a note",
    }[how]
    for name, how in findings.VOCABULARY
}
_HELP = {
    **_COUNTS,
    "tests_per_day": "laboratory tests a day",
    "hours_in": "hours since the admission, -1 if it was not seen",
    "age": "age (years), -1 if not known",
    **{name: f"{name.replace('_', ' ')} as a number ({', '.join(WORDS[table])}; from 1)"
       for name, table in WORDY.items()},
    **{f"stays_{d}": f"earlier stays that ended in the last {d}" for d in _SPAN},
    **{f"stay_days_{d}": f"days of these ({d})" for d in _SPAN},
    "days_since_discharge": "days since the discharge before, -1 if none was seen",
    "days_at_home": "the same without this stay's own, -1 if none was seen",
    "days_since_visit": "days since a visit or a missed appointment, -1 if none was seen",
    "visit_kind": "what that was: 1 outpatient, 2 missed, 3 emergency; -1 if none was seen",
    "emergency_visits": "emergency visits of a year as of then, -1 if none was seen",
    "missed_year": "missed appointments of a year as of then, -1 if none was seen",
    **{name: f"newest {name} ({analyte(name).unit}), -1 if not known" for name in ANALYTES},
    **{f"{name}_change": f"{name} less that of two days before, 0 if not known"
       for name in ANALYTES},
    "labs_outside": "newest results outside of their reference range, of eight; -1 without any",
    "lab_unusable": "1 if the newest result was impossible or unread, -1 without any",
    "hours_since_lab": "hours since the newest result, -1 without any",
    "note_words": "words of the newest note, -1 without one",
    **_COLUMN_HELP,
    "note_alone": "1 if the note says that they live alone, 0 if not, -1 without a note",
    "weekend": "1 on Saturday and Sunday, UTC",
    "hour": "hour of the day, UTC",
}  # fmt: skip


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Compute the features, shape ``(n_events, n_features)``."""
    time = events.event_time
    return np.column_stack(
        [
            *(events.integers(name).astype(np.float64) for name in _COUNTS),
            events.integers("lab_procedures") / np.maximum(events.integers("days"), 1),
            elapsed(time, aggregates.joins["admissions"].time, HOUR),
            _known(events.columns["age"].astype(np.float64)),
            *(coded(events.strings(name), _CODES[table], 0.0) for name, table in WORDY.items()),
            *_earlier(events, aggregates),
            *_visited(time, aggregates.joins["visits"]),
            *_measured(time, aggregates),
            *_noted(aggregates.joins["notes"]),
            weekday(time) >= 5,
            time // HOUR % 24,
        ]
    )


def _earlier(events: Events, aggregates: Aggregates) -> list[Floats]:
    stays = aggregates.windows["stays"]
    since = elapsed(events.event_time, stays.last, DAY)
    home = np.where(since < 0, UNKNOWN, np.maximum(since - events.integers("days"), 0.0))
    return [stays.count.astype(np.float64), stays.total.astype(np.float64), since, home]


def _visited(time: Ints, visits: Joined) -> list[Floats]:
    return [
        elapsed(time, visits.time, DAY),
        coded(visits.columns["kind"], _CODES["visit_kind"], 0.0),
        numbers(visits.columns["emergency_year"]),
        numbers(visits.columns["missed_year"]),
    ]


def _measured(time: Ints, aggregates: Aggregates) -> list[Floats]:
    labs, before = aggregates.joins["labs"], aggregates.joins["labs_before"]
    now = [numbers(labs.columns[name]) for name in ANALYTES]
    then = [numbers(before.columns[name]) for name in ANALYTES]
    change = [
        np.where((a == UNKNOWN) | (b == UNKNOWN), 0.0, a - b)
        for a, b in zip(now, then, strict=True)
    ]
    outside = np.sum([np.abs(_zero(labs.columns[name + RANGE])) for name in ANALYTES], axis=0)
    unknown = labs.time == NO_TIME
    return [
        *now,
        *change,
        np.where(unknown, UNKNOWN, outside),
        numbers(labs.columns[UNUSABLE]),
        elapsed(time, labs.time, HOUR),
    ]


def _noted(note: Joined) -> list[Floats]:
    return [numbers(note.columns["words"]), findings.unpack(note.columns["findings"])]


def lineage(aggregates: Aggregates) -> list[dict[str, Any]]:
    """Return the joined versions of each event's context: their times, but not their contents."""
    met = versions(aggregates.joins)
    return [dict(zip(met, row, strict=True)) for row in zip(*met.values(), strict=True)]


def _zero(values: Objects) -> Floats:
    return np.array([0.0 if value is None else value for value in values], np.float64)


def _known(values: Floats) -> Floats:
    found: Floats = np.where(np.isnan(values), UNKNOWN, values)
    return found


_EARLIER = (
    "inpatient_year", *(f"stays_{d}" for d in ("90d", "30d", "365d", "3650d")),
    "days_since_discharge", "days_at_home", *(f"stay_days_{d}" for d in _SPAN),
)  # fmt: skip
_NOTES = (*(name for name in _HELP if name.startswith("note_") and name != "note_words"),
          "note_words")  # fmt: skip
_DRUGS = ("insulin", "warfarin", "opioid", "loop_diuretic", "digoxin", "steroid")

FEATURES = FeatureSpec(
    names=tuple(_HELP),
    assemble=assemble,
    lineage=lineage,
    help=_HELP,
    groups={
        "laboratory": (
            "labs_outside", *ANALYTES, *(f"{name}_change" for name in ANALYTES), "lab_unusable",
            "hours_since_lab",
        ),
        "earlier stays": _EARLIER,
        "visits": (
            "emergency_year", "missed_year", "emergency_visits", "outpatient_year", "visit_kind",
            "days_since_visit",
        ),
        "medication": (
            "medication_changes", "medications", "insulin", "a1c",
            *(f"note_has:{name}" for name in _DRUGS),
        ),
        "note's findings": tuple(
            name for name in _NOTES if name not in {f"note_has:{drug}" for drug in _DRUGS}
        ),
        "the stay": (
            "days", "hours_in", "procedures", "diagnoses", "lab_procedures", "tests_per_day",
            "diagnosis", "diagnosis_2", "diagnosis_3", "admission_type", "admission_source",
            "specialty",
        ),
        "way home": ("disposition", "age", "payer", "weekend", "hour"),
    },
    phrases={
        "labs_outside": "{value:.0f} of eight results outside of their range, usually {usual:.0f}",
        "inpatient_year": "{value:.0f} stays in the year before, usually {usual:.0f}",
        "emergency_year": "{value:.0f} emergency visits in the year before, usually {usual:.0f}",
        "missed_year": "{value:.0f} appointments missed in a year, usually {usual:.0f}",
        "medication_changes": "{value:.0f} doses changed, usually {usual:.0f}",
        "medications": "{value:.0f} drugs, usually {usual:.0f}",
        "days": "{value:.0f} days in hospital, usually {usual:.0f}",
        "procedures": "{value:.0f} procedures, usually {usual:.0f}",
        "diagnoses": "{value:.0f} diagnoses, usually {usual:.0f}",
        "note_words": "a note of {value:.0f} words, usually {usual:.0f}",
        "age": "{value:.0f} years old, usually {usual:.0f}",
        "disposition": "where they went",
        **{name: f"{name.replace('_', ' ')} {{value:.4g}} {analyte(name).unit}, "
           "usually {usual:.4g}" for name in ANALYTES},
        **{f"{name}_change": f"{name.replace('_', ' ')} changed by {{value:+.3g}} "
           f"{analyte(name).unit} in two days" for name in ANALYTES},
        **{f"note_has:{name}": f"the note says {name.replace('_', ' ')}"
           for name, how in findings.VOCABULARY if how == "has"},
        **{f"note_not:{name}": f"the note on {name.replace('_', ' ')}: denied {{value:.0f}}"
           for name, how in findings.VOCABULARY if how == "not"},
        "note_alone": "the note says that they live alone",
    },
    unknown={
        "labs_outside": "no result is known",
        "days_since_discharge": "no earlier discharge was seen",
        "days_at_home": "no earlier discharge was seen",
        "days_since_visit": "no visit was seen",
        "missed_year": "no visit was seen",
        **{name: f"{name.replace('_', ' ')} is not known" for name in ANALYTES},
        **dict.fromkeys(_NOTES, "no note is known"),
    },
)  # fmt: skip
