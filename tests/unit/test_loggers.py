"""Logs of phones at a car's port: Torque's rows and Car Scanner's values; engines are named."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from streamsim.consumers.clean.cleaner import decode
from streamsim.consumers.collect.records import collect
from streamsim.producers.file_kinds import find_files
from streamsim.producers.files import FileSource
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import as_records
from streamsim.streams.codec import format_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import SourceError

SPEC = load_domain("logistics")
FIELDS = ("coolant_temp", "voltage", "load", "speed", "latitude")
NAN = float("nan")


def read(path: Path) -> tuple[dict[str, tuple[str, list[float]]], dict[str, str]]:
    """Return times and values by id, and by their places why rows are dead."""
    found: dict[str, tuple[str, list[float]]] = {}
    dead: dict[str, str] = {}
    for file, kind in find_files(SPEC.inputs, path):
        source = FileSource(SPEC.inputs, file, kind, SPEC.longest_delay)
        slices = list(source.slices())
        notes = [note for s in slices for e in s.emissions for note in e.notes or () if note]
        dead |= {note.found_at: note.refused for note in notes}
        for records in as_records(SPEC, wire(SPEC, slices)):
            if records.source != "telemetry":
                continue
            events, _, refused = decode(collect(records), SPEC.trigger)
            assert len(refused) == len(dead)
            times = format_times(events.event_time)
            values = np.column_stack([events.columns[name] for name in FIELDS]).tolist()
            found |= dict(zip(events.event_id, zip(times, values, strict=True), strict=True))
    return found, dead


TORQUE = (
    "GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second),"
    "Engine Coolant Temperature(°C),Engine RPM(rpm),Engine Load(%),Speed (OBD)(km/h),"
    "Voltage (OBD Adapter)(V)"
)
TORQUE_ROWS = (
    "Wed Aug 05 18:57:56 GMT+01:00 2026,05-Aug-2026 18:57:56.120,-1.1,51.2,-,88,-,-,-,14.1",
    TORQUE,
    "Wed Aug 05 18:57:57 GMT+01:00 2026,05-Aug-2026 18:57:57.121,-1.1,51.2,0.1,88,900,31.5,12,14.1",
    "-,05-Aug-2026 18:57:58,-,-,0.1,hot,900,31.5,12,14.1",
)


def test_torque_s_rows_are_readings(tmp_path: Path) -> None:
    (tmp_path / "trackLog-1.csv").write_text("\n".join([TORQUE, *TORQUE_ROWS]) + "\n")
    found, dead = read(tmp_path)
    assert str(found) == str(
        {
            "trackLog-1-0": ("2026-08-05T18:57:56.120Z", [88.0, 14.1, NAN, NAN, 51.2]),
            "trackLog-1-2": ("2026-08-05T18:57:57.121Z", [88.0, 14.1, 31.5, 12.0, 51.2]),
        }
    )
    assert dead == {
        "trackLog-1.csv:3": "event_time: not an instant, in Device Time: ' Device Time'",
        "trackLog-1.csv:5": "coolant_temp: not a number: 'hot'",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_units_are_converted(tmp_path: Path, encoding: str) -> None:
    header = "GPS Time,Device Time,Engine Coolant Temperature(°F),Speed (OBD)(mph)"
    text = f"{header}\n-,28-Oct-2024 13:50:51,212,10\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    ((_, values),) = read(tmp_path)[0].values()
    assert values[0] == 100.0
    assert values[3] == pytest.approx(16.09344)


SCANNER = (
    '"SECONDS";"PID";"VALUE";"UNITS";"LATITUDE";"LONGTITUDE";',
    '"86399.5";"Engine coolant temperature";"88";"℃";"51.2";"-1.1";',
    '"86399.75";"Engine RPM";"812";"rpm";"51.2";"-1.1";',
    '"0.25";"Vehicle speed";"10";"mph";"";"";',
    '"0.5";"Calculated engine load value";"x";"%";"";"";',
    '"SECONDS";"PID";"VALUE";"UNITS";"LATITUDE";"LONGTITUDE";',
    '"0.75";"Engine coolant temperature";"212";"°F";"";"";',
)


def test_car_scanner_s_values_are_readings_of_one_sensor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "2026-03-20 23-59-59.csv"
    path.write_text("\n".join(SCANNER) + "\n")
    with caplog.at_level(logging.INFO):
        found, dead = read(path)
    name = path.stem
    assert list(found) == [f"{name}-0", f"{name}-2", f"{name}-5"]
    times, values = zip(*found.values(), strict=True)
    assert times == (
        "2026-03-20T23:59:59.500Z", "2026-03-21T00:00:00.250Z", "2026-03-21T00:00:00.750Z",
    )  # fmt: skip
    np.testing.assert_allclose(
        values,
        [[88, NAN, NAN, NAN, 51.2], [NAN, NAN, NAN, 16.09344, NAN], [100, NAN, NAN, NAN, NAN]],
    )
    assert dead == {
        f"{path.name}:5": "load: not a number: 'x'",
        f"{path.name}:6": "event_time: not an instant, in SECONDS: 'SECONDS'",
    }
    assert "1 of 6 rows are no event of any source: Engine RPM 1" in caplog.text


ROW = "1 1 -0.0007 -0.0004 100.0 " + " ".join(["518.67"] * 21) + "  "


def test_engines_are_named_with_the_command_that_takes_them(tmp_path: Path) -> None:
    (tmp_path / "train_FD003.txt").write_text(f"{ROW}\n" * 30)
    with pytest.raises(SourceError, match=r"C-MAPSS: .* streamsim bench turbofan --data takes it"):
        find_files(SPEC.inputs, tmp_path)
    (tmp_path / "RUL_FD003.txt").write_text("112 \n98 \n")
    with pytest.raises(SourceError, match=r"remaining lives: streamsim bench turbofan"):
        find_files(SPEC.inputs, tmp_path / "RUL_FD003.txt")


@pytest.mark.parametrize(
    ("name", "row"), [("engines.txt", ROW), ("train_FD001.txt", ROW + "7"), ("x_fd001.csv", "a b")]
)
def test_no_other_file_is_taken_for_engines(tmp_path: Path, name: str, row: str) -> None:
    (tmp_path / name).write_text(f"{row}\n" * 3)
    with pytest.raises(SourceError, match="no kind of file that is known here"):
        find_files(SPEC.inputs, tmp_path / name)
