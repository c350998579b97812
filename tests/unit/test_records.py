"""Health records: rows that depend on earlier rows, sorted and read in chunks."""

from __future__ import annotations

from pathlib import Path

import orjson
import pandas as pd
import pytest

from streamsim.producers.file_kinds import find_files
from streamsim.producers.files import FileSource
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.healthcare.clinical.items import ITEMS, UNITLESS
from streamsim.streams.domains.healthcare.clinical.units import analyte, conversion
from streamsim.streams.domains.healthcare.meds import Record
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.input_maps import PLACE
from streamsim.streams.spec.world import Slice

COLUMNS = ["subject_id", "time", "code", "value"]
IN, OUT = "HOSPITAL_ADMISSION//EW EMER.//EMERGENCY ROOM", "HOSPITAL_DISCHARGE//HOME"
ROWS: list[tuple[int | None, str | None, str, float | None]] = [
    (1, "2060-05-05", "MEDS_BIRTH", None),
    (1, None, "GENDER//F", None),
    (1, "2130-01-01 08:00", "ED_REGISTRATION", None),
    (1, "2130-01-01 10:00", IN, None),
    (1, "2130-01-01 11:00", "LAB//50912//mg/dL", 1.2),
    (1, "2130-01-01 11:00", "LAB//50963//pg/mL", 900.0),
    (1, "2130-01-02 11:00", "LAB//51237//UNK", 1.1),
    (1, "2130-01-02 11:00", "LAB//220045//bpm", 80.0),
    (1, "2130-01-02 12:00", "MEDICATION//Heparin//Administered", None),
    (1, "2130-01-02 13:00", "MEDICATION//Heparin//Administered", None),
    (1, "2130-01-02 13:00", "MEDICATION//Aspirin//Not Given", None),
    (1, "2130-01-02 14:00", "PROCEDURE//ICD//9//3961", None),
    (1, "2130-01-04 10:00", OUT, None),
    (1, "2130-01-04 10:00", "DIAGNOSIS//ICD//9//4280", None),
    (1, "2130-01-20 10:00", "HOSPITAL_ADMISSION//ELECTIVE//PHYSICIAN REFERRAL", None),
    (1, "2130-01-22 10:00", "HOSPITAL_DISCHARGE//REHAB", None),
    (1, "2133-03-01 10:00", "LAB//50983//mEq/L", 140.0),
    (2, "2129-12-31 10:00", IN, None),
    (2, "2130-01-02 10:00", "LAB//50931//mg/dL", None),
    (2, "2130-01-03 10:00", "HOSPITAL_DISCHARGE//DIED", None),
    (3, "2130-01-05 10:00", OUT, None),
]


@pytest.fixture
def healthcare() -> DomainSpec:
    return load_domain("healthcare")


def source(spec: DomainSpec, folder: Path) -> FileSource:
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    frame["time"] = pd.to_datetime(frame["time"], format="mixed")
    frame.to_parquet(folder / "record.parquet")
    ((path, kind),) = find_files(spec.inputs, folder)
    return FileSource(spec.inputs, path, kind, spec.longest_delay)


def bodies(slices: list[Slice]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for piece in slices:
        for emission in piece.emissions:
            found.setdefault(emission.source, []).extend(map(orjson.loads, emission.values))
    return found


def test_rows_become_events_in_order_of_time(healthcare: DomainSpec, tmp_path: Path) -> None:
    slices = list(source(healthcare, tmp_path).slices())
    sent = bodies(slices)
    first, second = (b for b in sent["discharges"] if b.get("patient_id") == "1")
    assert first == {
        "event_id": first["event_id"], "event_time": "2130-01-04T10:00:00.000Z", "patient_id": "1",
        "admission_id": "in-1-1", "admission_type": "emergency",
        "admission_source": "emergency_room", "disposition": "home", "age": 69, "days": 3,
        "lab_procedures": 3, "procedures": 1, "medications": 1, "medication_changes": 0,
        "diagnoses": 0, "outpatient_year": 0, "emergency_year": 1, "inpatient_year": 0,
    }  # fmt: skip
    assert (second["diagnoses"], second["inpatient_year"], second["lab_procedures"]) == (1, 1, 0)
    assert (second["admission_type"], second["disposition"]) == ("elective", "rehabilitation")
    labs = [(b["analyte"], b["value"], b["unit"]) for b in sent["labs"]]
    assert labs == [("creatinine", "1.2", "mg/dL"), ("inr", "1.1", "1"), ("sodium", "140", "mEq/L")]
    assert [b["event_id"] for b in sent["admissions"]] == ["in-2-1", "in-1-1", "in-1-2"]
    assert [b["kind"] for b in sent["visits"]] == ["emergency"]
    for piece in slices:
        for emission in piece.emissions:
            assert (emission.clock >= emission.event_time).all()  # nothing is ahead of its clock
            assert (emission.clock < piece.until).all()


def test_who_died_is_not_discharged_and_who_never_came_is_dead(
    healthcare: DomainSpec, tmp_path: Path
) -> None:
    sent = bodies(list(source(healthcare, tmp_path).slices()))
    others = [b for b in sent["discharges"] if b.get("patient_id") != "1"]
    (row,) = others  # its own row, for a person to read: the length of the stay is unknown
    assert row["code"] == OUT
    assert row["subject_id"] == 3


def test_what_is_no_event_is_counted(healthcare: DomainSpec, tmp_path: Path) -> None:
    own = source(healthcare, tmp_path)
    sent = sum(len(e) for piece in own.slices() for e in piece.emissions)
    assert own.unused == {
        "MEDS_BIRTH": 1, "GENDER": 1, "LAB": 3, "MEDICATION": 3, "PROCEDURE": 1, "DIAGNOSIS": 1,
        "HOSPITAL_DISCHARGE": 1,
    }  # fmt: skip
    assert own.unused.total() + sent == len(ROWS)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_pieces_say_the_same_as_the_whole(size: int) -> None:
    frame = pd.DataFrame(ROWS, columns=COLUMNS).astype(object)
    frame["time"] = [
        None if pd.isna(at) else int(pd.Timestamp(at, tz="UTC").timestamp() * 1000)
        for at in frame["time"]
    ]
    frame = frame[frame["time"].notna()].sort_values("time", kind="stable")
    frame[PLACE] = range(len(frame))
    whole, piecewise = Record()(frame), Record()
    parts = [piecewise(frame[at : at + size]) for at in range(0, len(frame), size)]
    for name, events in whole.items():
        joined = pd.concat([part[name] for part in parts if len(part[name])])
        pd.testing.assert_frame_equal(joined, events, check_dtype=False)


def test_every_reading_remembers_for_itself(healthcare: DomainSpec, tmp_path: Path) -> None:
    first, second = source(healthcare, tmp_path), source(healthcare, tmp_path)
    assert bodies(list(first.slices())) == bodies(list(second.slices()))


def test_every_item_is_an_analyte_of_the_table() -> None:
    assert all(analyte(name).name == name for name in ITEMS.values())
    assert all(conversion(analyte(ITEMS[item]), unit) for item, unit in UNITLESS.items())
    assert "50963" not in ITEMS  # NT-proBNP is no BNP
