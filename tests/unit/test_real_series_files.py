"""The examples' domains read their published files: times, labels, and what is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from streamsim.benchmarks.policies.stream_rows import logged
from streamsim.simulator.domain_stream import file_slices
from streamsim.streams.codec import format_times
from streamsim.streams.spec import DAY, MINUTE
from tests.example_domain import example_domain, example_module

HEADER = "dep_delay,arr_time,arr_delay,carrier,flight,origin,dest,distance,minute,time_hour"
ROWS = """\
61,2256,30,UA,9,EWR,LAX,2454,30,2013-03-09T23:00:00Z
2,830,11,UA,1545,EWR,IAH,1400,15,2013-01-01T10:00:00Z
20,1004,15,B6,725,JFK,BQN,1576,45,2013-01-01T10:00:00Z
NA,NA,NA,EV,4308,EWR,RDU,416,30,2013-01-01T21:00:00Z
-5,1934,NA,MQ,4525,LGA,XNA,1147,30,2013-01-01T20:00:00Z
-3,730,14,AA,33,JFK,PHX,2153,0,2013-07-02T02:00:00Z
"""


def read(name: str, path: Path, source: str) -> dict[str, dict[str, object]]:
    spec = example_domain(name)
    bodies = [
        orjson.loads(value)
        for piece in file_slices(spec, path)
        for emission in piece.emissions
        if emission.source == source
        for value in emission.values
    ]
    return {body["event_id"]: body for body in bodies}


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    path = tmp_path / "flights.csv"
    path.write_text(f"{HEADER}\n{ROWS}")
    return path


def test_a_departure_is_in_the_order_and_time_of_its_schedule(flights: Path) -> None:
    found = read("flights", flights, "departures")
    assert list(found) == [
        "UA1545-EWR-0101-0515", "B6725-JFK-0101-0545", "MQ4525-LGA-0101-1530",
        "EV4308-EWR-0101-1630", "UA9-EWR-0309-1830", "AA33-JFK-0701-2200",
    ]  # fmt: skip
    first = found["UA1545-EWR-0101-0515"]
    assert first["event_time"] == "2013-01-01T10:15:00.000Z"
    assert (first["minute"], first["weekday"], first["distance"]) == (315, 1, 1400)


def test_a_landing_is_told_at_its_own_time_in_any_zone(flights: Path) -> None:
    """08:30 in Houston, 10:04 in Puerto Rico, 22:56 in Los Angeles, 07:30 next day in Phoenix."""
    found = read("flights", flights, "landings")
    assert {key: (own["event_time"], own["late"]) for key, own in found.items()} == {
        "landed-UA1545-EWR-0101-0515": ("2013-01-01T14:30:00.000Z", 0),
        "landed-B6725-JFK-0101-0545": ("2013-01-01T14:04:00.000Z", 1),
        "landed-UA9-EWR-0309-1830": ("2013-03-10T06:56:00.000Z", 1),
        "landed-AA33-JFK-0701-2200": ("2013-07-02T14:30:00.000Z", 0),
    }


def test_only_late_departures_are_told_when_they_left(flights: Path) -> None:
    found = read("flights", flights, "late_departures")
    assert {key: own["event_time"] for key, own in found.items()} == {
        "left-B6725-JFK-0101-0545": "2013-01-01T11:05:00.000Z",
        "left-UA9-EWR-0309-1830": "2013-03-10T00:31:00.000Z",
    }


def test_features_know_who_left_late_an_hour_before_and_not_later(tmp_path: Path) -> None:
    path = tmp_path / "flights.csv"
    late = "30,1000,30,UA,{n},EWR,IAH,1400,{m},2013-01-01T10:00:00Z\n"
    then = "0,1200,0,UA,{n},EWR,IAH,1400,{m},2013-01-01T{h}:00:00Z\n"
    path.write_text(
        f"{HEADER}\n"
        + late.format(n=1, m=0)
        + then.format(n=2, m=30, h=10)
        + then.format(n=1, m=20, h=11)
        + then.format(n=1, m=0, h=12)
        + then.format(n=3, m=0, h=23)
        + "0,1200,0,UA,3,EWR,IAH,1400,0,2013-01-04T15:00:00Z\n"
    )
    spec = example_domain("flights")
    rows = logged(spec, file_slices(spec, path))
    assert len(rows) == 5  # the label of the last one is not final
    assert (rows.known - rows.data.times == 2 * DAY).all()
    names = spec.features.vector.names
    column = {name: rows.data.features[:, names.index(name)] for name in names}
    assert column["airport_3h"].tolist() == [-1, -1, -1, 0.5, -1]
    assert column["airport_1d"].tolist() == [-1, -1, -1, 0.5, 0.25]
    assert column["own_minutes"].tolist() == [-1, -1, -1, 30, -1]
    assert column["own_days"][3] == pytest.approx(90 * MINUTE / DAY)
    assert column["carrier"].tolist() == [11] * 5


def test_a_zone_is_told_once_for_each_destination() -> None:
    files = example_module("flights", "files")
    told = [airport for airports in files.ZONES.values() for airport in airports.split()]
    assert len(told) == len(set(told)) == len(files.ZONE_OF)


def test_days_of_rain_follow_each_other_and_the_gauge_a_day_later(tmp_path: Path) -> None:
    files = example_module("rain", "files")
    path = tmp_path / "rainfall_data.csv"
    values = ",".join(["0.5", "-1.25", *["0"] * 6])
    lines = [f"{i},{values},{rain}" for i, rain in enumerate(["0", "1", ""])]
    path.write_text(f",{','.join(files.COLUMNS)},rain\n" + "\n".join(lines) + "\n")
    days = read("rain", path, "readings")
    start = np.arange(3) * DAY + files.FIRST
    assert [own["event_time"] for own in days.values()] == list(format_times(start))
    assert days["day-1"]["dew_point"] == -1.25
    gauges = read("rain", path, "gauges")
    assert {key: own["rained"] for key, own in gauges.items()} == {
        "gauge-day-0": 0,
        "gauge-day-1": 1,
    }
    assert gauges["gauge-day-1"]["event_time"] == days["day-2"]["event_time"]
