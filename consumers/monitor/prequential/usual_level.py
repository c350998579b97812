"""What a model's metric usually is, and from which figure on it is worse than that.

A figure of one window is compared with those of earlier windows, not with the rows in it alone: the
rows of a week share their causes, and weeks differ. The bound is a prediction limit for one more
window. The windows of neighbouring steps share most of their rows, so they count as as many windows
as fit side by side into their time.

References
----------
Hahn and Meeker (1991), *Statistical Intervals*, section 4.4: the prediction interval for one more
observation of a normal population.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median, stdev
from typing import Any

from scipy.special import stdtrit

from streamsim.streams.spec.rules import Accuracy
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import find_metric

CONFIDENCE = 0.95
"""Of the prediction limit, which has one side."""
FEWEST_WINDOWS = 2.0
"""Windows side by side, from which on there is a limit."""
MOST_MARGINS = 4.0
"""A loss of so many margins is bad, however few windows are known: two or three make a limit that
nothing passes, and a model that fails early would become the usual one."""
MOST_STEPS = 200
"""Newest good steps that are remembered."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How a figure compares with what is usual.

    Attributes
    ----------
    bound
        From here on a figure is bad.
    is_bad
        Whether it is beyond the bound, and below the level by more than the rows explain.
    is_good
        Whether it is nearer to the level than to the bound.
    """

    bound: float
    is_bad: bool
    is_good: bool


class UsualLevel:
    """What the metric of one version usually is.

    Parameters
    ----------
    declared
        The metric, its window, its step and its margin.

    Attributes
    ----------
    value
        The median of the good steps; NaN while too few are known.
    """

    def __init__(self, declared: Accuracy) -> None:
        self._own = declared
        self._sign = -1.0 if find_metric(declared.metric)[1] else 1.0
        self._good: list[float] = []
        self._began: int | None = None
        self.value = math.nan

    def judge(self, at: int, figure: Interval) -> Judged | None:
        """Judge the figure of the window that ends at a time (ms), and take it in if it is not bad.

        Until the first window is full, and windows enough are known, there is no judgement.
        """
        if self._began is None:
            self._began = at - self._own.step
        if at - self._began < self._own.span:
            return None
        judged = self._judged(figure)
        if judged is None or not judged.is_bad:
            self._good = [*self._good, figure.value][-MOST_STEPS:]
            if self.windows >= FEWEST_WINDOWS:
                self.value = median(self._good)
        return judged

    @property
    def windows(self) -> float:
        """As many windows side by side would tell as much as the steps that are remembered."""
        return 1 + (len(self._good) - 1) * self._own.step / self._own.span if self._good else 0.0

    def _judged(self, figure: Interval) -> Judged | None:
        windows = self.windows
        if windows < FEWEST_WINDOWS:
            return None
        chance = stdtrit(windows - 1, CONFIDENCE) * stdev(self._good) * math.sqrt(1 + 1 / windows)
        sign, usual = self._sign, self._sign * self.value
        margin = self._own.margin
        bound = usual - min(max(margin, float(chance)), MOST_MARGINS * margin)
        best = max(sign * figure.low, sign * figure.high)
        return Judged(
            sign * bound,
            sign * figure.value < bound and best < usual,
            sign * figure.value >= (usual + bound) / 2,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return its state as JSON types."""
        return {"good": self._good, "began": self._began}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is none.
        """
        self._good = [float(value) for value in state["good"]]
        self._began = None if state["began"] is None else int(state["began"])
        self.value = median(self._good) if self.windows >= FEWEST_WINDOWS else math.nan
