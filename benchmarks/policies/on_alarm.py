"""Learning on alarm: the project's detectors signal, and its decider decides."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from streamsim.benchmarks.policies.learnt_versions import Version, Versions
from streamsim.benchmarks.policies.low_metric import LowMetric
from streamsim.benchmarks.policies.played import Seen
from streamsim.consumers.monitor.drift.drift_report import report_drift
from streamsim.consumers.monitor.drift.error_detector import make_detector
from streamsim.models.adapting.policies import Decider
from streamsim.models.adapting.requests import Ended, Request, Signal
from streamsim.streams.events import Ints, Matrix
from streamsim.streams.spec import Accuracy, Policy
from streamsim.streams.spec.adapting import Trigger
from streamsim.streams.statistics.reference_profile import tally

_ALERTS = Trigger.METRIC, Trigger.DRIFT
HALF = 0.5
"""An answer is wrong if the truth is less likely by it than its opposite."""


class OnAlarm:
    """Learns when a detector alarms.

    Parameters
    ----------
    policy
        Cool-down, budget, window and the like, as in a run.
    delay
        How long after its event a label is final (ms).
    versions
        For the reference of the features.
    metric
        The metric that alerts if it is low, with its window; ``None``: none does.
    errors, features
        Which detectors there are: on the answers' errors, and on the features' distributions.
    gated
        Whether what was learnt must pass the gates.
    again
        Whether what has passed them is fitted once more, to the events that were held out, too.
    span
        How many of the newest times of the grid a comparison of features takes in.
    """

    def __init__(
        self,
        policy: Policy,
        delay: int,
        versions: Versions,
        *,
        metric: Accuracy | None = None,
        errors: bool = False,
        features: bool = False,
        gated: bool = False,
        again: bool = False,
        span: int = 1,
    ) -> None:
        signalled = tuple(dict.fromkeys((*policy.triggers, *_ALERTS)))
        self._decider = Decider(replace(policy, triggers=signalled), delay)
        self._delay, self._metric = delay, metric
        self._versions, self._errors, self._features = versions, errors, features
        self._gated, self._again = gated, again
        self._newest: deque[Matrix] = deque(maxlen=span)
        self._request: Request | None = None
        self._begin_anew(Version(0))

    def wants(self, seen: Seen) -> Version | None:
        """See :class:`~.played.Policy`."""
        if seen.live != self._live:
            self._begin_anew(seen.live)
        self._newest.append(seen.arrived)
        if self._low is not None:
            told = self._low.take(seen.at, seen.times, seen.scores, seen.truth)
            for at, since, text in told:
                self._decider.signal(Signal(Trigger.METRIC, at, text, since))
        if self._errors:
            self._watch_errors(seen)
        if self._features:
            self._watch_features(seen)
        request = self._decider.due(seen.at, self._counter(seen))
        self._request = request
        if request is None:
            return None
        return Version(seen.step, request.since, self._gated)

    def answers(self, passed: Version) -> Version:
        """See :class:`~.played.Policy`."""
        return replace(passed, held=False) if self._again else passed

    def ended(self, seen: Seen, taken: bool, live_from: int) -> None:
        """See :class:`~.played.Policy`."""
        assert self._request is not None
        how = Ended.BETTER if taken else Ended.REFUSED
        self._decider.done(self._request.id, how, live_from if taken else None)
        self._drifted = False  # what lasts after a refusal is signalled again

    def _begin_anew(self, live: Version) -> None:
        """Watch another version."""
        self._live, self._detector = live, make_detector()
        self._drifted = False
        self._low = None if self._metric is None else LowMetric(self._metric, self._delay)

    def _watch_errors(self, seen: Seen) -> None:
        wrong = ((seen.scores >= HALF) != (seen.truth == 1)).astype(np.float64)
        for place in self._detector.update(wrong).tolist():
            at = int(seen.known[place])
            self._decider.signal(Signal(Trigger.DRIFT, at, "errors", int(seen.times[place])))

    def _watch_features(self, seen: Seen) -> None:
        rows = np.concatenate(list(self._newest))
        if not len(rows):
            return
        reference = self._versions.reference(seen.live)
        report = report_drift(reference, tally(reference.cells(rows, np.zeros(len(rows)))))
        was, self._drifted = self._drifted, bool(report.drifted)
        if self._drifted and not was:
            self._decider.signal(Signal(Trigger.DRIFT, seen.at, report.text, seen.at))

    def _counter(self, seen: Seen) -> _Counter:
        return _Counter(seen.label_times, seen.labels)


class _Counter:
    """Counts labelled events of a period, and those of the rarer class."""

    def __init__(self, times: Ints, labels: Ints) -> None:
        self._times, self._labels = times, labels

    def __call__(self, since: int, until: int) -> tuple[int, int]:
        own = self._labels[(self._times >= since) & (self._times < until)]
        yes = int((own > 0).sum())
        return len(own), min(yes, len(own) - yes)
