"""Synthea's encounters: stays are admissions and discharges in order of time, with outcomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from streamsim.producers.batches import finale
from streamsim.producers.file_kinds import find_files
from streamsim.producers.files import FileSource
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.tables.json_rows import exact_json

SPEC = load_domain("healthcare")
HEADER = (
    "Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,"
    "BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST,PAYER_COVERAGE,REASONCODE,REASONDESCRIPTION"
)
BEGIN = datetime(2020, 1, 1, 8, tzinfo=UTC)


def encounter(
    number: int, patient: int, day: float, days: float, kind: str = "inpatient", code: str = "1"
) -> str:
    begin, end = (BEGIN + timedelta(days=at) for at in (day, day + days))
    ids = str(UUID(int=number)), str(UUID(int=1000 + patient))
    return (
        f"{ids[0]},{begin:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ},{ids[1]},o,p,y,"
        f"{kind},{code},Some reason,129.16,129.16,0.0,,"
    )


ROWS = (
    encounter(1, 1, 0, 12),
    encounter(2, 1, 40, 3, code="183452005"),
    encounter(3, 1, 20, 0.1, "emergency"),
    encounter(4, 1, 300, 1),
    encounter(5, 2, 5, 0.02, "wellness"),
    encounter(6, 2, 6, 2),
    encounter(7, 2, 12, 1, code="183495009"),
    encounter(8, 2, 100, 1, "snf"),
)
"""In order of patients, as Synthea writes them."""


def events(path: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in file_slices(SPEC, path):
        for emission in piece.emissions:
            own = found.setdefault(emission.source, [])
            own += [exact_json(value.decode()) for value in emission.values]
    return {name: rows for name, rows in found.items() if rows}


def number(event_id: str) -> int:
    return UUID(event_id.split("-", 1)[1]).int


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "encounters.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    return tmp_path / "encounters.csv"


def plain(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the events as they are read, without outcomes and with the patients' own numbers."""
    ((file, kind),) = find_files(SPEC.inputs, path)
    found: dict[str, list[dict[str, Any]]] = {}
    for piece in FileSource(SPEC.inputs, file, kind, SPEC.longest_delay).slices():
        for emission in piece.emissions:
            own = found.setdefault(emission.source, [])
            own += [exact_json(value.decode()) for value in emission.values]
    return found


def test_a_stay_is_an_admission_and_a_discharge(path: Path) -> None:
    found = plain(path)
    stays = {number(e["event_id"]): e for e in found["admissions"]}
    assert list(stays) == [1, 6, 7, 2, 4]
    assert [stays[n]["type"] for n in (1, 2, 7)] == ["other", "emergency", "elective"]
    left = {number(e["event_id"]): e for e in found["discharges"]}
    assert list(left) == [6, 1, 7, 2, 4]
    assert {n: e["days"] for n, e in left.items()} == {1: 12, 2: 3, 4: 1, 6: 2, 7: 1}
    assert left[2]["admission_id"] == stays[2]["event_id"]
    assert left[1]["event_time"] == "2020-01-13T08:00:00.000Z"
    counts = ("inpatient_year", "emergency_year", "outpatient_year", "medications")
    assert [left[2][name] for name in counts] == [1, 1, 0, 0]
    assert [left[6][name] for name in counts] == [0, 0, 1, 0]
    assert [(number(e["event_id"]), e["kind"]) for e in found["visits"]] == [
        (5, "outpatient"),
        (3, "emergency"),
    ]


def test_outcomes_follow_from_later_admissions(path: Path) -> None:
    """27 days after a discharge, and a planned one, which is no readmission."""
    found = events(path)
    by_time = sorted(found["readmissions"], key=lambda e: str(e["event_time"]))
    known = {e["discharge_id"]: e["readmitted"] for e in by_time}
    labels = {e["event_time"][:10]: known.get(e["event_id"]) for e in found["discharges"]}
    # What comes after the file's end is not known.
    assert labels == {
        "2020-01-09": 0, "2020-01-13": 1, "2020-01-14": 0, "2020-02-13": 0, "2020-10-28": None,
    }  # fmt: skip


def test_every_discharge_comes_in_time(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    rows = [
        encounter(n, int(draw.integers(40)), draw.uniform(0, 900), draw.exponential(6), kind)
        for n, kind in enumerate(draw.choice(["inpatient", "emergency", "wellness"], 900))
    ]
    rows[4] = rows[4].replace("inpatient", "").replace("emergency", "").replace("wellness", "")
    rows[7] = "a,b"
    stays = [number for number, row in enumerate(rows) if "inpatient" in row]
    upset, endless, backwards = stays[:3]
    for row, other in ((upset, "soon"), (endless, ""), (backwards, "2019-01-01T00:00:00Z")):
        cells = rows[row].split(",")
        rows[row] = ",".join([*cells[:2], other, *cells[3:]])
    (tmp_path / "encounters.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    domain = InProcess(SPEC)
    batches = list(wire(SPEC, file_slices(SPEC, tmp_path)))
    batches.append(finale(SPEC, batches[-1].latest()))
    out = list(domain.run(as_records(SPEC, batches)))
    account = domain.pipeline.account
    told = {name: account.total(name) for name in ("discharges", "admissions", "visits")}
    assert {name: own["late"] + own["duplicate"] for name, own in told.items()} == {
        "discharges": 0, "admissions": 0, "visits": 0,
    }  # fmt: skip
    assert told["admissions"]["applied"] == len(stays)
    assert told["discharges"]["no_model"] == len(stays) - 3
    assert (told["discharges"]["dead"], told["admissions"]["dead"]) == (2, 2)
    assert told["visits"]["applied"] == sum("emergency" in r or "wellness" in r for r in rows)
    reasons = sorted(
        dict(record.headers)["reason"].decode() for record in out if record.topic.endswith(".dead")
    )
    assert reasons == [
        "2 cells under a header of 15", "days: missing", "event_time: missing", "type: missing",
    ]  # fmt: skip
