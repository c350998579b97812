"""Logistics: recognised kinds of files, by their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.calendar import EPOCH
from streamsim.streams.events import NO_TIME
from streamsim.streams.reading.formats import Instants
from streamsim.streams.reading.identifiers import text_of
from streamsim.streams.spec import SECOND
from streamsim.streams.spec.input_maps import FILE, ROW, FileMap

from .fleet import SENSORS
from .loggers import ENGINES, LOGGED, LOGGERS

if TYPE_CHECKING:
    import pandas as pd

_OBD = {
    "COOLANT_TEMPERATURE ()": "coolant_temp",
    "CONTROL_MODULE_VOLTAGE ()": "voltage",
    "ENGINE_LOAD ()": "load",
    "VEHICLE_SPEED ()": "speed",
}
_TEXTS = ("event_id", "vehicle_id", "vehicle_type")
_NUMBERS = (*SENSORS, "latitude", "longitude")


def _obd(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert a drive that was logged once a second from a car's OBD-II port.

    The file has neither time nor car. So each file is a vehicle with the file's name, its first
    row is at :data:`streamsim.streams.calendar.EPOCH`, and each following row a second later.
    """
    import pandas as pd

    name, first = str(frame.attrs.get(FILE, "obd")), int(frame.attrs.get(ROW, 0))
    row = first + np.arange(len(frame))
    readings = {ours: _numbers(frame[theirs]) for theirs, ours in _OBD.items()}
    there = pd.DataFrame(readings).notna().any(axis=1).to_numpy()
    columns = {
        "event_id": [f"{name}-{r}" for r in row.tolist()],
        "event_time": np.where(there, EPOCH + row * SECOND, NO_TIME),
        "vehicle_id": [name] * len(row),
        "vehicle_type": ["car"] * len(row),
        **readings,
    }
    return {"telemetry": pd.DataFrame(columns, index=frame.index)}


def _own(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert readings whose columns are already those of the topic."""
    import pandas as pd

    columns = {name: frame[name].map(text_of).astype(object) for name in _TEXTS if name in frame}
    columns["event_time"] = Instants().read(frame["event_time"])
    columns |= {name: _numbers(frame[name]) for name in _NUMBERS if name in frame}
    return {"telemetry": pd.DataFrame(columns)}


def _numbers(column: pd.Series) -> pd.Series:
    """Return numbers as float64, NaN where there is none."""
    import pandas as pd

    return pd.to_numeric(column, errors="coerce").astype("float64")


FILES = (
    FileMap(
        name="obd",
        columns=tuple(_OBD),
        convert=_obd,
        dialect=LOGGED,
        written={ours: theirs for theirs, ours in _OBD.items()},
    ),
    FileMap(
        name="streamsim",
        columns=("event_id", "event_time", "vehicle_id"),
        convert=_own,
        optional=("vehicle_type", *_NUMBERS),
        dialect=LOGGED,
    ),
    *LOGGERS,
    *ENGINES,
)
