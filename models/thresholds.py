"""Thresholds of a released model: from which score it alerts, and when its accuracy is low.

Both are learnt from scores of events that the model had not seen in training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints, Matrix
from streamsim.streams.spec import DAY, Accuracy, AlertRule
from streamsim.streams.statistics.quality import find_metric

NEVER = 2.0
"""Threshold that no score reaches."""
WINDOWS = 200
"""Most windows that are measured."""
WORST = 0.1
"""Share of the windows that may be worse than what counts as usual."""


@dataclass(frozen=True, slots=True)
class AlertBudget:
    """How many alerts are affordable: one of the two.

    Parameters
    ----------
    false_share
        Share of the events that should raise none and may do so.
    per_day
        Alerts per day of event time, before cool-downs.
    """

    false_share: float | None = None
    per_day: float | None = None

    def __str__(self) -> str:
        if self.per_day is not None:
            return f"at most {self.per_day:g} alerts a day"
        return f"at most {self.false_share:g} of ordinary events"


def alert_threshold(rule: AlertRule, ordinary: tuple[Floats, Matrix], share: float) -> float:
    """Return the lowest risk that at most ``share`` of ordinary events reach.

    If the rule is about some events only, it is at least their usual risk. Where there is no such
    event, nothing is known of their risk, and the threshold is :data:`NEVER`.

    Parameters
    ----------
    ordinary
        Scores and features of events that should raise no alert.
    """
    risks, features = rule.risks(*ordinary), ordinary[1]
    found = threshold_at(risks, share)
    if rule.eligible is None:
        return found
    meant = rule.eligible(features)
    return max(found, round(float(np.median(risks[meant])), 6)) if meant.any() else NEVER


def threshold_per_day(risks: Floats, times: Ints, alerts: float) -> float:
    """Return the lowest risk that at most so many events a day reach; with 0, :data:`NEVER`.

    Parameters
    ----------
    times
        Of the events (ms).
    """
    if not alerts:
        return NEVER
    days = (int(times.max()) - int(times.min())) / DAY
    return threshold_at(risks, min(1.0, alerts * days / len(risks)))


def threshold_at(ordinary: Floats, share: float) -> float:
    """Return the lowest score that at most ``share`` of ordinary events reach.

    Rounded up to six decimals, as scores are rounded.

    >>> threshold_at(np.array([0.1, 0.2, 0.3, 0.4]), 0.25)
    0.300001
    """
    ranked = np.sort(np.round(ordinary, 6))[::-1]
    allowed = int(len(ranked) * share)
    if allowed >= len(ranked):
        return 0.0
    return round(min(float(ranked[allowed]) + 1e-6, 1.0), 6)


def accuracy_threshold(own: Accuracy, times: Ints, scores: Floats, labels: Ints) -> float | None:
    """Return the accuracy below which a model is worse than it usually was.

    It is measured over windows as the stream measures it, in the second half of the period: in the
    first, events lack history. The threshold is what nine in ten windows reach, less the margin.

    Parameters
    ----------
    times
        Of the events (ms), in any order.

    Returns
    -------
    ``None`` if no window has enough events.
    """
    metric, is_error = find_metric(own.metric)
    order = np.argsort(times, kind="stable")
    times, scores, labels = times[order], scores[order], labels[order]
    middle = (times[0] + times[-1]) // 2
    ends = np.arange(middle // own.step + 1, times[-1] // own.step + 2) * own.step
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, WINDOWS).astype(np.int64))]
    found = []
    for end in ends.tolist():
        done = int(np.searchsorted(times, end))
        begin = max(int(np.searchsorted(times, end - own.span)), done - own.count)
        if done - begin >= own.min_samples:
            found.append(metric(scores[begin:done], labels[begin:done].astype(np.float64)))
    known = np.array(found)[~np.isnan(found)] if found else np.empty(0)
    if not len(known):
        return None
    usual = float(np.quantile(known, 1 - WORST if is_error else WORST))
    return round(usual + (own.margin if is_error else -own.margin), 4)
