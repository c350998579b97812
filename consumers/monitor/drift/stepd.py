"""STEPD: compares the error rate of the newest results with that of all before them.

References
----------
Nishida and Yamauchi (2007), Detecting concept drift using statistical testing, *Discovery Science*,
LNCS 4755, 264-269: a test of equal proportions with continuity correction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from streamsim.streams.events import Floats, Ints


class Stepd:
    """A detector on errors of 0 or 1.

    Parameters
    ----------
    window
        How many newest results are compared. It begins to judge at twice as many.
    alpha
        Two-sided significance of an alarm. The test is made with each result.
    """

    binary = True

    def __init__(self, window: int = 30, alpha: float = 0.003) -> None:
        self._window = int(window)
        self._least = float(ndtri(1 - alpha / 2))
        self._older, self._wrong = 0, 0.0
        self._newest: Floats = np.empty(0)

    def update(self, errors: Floats) -> Ints:
        """See :class:`~.error_detector.ErrorDetector`."""
        found, begin = [], 0
        while (at := self._first(errors[begin:])) is not None:
            begin += at + 1
            found.append(begin - 1)
        return np.array(found, np.int64)

    def snapshot(self) -> dict[str, Any]:
        """See :class:`~.error_detector.ErrorDetector`."""
        return {"older": self._older, "wrong": self._wrong, "newest": self._newest.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`~.error_detector.ErrorDetector`."""
        self._older, self._wrong = int(state["older"]), float(state["wrong"])
        self._newest = np.array(state["newest"], np.float64)

    def _first(self, errors: Floats) -> int | None:
        """Take errors up to the first alarm, and return its position."""
        window, kept = self._window, len(self._newest)
        values = np.concatenate((self._newest, errors))
        sums = np.concatenate(([0.0], np.cumsum(values)))
        # Position i has i + 1 values since the last alarm that are still kept, and _older before.
        place = np.arange(max(kept, window), len(values))
        recent = sums[place + 1] - sums[place + 1 - window]
        n_old = self._older + place + 1 - window
        old = self._wrong + sums[place + 1 - window]
        with np.errstate(divide="ignore", invalid="ignore"):
            one = 1 / n_old + 1 / window
            pooled = (old + recent) / (n_old + window)
            rise = recent / window - old / n_old
            statistic = (rise - one / 2) / np.sqrt(pooled * (1 - pooled) * one)
        alarms = np.flatnonzero((n_old >= window) & (rise > 0) & (statistic > self._least))
        if len(alarms):
            self._older, self._wrong, self._newest = 0, 0.0, np.empty(0)
            return int(place[alarms[0]]) - kept
        gone = max(len(values) - window, 0)
        self._older += gone
        self._wrong += float(sums[gone])
        self._newest = values[gone:]
        return None
