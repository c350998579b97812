"""Accuracy threshold: when a window's accuracy counts as low, and when as recovered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from streamsim.streams.events import Floats
from streamsim.streams.statistics.quality import Metric


class Change(StrEnum):
    """What happens to the alert."""

    RAISED = "raised"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AccuracyState:
    """A model's accuracy at one moment.

    Attributes
    ----------
    at
        When the last of the labels became known (ms).
    value
        The metric over the window; NaN where it is undefined.
    samples
        Events in the window.
    is_low
        Whether accuracy has fallen below the threshold and has not recovered.
    change
        Whether this state raises or resolves the alert; ``None`` if it does neither.
    """

    at: int
    value: float
    samples: int
    is_low: bool
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class AccuracyThreshold:
    """When accuracy counts as low.

    Parameters
    ----------
    threshold
        Accuracy is low below this; an error is high above it.
    margin
        Accuracy has recovered once it is better than the threshold by this much. So an accuracy
        that wavers about the threshold raises one alert, not many.
    min_samples
        With fewer events in the window nothing changes.
    lower_is_better
        For errors.
    """

    threshold: float
    margin: float = 0.02
    min_samples: int = 30
    lower_is_better: bool = False

    def is_low(self, value: float, samples: int, was_low: bool) -> bool:
        """Say whether accuracy is low now.

        >>> limit = AccuracyThreshold(0.8, margin=0.05, min_samples=10)
        >>> [limit.is_low(v, 10, low) for v, low in ((0.8, False), (0.79, False), (0.84, True))]
        [False, True, True]
        >>> limit.is_low(0.86, 10, True), limit.is_low(0.1, 9, False)
        (False, False)
        """
        if samples < self.min_samples or math.isnan(value):
            return was_low
        sign = -1 if self.lower_is_better else 1
        wanted = self.threshold + sign * self.margin if was_low else self.threshold
        return sign * value < sign * wanted


def accuracy_state(
    limit: AccuracyThreshold,
    metric: Metric,
    at: int,
    predictions: Floats,
    labels: Floats,
    was_low: bool,
) -> AccuracyState:
    """Measure a window and compare it with the threshold.

    Both :func:`streamsim.consumers.monitor.accuracy.track_accuracy` and the stream's rolling
    metric do this at every step.

    Parameters
    ----------
    at
        When the labels were known (ms).
    predictions, labels
        Of the window's events, shape ``(n,)``.
    was_low
        Whether accuracy was low before.
    """
    value = float(metric(predictions, labels)) if len(labels) else math.nan
    is_low = limit.is_low(value, len(labels), was_low)
    change = None
    if is_low != was_low:
        change = Change.RAISED if is_low else Change.RESOLVED
    return AccuracyState(at, value, len(labels), is_low, change)
