"""Hospital encounters: features known at discharge, and features of earlier encounters.

The encounters have no dates: they are spread evenly over ten years in the order of their ids, and a
readmission becomes known 30 days after its encounter.

References
----------
Strack et al. (2014), Impact of HbA1c Measurement on Hospital Readmission Rates, *BioMed Research
International*, 781670: the data, and the groups of diagnoses (its table 2).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from streamsim.streams.domains.healthcare.files import chapter as diagnosis_group
from streamsim.streams.errors import SourceError
from streamsim.streams.events import Floats, Ints

FILE, CODES = "encounters.csv.gz", "code_tables.csv"
DAYS, KNOWN_AFTER = 3_653, 30
"""Days from 1999-01-01 to 2008-12-31; days until the outcome of an encounter is known."""

NUMBERS = (
    "time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications",
    "number_outpatient", "number_emergency", "number_inpatient", "number_diagnoses",
)  # fmt: skip
DRUGS = (
    "metformin", "repaglinide", "nateglinide", "chlorpropamide", "glimepiride", "acetohexamide",
    "glipizide", "glyburide", "tolbutamide", "pioglitazone", "rosiglitazone", "acarbose",
    "miglitol", "troglitazone", "tolazamide", "examide", "citoglipton", "insulin",
    "glyburide-metformin", "glipizide-metformin", "glimepiride-pioglitazone",
    "metformin-rosiglitazone", "metformin-pioglitazone",
)  # fmt: skip
CATEGORIES = (
    "race", "gender", "weight", "admission_type_id", "discharge_disposition_id",
    "admission_source_id", "payer_code", "medical_specialty", "max_glu_serum", "A1Cresult",
    "change", "diabetesMed", *DRUGS,
)  # fmt: skip
DIAGNOSES = ("diag_1", "diag_2", "diag_3")


@dataclass(frozen=True, slots=True)
class Encounters:
    """Encounters that could be followed by a readmission.

    Attributes
    ----------
    features
        Numeric and categorical columns; one row per encounter, in order of its id.
    readmitted
        1 if readmitted within 30 days, shape ``(n,)``.
    patient
        Number of the patient, 0 to ``n_patients - 1``.
    """

    features: pd.DataFrame
    readmitted: Ints
    patient: npt.NDArray[np.intp]


def read(folder: Path) -> Encounters:
    """Read the encounters, without those that ended in death or a hospice; make the features.

    Raises
    ------
    SourceError
        If a file is missing or lacks columns.
    """
    try:
        rows = pd.read_csv(folder / FILE, keep_default_na=False, dtype=str)
        gone = gone_codes((folder / CODES).read_text())
    except (OSError, ValueError) as error:
        raise SourceError(f"{folder}: {error}") from None
    if lacking := {*NUMBERS, *CATEGORIES, *DIAGNOSES, "age", "readmitted"} - set(rows):
        raise SourceError(f"{FILE}: no column {', '.join(sorted(lacking))}")
    rows["encounter_id"] = rows["encounter_id"].astype(np.int64)
    rows = rows.sort_values("encounter_id", kind="stable").reset_index(drop=True)
    day = np.arange(len(rows), dtype=np.float64) * (DAYS / len(rows))
    features = at_discharge(rows).join(from_earlier(rows, day))
    there = ~rows["discharge_disposition_id"].isin(gone).to_numpy()
    return Encounters(
        features[there].reset_index(drop=True),
        (rows["readmitted"] == "<30").to_numpy()[there].astype(np.int64),
        pd.factorize(rows["patient_nbr"][there])[0],
    )


def gone_codes(tables: str) -> frozenset[str]:
    """Return the discharge codes that exclude a readmission: death, or a hospice."""
    codes: set[str] = set()
    table = ""
    for line in csv.reader(tables.splitlines()):
        if len(line) == 2 and line[1] == "description":
            table = line[0]
        elif table == "discharge_disposition_id" and len(line) == 2:
            words = line[1].lower()
            codes |= {line[0]} if "expired" in words or "hospice" in words else set()
    return frozenset(codes)


def at_discharge(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the features of the encounter itself, all known at discharge."""
    features = {name: pd.to_numeric(rows[name], errors="coerce") for name in NUMBERS}
    features["age"] = pd.to_numeric(rows["age"].str.extract(r"(\d+)")[0], errors="coerce")
    drugs = rows[list(DRUGS)]
    features["drugs_taken"] = (drugs != "No").sum(axis=1)
    features["drugs_changed"] = drugs.isin(("Up", "Down")).sum(axis=1)
    numbers = pd.DataFrame(features).astype(np.float64)
    named = {name: rows[name].replace("?", "unknown") for name in CATEGORIES}
    named |= {f"{name}_group": rows[name].map(chapter) for name in DIAGNOSES}
    return numbers.join(pd.DataFrame(named).astype("category"))


def chapter(code: str) -> str:
    """Return the group of a diagnosis code.

    >>> [chapter(code) for code in ("250.83", "428", "V57", "?", "786")]
    ['diabetes', 'circulatory', 'supplementary', 'unknown', 'respiratory']
    """
    return diagnosis_group(code) or "unknown"


def from_earlier(rows: pd.DataFrame, day: Floats) -> pd.DataFrame:
    """Return features of the patient's earlier encounters, as known on the day of each.

    A readmission counts from :data:`KNOWN_AFTER` days after the encounter that it followed.

    Parameters
    ----------
    day
        Day of each encounter, not decreasing.
    """
    n = len(rows)
    known = pd.DataFrame(
        {
            "prior_encounters": rows.groupby("patient_nbr").cumcount().astype(np.float64),
            "prior_readmissions_known": 0.0,
            "prior_readmission_share": np.nan,
            "days_since_last": np.nan,
            "last_stay": np.nan,
        }
    )
    last_left = np.full(n, "none", object)
    same_group = np.full(n, "none", object)
    group = rows["diag_1"].map(chapter).to_numpy()
    left = rows["discharge_disposition_id"].to_numpy()
    stay = pd.to_numeric(rows["time_in_hospital"], errors="coerce").to_numpy(np.float64)
    soon = (rows["readmitted"] == "<30").to_numpy()
    columns = {name: known[name].to_numpy(copy=True) for name in known}
    for own in rows.groupby("patient_nbr").indices.values():
        for i, here in enumerate(own[1:], 1):
            last = own[i - 1]
            columns["days_since_last"][here] = day[here] - day[last]
            columns["last_stay"][here] = stay[last]
            last_left[here] = left[last]
            same_group[here] = "yes" if group[last] == group[here] else "no"
            told = soon[own[:i][day[own[:i]] + KNOWN_AFTER <= day[here]]]
            columns["prior_readmissions_known"][here] = told.sum()
            if len(told):
                columns["prior_readmission_share"][here] = told.mean()
    named = {"last_disposition": last_left, "same_diagnosis_as_last": same_group}
    return pd.DataFrame(columns).join(pd.DataFrame(named).astype("category"))
