"""Estimates of a metric, judged by what the labels said later."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.statistics.intervals import Interval

LATEST = 20
"""The mean error is that of so many estimates: an error of long ago says nothing of the next."""
MOST_WAITING = 1_000
"""Estimates that wait for their labels; the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An estimate and what the labels said.

    Attributes
    ----------
    at
        When the window ended (ms of event time).
    estimate
        With its band.
    value
        The metric by the labels.
    """

    at: int
    estimate: Interval
    value: float

    @property
    def error(self) -> float:
        """By how much the estimate was too high; below 0 if it was too low."""
        return self.estimate.value - self.value

    @property
    def is_inside(self) -> bool:
        """Whether the value lies in the band of the estimate."""
        return self.estimate.low <= self.value <= self.estimate.high


class JudgedEstimates:
    """The estimates of one metric of one model: those that wait, and the errors of the latest.

    Examples
    --------
    >>> estimates = JudgedEstimates()
    >>> for at, value in ((10, 0.8), (20, 0.9)):
    ...     estimates.said(at, Interval(value, value - 0.05, value + 0.05))
    >>> estimates.judged(10, 0.78).is_inside, estimates.judged(20, 0.5).is_inside
    (True, False)
    >>> round(estimates.mean_error, 3), estimates.inside
    (0.21, 0.5)
    """

    def __init__(self, latest: int = LATEST) -> None:
        self._waiting: dict[int, Interval] = {}
        self._judged: deque[Judged] = deque(maxlen=latest)

    def said(self, at: int, estimate: Interval) -> None:
        """Remember the estimate for the window that ends at ``at`` (ms); NaN is no estimate."""
        if math.isnan(estimate.value):
            return
        self._waiting[at] = estimate
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def judged(self, at: int, value: float) -> Judged | None:
        """Judge the estimate for the window that ended at ``at`` (ms), once its labels are final.

        Returns
        -------
        ``None`` if there was no estimate, or the value is NaN. Each is judged once.
        """
        estimate = self._waiting.pop(at, None)
        if estimate is None or math.isnan(value):
            return None
        found = Judged(at, estimate, value)
        self._judged.append(found)
        return found

    @property
    def mean_error(self) -> float:
        """Mean absolute error of the latest judged estimates; NaN before the first."""
        return self._mean([abs(own.error) for own in self._judged])

    @property
    def bias(self) -> float:
        """By how much the latest were too high on average; NaN before the first."""
        return self._mean([own.error for own in self._judged])

    @property
    def inside(self) -> float:
        """Share of the latest whose band held the value; NaN before the first."""
        return self._mean([float(own.is_inside) for own in self._judged])

    @property
    def count(self) -> int:
        """How many estimates these figures are of."""
        return len(self._judged)

    def as_body(self, estimate: Interval) -> dict[str, Any]:
        """Return an estimate with the error of those before it, as JSON types."""
        figures = {
            **estimate.as_dict(),
            "mean_error": self.mean_error,
            "bias": self.bias,
            "inside": self.inside,
        }
        return {
            **{name: None if math.isnan(v) else round(v, 6) for name, v in figures.items()},
            "judged": self.count,
        }

    def snapshot(self) -> Columns:
        """Return the whole state: an empty one that restores it is equal to this one."""
        return {
            "waiting": [_written(at, own) for at, own in self._waiting.items()],
            "judged": [_written(own.at, own.estimate, own.value) for own in self._judged],
        }

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, ValueError, TypeError
            If it is none.
        """
        for text in parts.texts("waiting"):
            at, *figures = orjson.loads(text)
            self._waiting[at] = Interval(*figures)
        for text in parts.texts("judged"):
            at, value, low, high, true = orjson.loads(text)
            self._judged.append(Judged(at, Interval(value, low, high), true))

    def _mean(self, values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan


def _written(at: int, own: Interval, *more: float) -> str:
    return orjson.dumps([at, own.value, own.low, own.high, *more]).decode()
