"""State of trends: the last measured value of each patient."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from streamsim.streams.events import NO_TIME, Floats, Ints
from streamsim.streams.spec.spans import DAY

Cells: TypeAlias = Sequence[Any]


class LastValues:
    """Last measured values of each patient; a streaming caller keeps it between calls.

    An event sees values that arrived before it and are older than itself; events of the same
    instant do not see each other.

    Parameters
    ----------
    most
        Number of stored values; beyond it the least recently measured are dropped.
    """

    def __init__(self, most: int = 5_000_000) -> None:
        self._most = most
        self._known: dict[tuple[str, Hashable], tuple[int, float, int, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def observe(
        self, column: str, patients: Cells, times: Ints, values: Floats
    ) -> tuple[Floats, Floats]:
        """Add values in order of arrival.

        Returns
        -------
        The change since the patient's last value and the days since then, NaN without a last or
        a present value. Rows with patient ``None`` or time ``NO_TIME`` have no past.
        """
        change, days = np.full(len(values), np.nan), np.full(len(values), np.nan)
        rows = zip(patients, times.tolist(), values.tolist(), strict=True)
        for row, (patient, time, value) in enumerate(rows):
            if patient is None or time == NO_TIME or math.isnan(value):
                continue
            key = column, patient
            before, old, latest, new = self._known.pop(key, (NO_TIME, 0.0, NO_TIME, 0.0))
            seen, base = (latest, new) if latest < time else (before, old)
            if seen != NO_TIME and seen < time:
                change[row], days[row] = value - base, (time - seen) / DAY
            if time > latest:
                before, old = latest, new
            if time >= latest:
                latest, new = time, value
            self._known[key] = before, old, latest, new
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        return change, days


@dataclass(frozen=True, slots=True)
class Past:
    """Inputs of trends: the patient of each row, its time (ms), and the last values."""

    patients: Cells
    times: Ints
    last: LastValues
