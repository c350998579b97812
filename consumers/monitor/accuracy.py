"""Prequential accuracy of a model, while labels arrive late, twice, corrected or never.

Predictions and labels are joined by the event's id. The window covers a span of event time, or a
number of events, and ends at the newest event with a label. At every moment it holds the same
events as a batch computation over all labels that are known by then.

References
----------
Gama, Sebastião and Rodrigues (2013), On evaluating stream learning algorithms, *Machine Learning*
90, 317-346: prequential error over a sliding window.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from streamsim.consumers.monitor.accuracy_columns import rows_of, span_of
from streamsim.consumers.monitor.accuracy_threshold import (
    AccuracyState,
    AccuracyThreshold,
    accuracy_state,
)
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.statistics.quality import Metric, find_metric

if TYPE_CHECKING:
    import pandas as pd


class AccuracyTracker:
    """Joins predictions with labels and keeps the window; the state of :func:`track_accuracy`.

    Parameters
    ----------
    span, count
        Length of the window: event time (ms), or events. Exactly one is given.
    patience
        How long a prediction waits for its label (ms of event time, by the labels' clock);
        ``None`` to wait for ever.
    """

    def __init__(
        self,
        limit: AccuracyThreshold,
        metric: Metric,
        *,
        span: int | None = None,
        count: int | None = None,
        patience: int | None = None,
    ) -> None:
        if (span is None) == (count is None) or (span or count or 0) <= 0:
            raise UsageError("a window needs either a span of time or a count of events, above 0")
        self._limit, self._metric = limit, metric
        self._span, self._count, self._patience = span, count, patience
        self._predicted: dict[str, tuple[int, float]] = {}
        self._early: dict[str, tuple[int, float]] = {}
        # Sorted by time and id: a repeat of an event that has left the window sorts before it.
        self._window: list[tuple[int, str]] = []
        self._labels: dict[str, tuple[int, float, float]] = {}
        self._newest = self._at = NO_TIME
        self.is_low = False

    def predict(self, event_id: str, time: int, prediction: float) -> None:
        """Add a prediction; a second one for the same event, of the same time, is a repeat."""
        if event_id in self._predicted or event_id in self._labels:
            return
        self._predicted[event_id] = time, prediction
        early = self._early.pop(event_id, None)
        if early is not None:
            self._join(event_id, *early)

    def label(self, event_id: str, known: int, value: float) -> None:
        """Add a label; a label that is known later than another of the same event corrects it."""
        self._at = max(self._at, known)
        if event_id in self._labels:
            before, prediction, _ = self._labels[event_id]
            if known > before:
                self._labels[event_id] = known, prediction, value
        elif event_id in self._predicted:
            self._join(event_id, known, value)
        elif known > self._early.get(event_id, (NO_TIME, 0.0))[0]:
            self._early[event_id] = known, value

    def state(self) -> AccuracyState:
        """Return the accuracy as it is known now."""
        self._forget()
        pairs = [self._labels[event_id] for _, event_id in self._window]
        predictions = np.array([prediction for _, prediction, _ in pairs], np.float64)
        labels = np.array([value for _, _, value in pairs], np.float64)
        state = accuracy_state(
            self._limit, self._metric, self._at, predictions, labels, self.is_low
        )
        self.is_low = state.is_low
        return state

    def _join(self, event_id: str, known: int, value: float) -> None:
        time, prediction = self._predicted.pop(event_id)
        self._labels[event_id] = known, prediction, value
        insort(self._window, (time, event_id))
        self._newest = max(self._newest, time)
        if self._count is not None:
            self._drop(len(self._window) - self._count)
        elif self._span is not None:
            oldest = self._newest - self._span
            self._drop(next(i for i, (time, _) in enumerate(self._window) if time > oldest))

    def _drop(self, count: int) -> None:
        if count > 0:
            for _, event_id in self._window[:count]:
                del self._labels[event_id]
            del self._window[:count]

    def _forget(self) -> None:
        if self._patience is None or self._at == NO_TIME:
            return
        limit = self._at - self._patience
        for event_id in [i for i, (time, _) in self._predicted.items() if time < limit]:
            del self._predicted[event_id]
        for event_id in [i for i, (known, _) in self._early.items() if known < limit]:
            del self._early[event_id]


def track_accuracy(
    predictions: pd.DataFrame,
    labels: pd.DataFrame,
    window: int | str | pd.Timedelta,
    threshold: float,
    *,
    metric: str | Metric = "accuracy",
    margin: float = 0.02,
    min_samples: int = 30,
    was_low: bool = False,
) -> Iterator[AccuracyState]:
    """Track a model's accuracy over time, and say when it is too low.

    Parameters
    ----------
    predictions
        Columns ``event_id``, ``event_time`` and ``prediction``. An id is the same as 7, 7.0 and
        "7". For ``accuracy`` predictions and labels are classes, in numbers or words.
    labels
        Columns ``event_id``, ``known_at`` and ``label``, in any order. A label replaces an earlier
        one of the same event from its ``known_at`` on.
    window
        A number of events, or a span of event time (``"7D"``).
    threshold
        Accuracy is low below it; for errors such as ``mae`` and ``log_loss``, above it.
    metric
        By its name in :data:`streamsim.streams.statistics.quality.METRICS`, such as ``accuracy``,
        ``recall@0.5`` (of scores, at a threshold), ``average_precision`` or ``mae``; or a function
        of predictions and labels.
    was_low
        Whether accuracy was low before the first label.

    Yields
    ------
    A state for each moment at which labels became known, in order. ``change`` says when an alert is
    raised, and when it is resolved.

    Raises
    ------
    UsageError
        If a column is missing or of no use for the metric, the metric is not known, or the ids of
        predictions and labels are of other forms.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2025-01-01", periods=4, tz="UTC")
    >>> said = pd.DataFrame({"event_id": list("abcd"), "event_time": days, "prediction": 1})
    >>> true = pd.DataFrame({"event_id": list("abcd"), "known_at": days + pd.Timedelta("7D"),
    ...                      "label": [1, 0, 0, 1]})
    >>> [(s.value, s.samples, s.change and s.change.value)
    ...     for s in track_accuracy(said, true, 2, 0.5, min_samples=2, margin=0.0)]
    [(1.0, 1, None), (0.5, 2, None), (0.0, 2, 'raised'), (0.5, 2, 'resolved')]
    """
    count, span = span_of(window)
    chosen, is_error = find_metric(metric)
    said, true = rows_of(predictions, labels, metric)
    limit = AccuracyThreshold(threshold, margin, min_samples, is_error)
    tracker = AccuracyTracker(limit, chosen, span=span, count=count)
    tracker.is_low = was_low
    coming = iter(sorted(said, key=lambda row: row[1]))
    head = next(coming, None)
    true.sort(key=lambda row: row[1])
    for row, (event_id, known, value) in enumerate(true):
        while head is not None and head[1] <= known:
            tracker.predict(*head)
            head = next(coming, None)
        tracker.label(event_id, known, value)
        if row + 1 == len(true) or true[row + 1][1] > known:
            yield tracker.state()
