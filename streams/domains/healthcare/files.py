"""Healthcare: recognised kinds of files: encounters of the UCI data set, and health records.

Encounters have no dates. Those of a file are spread evenly over ten years in the order of their
ids. Each is labelled 30 days later by whether a readmission followed. Patients who died or went to
a hospice are left out, as they could not be readmitted.

References
----------
Strack et al. (2014), Impact of HbA1c Measurement on Hospital Readmission Rates, *BioMed Research
International*, 781670: the data, and the groups of diagnoses (its table 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.spec.input_maps import COUNT, PLACE, FileMap
from streamsim.streams.spec.spans import DAY

from .meds import EVENTS, FORMER
from .schema import HORIZON
from .synthea import SYNTHEA

if TYPE_CHECKING:
    import pandas as pd

BEGINS = 915_148_800_000
"""1999-01-01T00:00:00Z (ms)."""
SPAN = 3_653 * DAY
"""Ten years, to the end of 2008 (ms)."""
GONE = frozenset(("11", "13", "14", "19", "20", "21"))
"""Codes of discharges without a possible readmission: death, or a hospice."""

_TYPES = {"1": "emergency", "2": "urgent", "3": "elective", "4": "newborn", "7": "trauma"}
_SOURCES = {
    "1": "referral", "2": "referral", "3": "referral", "4": "transfer", "5": "nursing",
    "6": "transfer", "7": "emergency_room", "8": "court", "10": "transfer", "18": "home_care",
    "20": "other", "22": "transfer", "25": "transfer", "26": "hospice",
}  # fmt: skip
_DISPOSITIONS = {
    "1": "home", "2": "other_hospital", "3": "nursing", "4": "intermediate", "5": "other_inpatient",
    "6": "home_care", "7": "against_advice", "8": "home_iv", "9": "other_inpatient",
    "10": "other_hospital", "12": "outpatient", "15": "swing_bed", "16": "outpatient",
    "17": "outpatient", "22": "rehabilitation", "23": "long_term", "24": "long_term",
    "25": "unmapped", "27": "other_hospital", "28": "psychiatric", "29": "other_hospital",
    "30": "other_inpatient",
}  # fmt: skip
_PAYERS = {"MC": "medicare", "MD": "medicaid", "SP": "self", "?": None}
_SPECIALTIES = (
    ("InternalMedicine", "internal_medicine"), ("Family", "family"), ("Emergency", "emergency"),
    ("Cardiology", "cardiology"), ("Surg", "surgery"), ("Nephrology", "nephrology"),
    ("Orthopedics", "orthopedics"), ("Pulmonology", "pulmonology"), ("Psych", "psychiatry"),
    ("Neurology", "neurology"), ("Gastro", "gastroenterology"), ("Oncology", "oncology"),
    ("Physical", "rehabilitation"), ("Gynecology", "gynecology"), ("Pediatrics", "pediatrics"),
)  # fmt: skip
_A1C = {"Norm": "norm", ">7": "high", ">8": "very_high"}
_CHAPTERS = (
    (1, 140, "infection"), (140, 240, "neoplasm"), (250, 251, "diabetes"), (240, 280, "endocrine"),
    (280, 290, "blood"), (290, 320, "mental"), (320, 360, "nervous"), (360, 390, "senses"),
    (390, 460, "circulatory"), (785, 786, "circulatory"), (460, 520, "respiratory"),
    (786, 787, "respiratory"), (520, 580, "digestive"), (787, 788, "digestive"),
    (580, 630, "genitourinary"), (788, 789, "genitourinary"), (630, 680, "pregnancy"),
    (680, 710, "skin"), (710, 740, "musculoskeletal"), (800, 1000, "injury"),
)  # fmt: skip
"""Chapters of ICD-9: first code, end (exclusive) and name."""
_WHOLE = {
    "days": "time_in_hospital", "lab_procedures": "num_lab_procedures",
    "procedures": "num_procedures", "medications": "num_medications",
    "diagnoses": "number_diagnoses", "outpatient_year": "number_outpatient",
    "emergency_year": "number_emergency", "inpatient_year": "number_inpatient",
}  # fmt: skip
_DRUGS = (
    "metformin", "repaglinide", "nateglinide", "glimepiride", "glipizide", "glyburide",
    "pioglitazone", "rosiglitazone", "acarbose", "insulin", "glyburide-metformin",
)  # fmt: skip
"""Diabetes drugs whose dose is on record; the others of the data set are very rare."""


@lru_cache(4_096)
def chapter(code: str | None) -> str | None:
    """Return the chapter of a diagnosis, ``None`` without one.

    >>> [chapter(code) for code in ("250.83", "428", "V57", "?", "786")]
    ['diabetes', 'circulatory', 'supplementary', None, 'respiratory']
    """
    if code is None or code == "?":
        return None
    if code[:1] in ("V", "E"):
        return "supplementary"
    try:
        number = float(code)
    except ValueError:
        return None
    return next((name for low, high, name in _CHAPTERS if low <= number < high), "other")


def _encounters(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    import pandas as pd

    apart = SPAN // frame.attrs[COUNT]
    frame = frame[~frame["discharge_disposition_id"].isin(GONE)]
    ids = frame["encounter_id"]
    patient = frame["patient_nbr"].where(frame["patient_nbr"].map(_is_text), None)
    time = BEGINS + frame[PLACE].to_numpy(np.int64) * apart
    doses = frame[list(_DRUGS)]
    columns = {
        "event_id": ("encounter-" + ids.astype("string")).astype(object).where(ids.notna(), None),
        "event_time": time,
        "patient_id": patient,
        "admission_type": frame["admission_type_id"].map(_TYPES),
        "admission_source": frame["admission_source_id"].map(_SOURCES),
        "disposition": frame["discharge_disposition_id"].map(_DISPOSITIONS),
        "specialty": frame["medical_specialty"].map(_specialty),
        "payer": frame["payer_code"].map(lambda code: _PAYERS.get(code, "insurer")),
        "age": pd.to_numeric(frame["age"].astype("string").str.extract(r"(\d+)")[0]),
        "medication_changes": doses.isin(("Up", "Down")).sum(axis=1),
        "diagnosis": frame["diag_1"].map(chapter),
        "diagnosis_2": frame["diag_2"].map(chapter),
        "diagnosis_3": frame["diag_3"].map(chapter),
        "insulin": frame["insulin"].astype("string").str.lower(),
        "a1c": frame["A1Cresult"].map(_A1C),
        **{ours: _whole(frame[theirs]) for ours, theirs in _WHOLE.items()},
    }
    discharges = pd.DataFrame(columns, index=frame.index)
    if "readmitted" not in frame:
        return {"discharges": discharges}
    labelled = frame["readmitted"].isin(("<30", ">30", "NO")) & patient.notna() & ids.notna()
    known = discharges[labelled.to_numpy()]
    labels = pd.DataFrame(
        {
            "event_id": "outcome-" + known["event_id"],
            "event_time": known["event_time"] + HORIZON,
            "patient_id": known["patient_id"],
            "discharge_id": known["event_id"],
            "readmitted": frame["readmitted"][labelled].eq("<30").astype("int64"),
        }
    )
    return {"discharges": discharges, "readmissions": labels}


def _specialty(text: object) -> str | None:
    if not isinstance(text, str) or text == "?":
        return None
    return next((ours for theirs, ours in _SPECIALTIES if theirs in text), "other")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _whole(column: pd.Series) -> pd.Series:
    """Return whole numbers, missing where there is none."""
    import pandas as pd

    numbers = pd.to_numeric(column.where(column.map(_is_text)), errors="coerce").astype("float64")
    return numbers.where(numbers.eq(numbers.round()) & numbers.abs().lt(1e9)).astype("Int64")


FILES = (
    FileMap(
        name="encounters",
        columns=(
            "encounter_id", "patient_nbr", "age", "admission_type_id", "discharge_disposition_id",
            "admission_source_id", "payer_code", "medical_specialty", "diag_1", "diag_2", "diag_3",
            "A1Cresult", *_WHOLE.values(), *_DRUGS,
        ),
        convert=_encounters,
        optional=("readmitted",),
        order="encounter_id",
        undated=("days_since_discharge", "days_at_home", "weekend", "hour"),
    ),
    EVENTS,
    FORMER,
    SYNTHEA,
)  # fmt: skip
