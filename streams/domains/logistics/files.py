"""Logistics: the kinds of files that are recognised, by their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from streams.world import Dialect, FileMap

if TYPE_CHECKING:
    import pandas as pd

_BEGIN = 1_735_689_600_000
"""2025-01-01T00:00:00Z: a drive that was logged without a date begins here."""
_CAR = "car"
_COLUMNS = {
    "COOLANT_TEMPERATURE ()": "coolant_temp",
    "CONTROL_MODULE_VOLTAGE ()": "voltage",
    "ENGINE_LOAD ()": "load",
    "VEHICLE_SPEED ()": "speed",
}


def _obd(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Convert a drive of one car, logged once a second from its OBD-II port.

    The rows have no time, only an order: each is a second after the one before it. A drive is told
    from others by what its first second says of the time since trouble codes were cleared (min).
    """
    import pandas as pd

    number = {c: pd.to_numeric(frame[c], errors="coerce").astype("float64") for c in frame.columns}
    ...


FILES: tuple[FileMap, ...] = ()
