"""Follow how right a model is while labels come in: late, twice, corrected or never.

A prediction and its label meet by the event's id. What counts is the window of event time, or of so
many events, that ends at the newest event with a label; it moves as labels come, and at every
moment holds what a batch computation over all that was known by then would take.

References
----------
Gama, Sebastião and Rodrigues (2013), On evaluating stream learning algorithms, *Machine Learning*
90, 317-346: prequential error over a sliding window.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME, Floats
from streamsim.streams.statistics.quality import Metric, find_metric

if TYPE_CHECKING:
    import pandas as pd


class Change(StrEnum):
    """What became of the alert."""

    RAISED = "raised"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AccuracyState:
    """How right the model is by now.

    Attributes
    ----------
    at
        When the last of the labels was known (ms).
    value
        The metric over the window; NaN where it is undefined.
    samples
        Events in the window.
    is_low
        Whether it has fallen below the threshold and has not recovered.
    change
        What this state does to that, if anything.
    """

    at: int
    value: float
    samples: int
    is_low: bool
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """When accuracy counts as low.

    Parameters
    ----------
    threshold
        It is low below this; for an error, above it.
    margin
        It has recovered once it is better than the threshold by as much: an accuracy that wavers
        about the threshold is one alert, not many.
    min_samples
        Less than this says nothing.
    lower_is_better
        For errors.
    """

    threshold: float
    margin: float = 0.02
    min_samples: int = 30
    lower_is_better: bool = False

    def judge(self, value: float, samples: int, was_low: bool) -> bool:
        """Say whether accuracy is low now.

        >>> bar = Bar(0.8, margin=0.05, min_samples=10)
        >>> [bar.judge(v, 10, low) for v, low in ((0.8, False), (0.79, False), (0.84, True))]
        [False, True, True]
        >>> bar.judge(0.86, 10, True), bar.judge(0.1, 9, False)
        (False, False)
        """
        if samples < self.min_samples or math.isnan(value):
            return was_low
        sign = -1 if self.lower_is_better else 1
        wanted = self.threshold + sign * self.margin if was_low else self.threshold
        return sign * value < sign * wanted


def judge(
    bar: Bar, metric: Metric, at: int, predictions: Floats, labels: Floats, was_low: bool
) -> AccuracyState:
    """Judge a window: what :func:`track_accuracy` and the stream's monitor do at every step.

    Parameters
    ----------
    at
        When that was known (ms).
    predictions, labels
        Of the window's events, shape ``(n,)``.
    was_low
        Whether accuracy was low before.
    """
    value = float(metric(predictions, labels)) if len(labels) else math.nan
    is_low = bar.judge(value, len(labels), was_low)
    change = None
    if is_low != was_low:
        change = Change.RAISED if is_low else Change.RESOLVED
    return AccuracyState(at, value, len(labels), is_low, change)


class AccuracyTracker:
    """Joins predictions with labels and keeps the window; the state of :func:`track_accuracy`.

    Parameters
    ----------
    span, count
        The window: event time (ms), or events. Exactly one is given.
    patience
        A prediction whose label has not come so long after it is forgotten (ms of event time, by
        the labels' clock); ``None`` to wait for ever.
    """

    def __init__(
        self,
        bar: Bar,
        metric: Metric,
        *,
        span: int | None = None,
        count: int | None = None,
        patience: int | None = None,
    ) -> None:
        if (span is None) == (count is None) or (span or count or 0) <= 0:
            raise UsageError("a window is of time or of events, and longer than nothing")
        self._bar, self._metric = bar, metric
        self._span, self._count, self._patience = span, count, patience
        self._predicted: dict[str, tuple[int, float]] = {}
        self._early: dict[str, tuple[int, float]] = {}
        # By time and id: a repeat of what has left the window finds its own place again, outside.
        self._window: list[tuple[int, str]] = []
        self._labels: dict[str, tuple[int, float, float]] = {}
        self._newest = self._at = NO_TIME
        self.is_low = False

    def predict(self, event_id: str, time: int, prediction: float) -> None:
        """Take a prediction in; a second one for the same event, of the same time, is a repeat."""
        if event_id in self._predicted or event_id in self._labels:
            return
        self._predicted[event_id] = time, prediction
        early = self._early.pop(event_id, None)
        if early is not None:
            self._join(event_id, *early)

    def label(self, event_id: str, known: int, value: float) -> None:
        """Take a label in; one that is known later than another of the same event corrects it."""
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
        """Say how right the model is by now."""
        self._forget()
        pairs = [self._labels[event_id] for _, event_id in self._window]
        predictions = np.array([prediction for _, prediction, _ in pairs], np.float64)
        labels = np.array([value for _, _, value in pairs], np.float64)
        state = judge(self._bar, self._metric, self._at, predictions, labels, self.is_low)
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
    """Follow a model's accuracy over time, and say when it is too low.

    Parameters
    ----------
    predictions
        Columns ``event_id``, ``event_time`` and ``prediction``.
    labels
        Columns ``event_id``, ``known_at`` and ``label``, in any order; of several for one event
        the one that is known last counts from when it is known.
    window
        A number of events, or a span of event time (``"7D"``).
    threshold
        Accuracy is low below it; for the errors ``mae`` and ``rmse``, above it.
    metric
        ``accuracy``, ``average_precision``, ``roc_auc``, ``mae``, ``rmse``, or a function of
        predictions and labels.
    was_low
        Whether it was low before: goes on from there.

    Yields
    ------
    A state per moment at which labels became known, in order. ``change`` says when an alert is
    raised, and when it is resolved.

    Raises
    ------
    UsageError
        If a column is missing or the metric is not known.

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
    count, span = (int(window), None) if isinstance(window, int) else (None, _span_of(window))
    said = _columns(predictions, "event_id", "event_time", "prediction")
    true = _columns(labels, "event_id", "known_at", "label")
    chosen, is_error = find_metric(metric)
    bar = Bar(threshold, margin, min_samples, is_error)
    tracker = AccuracyTracker(bar, chosen, span=span, count=count)
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


def _columns(frame: pd.DataFrame, *names: str) -> list[tuple[str, int, float]]:
    """Return rows of an id, a time in ms and a number; what lacks one of them is left out."""
    import pandas as pd

    if missing := [name for name in names if name not in frame]:
        raise UsageError(f"no column {', '.join(missing)}; there are {', '.join(frame.columns)}")
    event_id, time, value = names
    if not pd.api.types.is_integer_dtype(frame[time]):
        frame = frame.assign(**{time: pd.to_datetime(frame[time], utc=True)})
    rows = frame[list(names)].dropna()
    stamps = rows[time]
    if not pd.api.types.is_integer_dtype(stamps):
        stamps = stamps.dt.as_unit("ms").astype("int64")
    numbers: Iterable[Any] = rows[value].astype("float64").tolist()
    return list(zip(rows[event_id].astype(str).tolist(), stamps.tolist(), numbers, strict=True))


def _span_of(window: str | pd.Timedelta) -> int:
    import pandas as pd

    try:
        return int(pd.Timedelta(window) / pd.Timedelta(milliseconds=1))
    except ValueError:
        raise UsageError(f"no span of time: {window!r}") from None
