"""Logistics: logs of phones at a car's OBD-II port: Torque's rows, and Car Scanner's values.

Units are converted to those of the readings. Local times have no zone, and are read as UTC. Each
file is a vehicle with the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.calendar import EPOCH
from streamsim.streams.codec import parse_times
from streamsim.streams.events import NO_TIME, Floats, Ints
from streamsim.streams.reading.formats import Instants, Number
from streamsim.streams.spec import DAY
from streamsim.streams.spec.input_maps import FILE, ROW, Dialect, FileMap

from .misreading import CONVERSIONS

if TYPE_CHECKING:
    import pandas as pd

LOGGED = Dialect(missing=frozenset(("-", "NO DATA", "NaN", "N/A")))
"""What loggers write where a sensor has said nothing."""
_DEGREES = ("°", "℃", "\ufffd")
"""How degrees are written: the last is what is left of them in another encoding than UTF-8."""
_HALF = DAY // 2

_TIME = "Device Time"
_WAYS = tuple(
    Instants(pattern) for pattern in ("", "%d-%b-%Y %H:%M:%S.%f", "%d-%b-%Y %H:%M:%S")
)  # fmt: skip


def _named(name: str, letter: str) -> tuple[str, ...]:
    units = (f"({degree}{letter})" for degree in _DEGREES if degree != "℃")
    return tuple(name + unit for unit in units)


_TORQUE: Mapping[str, Mapping[str, str]] = {
    "coolant_temp": {
        **dict.fromkeys(_named("Engine Coolant Temperature", "C"), ""),
        "Engine Coolant Temperature(℃)": "",
        **dict.fromkeys(_named("Engine Coolant Temperature", "F"), "F to C"),
    },
    "voltage": {"Voltage (Control Module)(V)": "", "Voltage (OBD Adapter)(V)": ""},
    "load": {"Engine Load(%)": ""},
    "speed": {
        "Speed (OBD)(km/h)": "", "Speed (OBD)(mph)": "mph to km/h",
        "Speed (GPS)(km/h)": "", "GPS Speed(km/h)": "",
    },
    "latitude": {"Latitude": ""},
    "longitude": {"Longitude": ""},
}  # fmt: skip
"""Columns of a field, the best first, with the conversion that each needs."""

_SCANNED: Mapping[tuple[str, str], tuple[str, str]] = {
    **{("Engine coolant temperature", unit): ("coolant_temp", "") for unit in ("°C", "℃")},
    **{("Engine coolant temperature", unit): ("coolant_temp", "F to C") for unit in ("°F", "℉")},
    ("Vehicle speed", "km/h"): ("speed", ""),
    ("Vehicle speed", "mph"): ("speed", "mph to km/h"),
    ("Calculated engine load value", "%"): ("load", ""),
    ("Control module voltage", "V"): ("voltage", ""),
    ("Battery Terminal Voltage", "V"): ("voltage", ""),
}
"""Name and unit of a value to the field, and the conversion that it needs."""


def _torque(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    import pandas as pd

    stamps = _WAYS[0].read(frame[_TIME])
    for way in _WAYS[1:]:
        stamps = stamps.where(stamps.ne(NO_TIME), way.read(frame[_TIME]))
    columns: dict[str, object] = {"event_time": stamps.to_numpy()}
    columns |= _identified(frame, np.arange(len(frame)))
    for field, ways in _TORQUE.items():
        if (name := next((name for name in ways if name in frame), None)) is not None:
            columns[field] = _read(frame, field, frame[name], ways[name])
    return {"telemetry": pd.DataFrame(columns, index=frame.index)}


def _read(frame: pd.DataFrame, field: str, written: pd.Series, conversion: str = "") -> Floats:
    """Return a field's numbers, converted.

    What is written becomes a column of the field's name: for the reason of what is no number.
    """
    frame[field] = written
    numbers: Floats = Number().read(written).to_numpy()
    return CONVERSIONS[conversion].apply(numbers) if conversion else numbers


class Scanned:
    """Converts Car Scanner's values, each of which is a row; one for each reading of a file.

    A row says the seconds since midnight. The day is in the file's name. A value becomes a reading
    of one sensor; values that no reading has become none.
    """

    def __init__(self) -> None:
        self._days, self._last = 0, NO_TIME

    def __call__(self, frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
        """Return the events of some rows."""
        import pandas as pd

        kinds = zip(frame["PID"], frame["UNITS"], strict=True)
        ways = [_SCANNED.get((str(pid), str(unit)), ("", "")) for pid, unit in kinds]
        columns: dict[str, object] = {"event_time": self._times(frame)}
        for field in dict.fromkeys(field for field, _ in _SCANNED.values()):
            own = np.array([way[0] == field for way in ways], bool)
            numbers = _read(frame, field, frame["VALUE"].where(own, None))
            for conversion in dict.fromkeys(c for f, c in _SCANNED.values() if f == field and c):
                there = np.array([way == (field, conversion) for way in ways], bool)
                numbers = np.where(there, CONVERSIONS[conversion].apply(numbers), numbers)
            columns[field] = numbers
        for field, name in (("latitude", "LATITUDE"), ("longitude", "LONGTITUDE")):
            if name in frame:
                columns[field] = _read(frame, field, frame[name])
        # A row that could not be split has no name either; a header that comes again is refused.
        lost = frame["PID"].isna() | frame["PID"].eq("PID")
        rows = np.flatnonzero(lost | np.array([way[0] != "" for way in ways], bool))
        events = pd.DataFrame(columns, index=frame.index).iloc[rows]
        return {"telemetry": events.assign(**_identified(frame, rows))}

    def _times(self, frame: pd.DataFrame) -> Ints:
        """Return instants; past midnight the seconds begin again."""
        day = re.match(r"\d{4}-\d\d-\d\d", str(frame.attrs.get(FILE, "")).rpartition("/")[2])
        begins = int(parse_times([f"{day[0]}T00:00:00Z"])[0]) if day else EPOCH
        seconds = Number().read(frame["SECONDS"]).to_numpy()
        found = np.full(len(frame), NO_TIME)
        for row in np.flatnonzero(np.abs(seconds) < 1e9).tolist():
            now = round(float(seconds[row]) * 1000)
            if self._last != NO_TIME and now < self._last - _HALF:
                self._days += 1
            self._last = now
            if begins != NO_TIME:
                found[row] = begins + self._days * DAY + now
        return found


def _identified(frame: pd.DataFrame, rows: Ints) -> dict[str, list[str]]:
    name, first = str(frame.attrs.get(FILE, "obd")), int(frame.attrs.get(ROW, 0))
    return {
        "event_id": [f"{name}-{first + row}" for row in rows.tolist()],
        "vehicle_id": [name] * len(rows),
        "vehicle_type": ["car"] * len(rows),
    }


LOGGERS = (
    FileMap(
        name="torque",
        columns=("GPS Time", _TIME),
        convert=_torque,
        optional=tuple(name for ways in _TORQUE.values() for name in ways),
        dialect=LOGGED,
        written={"event_time": _TIME},
    ),
    FileMap(
        name="car-scanner",
        columns=("SECONDS", "PID", "VALUE", "UNITS"),
        convert=lambda frame: Scanned()(frame),
        optional=("LATITUDE", "LONGTITUDE"),  # as the app spells it
        dialect=LOGGED,
        begin=Scanned,
        kinds="PID",
        written={"event_time": "SECONDS"},
    ),
)
_ENGINE = "its engines are no vehicles that send readings; streamsim bench turbofan --data takes it"
ENGINES = (
    FileMap(
        name="C-MAPSS",
        columns=("engine", "cycle"),
        convert=_torque,
        dialect=Dialect(
            names=("engine", "cycle"), delimiter=" ", lines=r"\d+\s+\d+(\s+-?\d+(\.\d+)?){24}"
        ),
        files="*_fd00[1-4]*",
        refused=_ENGINE,
    ),
    FileMap(
        name="C-MAPSS, remaining lives",
        columns=("cycles",),
        convert=_torque,
        dialect=Dialect(names=("cycles",), lines=r"\d+"),
        files="rul_fd00[1-4]*",
        refused="streamsim bench turbofan --data takes a part's train_FD00?.txt, which has its own",
    ),
)
