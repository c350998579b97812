"""The alert that the domain's metric is low, as the watch over a running model raises it."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.monitor.incidents.incident import Cause, Hysteresis, Signal, Turn
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.consumers.monitor.prequential.bands import band
from streamsim.consumers.monitor.prequential.usual_level import UsualLevel
from streamsim.streams.events import Floats, Ints
from streamsim.streams.spec.rules import Accuracy

LOW = "metric_low"
Told = tuple[int, int, str]
"""When an alert was known, since when what it is about lasts (ms), and the figure in words."""


class LowMetric:
    """Watches the metric of one version.

    Parameters
    ----------
    declared
        The metric, its window and its margin.
    delay
        How long after its event a label is final (ms).
    """

    def __init__(self, declared: Accuracy, delay: int) -> None:
        self._own, self._delay = declared, delay
        self._times: Ints = np.empty(0, np.int64)
        self._scores: Floats = np.empty(0)
        self._truth: Ints = np.empty(0, np.int64)
        usual = Hysteresis(renotify=7 * declared.step)
        self._incidents = Incidents({LOW: usual}, usual)
        self._usual = UsualLevel(declared)
        self._end: int | None = None

    def take(self, until: int, times: Ints, scores: Floats, truth: Ints) -> list[Told]:
        """Take rows, and return the alerts of all steps that are known by now.

        Parameters
        ----------
        until
            Now (ms). All rows of events a delay before it are there.
        """
        order = np.argsort(times, kind="stable")
        self._times = np.concatenate((self._times, times[order]))
        self._scores = np.concatenate((self._scores, scores[order]))
        self._truth = np.concatenate((self._truth, truth[order]))
        if not len(self._times):
            return []
        step, told = self._own.step, []
        if self._end is None:
            self._end = int(self._times[0]) // step * step + step
        while self._end + self._delay <= until:
            told += self._step(self._end)
            self._end += step
        keep = self._times >= self._end - step - self._own.span
        self._times, self._scores = self._times[keep], self._scores[keep]
        self._truth = self._truth[keep]
        return told

    def _step(self, end: int) -> list[Told]:
        """Judge one step."""
        own = self._own
        rows = (self._times >= end - own.span) & (self._times < end) & (self._truth >= 0)
        if rows.sum() < own.min_samples:
            return []
        figure = band(own.metric, self._scores[rows], self._truth[rows].astype(np.float64))
        if np.isnan(figure.value):
            return []
        level, judged = self._usual.value, self._usual.judge(end, figure)
        if judged is None:
            return []
        signal = Signal(
            Cause("", LOW, ""),
            end + self._delay,
            judged.is_bad,
            judged.is_good,
            figure.value,
            judged.bound,
            f"{own.metric} {figure.value:.3f}, usually {level:.3f}",
            int(rows.sum()),
        )
        return [
            (change.at, change.incident.since, change.incident.latest.text)
            for change in self._incidents.step(signal.at, [signal])
            if change.turn is not Turn.RESOLVED
        ]
