"""Watch over one model's quality before labels are there: an estimate for each window of scores.

The estimate of a window uses labels that were known when it ended. Once the window's own labels
are there, the estimate is judged, and its error goes with the next ones. It sees which events come,
and not that what they mean has changed: so an incident of its own causes no learning.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.monitor.bucket_sums import BucketSums
from streamsim.consumers.monitor.estimation.binned_labels import BinnedLabels
from streamsim.consumers.monitor.estimation.calibration_map import CalibrationMap
from streamsim.consumers.monitor.estimation.estimated_window import estimated_of
from streamsim.consumers.monitor.estimation.judged_estimates import JudgedEstimates
from streamsim.consumers.monitor.estimation.score_counts import SCORE_BINS, read_score_counts
from streamsim.consumers.monitor.incidents.incident import Cause, Change, Hysteresis, Signal
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.consumers.monitor.prequential.health import Health, rounded
from streamsim.consumers.monitor.prequential.prequential_windows import Rows
from streamsim.simulator.report.own_outputs import ESTIMATE
from streamsim.streams.codec import format_times, parse_times
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import find_metric
from streamsim.streams.topics import METRICS, topic

LOW_ESTIMATE = "metric_estimated_low"
LEAST_JUDGED = 10
"""So many estimates must have been judged before one is called low: until then their error is not
known."""
BEYOND = 2.0
"""By so many times their mean error an estimate must be beyond the margin: chance alone often puts
it beyond the mean."""
SPANS = 4
"""Chances are fitted to the labels of so many of the metric's windows: one has few of a rare class.
In a world that does not change more are a little better; after a change of what scores mean they
are worse for longer."""
KEPT = 64
"""Labelled steps whose chances are kept, and windows that wait for the labels known then."""
TOLD = 16
"""Estimates that can still be told with what happens."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a labelled step says of a model: chances of its scores, and its figures by labels.

    Attributes
    ----------
    at
        End of the step (ms).
    length
        Of the window that the figures are of (ms).
    """

    at: int
    version: str
    length: int
    value: float
    level: float
    map: CalibrationMap


@dataclass(frozen=True, slots=True)
class Estimated:
    """An estimate: of the window that ends at ``at`` (ms), with labels up to ``known.at``."""

    at: int
    figure: Interval
    mean_error: float
    body: dict[str, Any]
    changes: tuple[Change, ...]
    known: Calibrated


class EstimateWatch:
    """Estimates the metric of one domain's champion.

    Parameters
    ----------
    champion
        Returns the version that answers at an event time.
    """

    def __init__(self, spec: DomainSpec, champion: Callable[[int], str]) -> None:
        own = spec.alerting.accuracy
        self._spec, self._champion = spec, champion
        kept = own.span + KEPT * own.step
        self._sums = BucketSums((SCORE_BINS,), spec.partitions, span=kept, step=own.step)
        self._waiting: deque[int] = deque(maxlen=KEPT)
        self._calibrated: deque[Calibrated] = deque(maxlen=KEPT)
        self._labels = BinnedLabels(SPANS * own.span)
        self._judged: dict[str, JudgedEstimates] = {}
        self._of = ""
        self._cause = Cause(spec.name, LOW_ESTIMATE, f"model {spec.model.recipe.name}")
        self._told: deque[Estimated] = deque(maxlen=TOLD)
        usual = Hysteresis(renotify=7 * own.step)
        self._incidents = Incidents({LOW_ESTIMATE: usual}, usual)

    def take_scores(self, value: bytes | None, known: int) -> list[Estimated]:
        """Take a record of profiles; return the estimates of the windows that it completes.

        Parameters
        ----------
        known
            Event time before which all labels have been taken (ms).

        Raises
        ------
        ForeignRecordError
            If it is no such record.
        """
        self._waiting.extend(self._sums.add(*read_score_counts(value)))
        return self.due(known)

    def take_step(
        self, at: int, version: str, rows: Rows, health: Health, level: float, length: int
    ) -> tuple[Change, ...]:
        """Take a labelled step: judge the estimate of its window, and fit chances for later ones.

        Parameters
        ----------
        at
            End of the step (ms).
        rows
            The champion's scores before it, in order of time.
        level
            The champion's usual figure.
        length
            Of the window that the labelled figure is of (ms): estimates are of as long ones.

        Returns
        -------
        The end of the incident of a champion that has been replaced.
        """
        own = self._spec.alerting.accuracy
        ended: tuple[Change, ...] = ()
        if version != self._of:
            if self._of:
                known_at = at + self._spec.labels.delay
                ended = self._incidents.close(self._cause, known_at, f"{version} answers now")
            self._of = version
        if version in self._judged:
            self._judged[version].judged(at, health.figure.value)
        new = rows.take((rows.time >= at - own.step) & rows.labelled)
        self._labels.add(at, version, new.predictions, new.label > 0)
        fitted = self._labels.fitted()
        if fitted is None or not health.is_known:
            return ended
        whole = -(-length // own.step) * own.step
        value = health.figure.value
        self._calibrated.append(Calibrated(at, version, whole, value, level, fitted))
        return ended

    def due(self, known: int) -> list[Estimated]:
        """Return the estimates of waiting windows whose labels of then have been taken."""
        return list(self._due(known))

    def words(self, at: int) -> str:
        """Say what was estimated last before an event time (ms), if that is not long ago."""
        step = self._spec.alerting.accuracy.step
        found = [own for own in self._told if at - 2 * step <= own.at <= at]
        if not found:
            return ""
        own, metric = found[-1], self._spec.alerting.accuracy.metric
        off = "" if math.isnan(own.mean_error) else f", estimates were off by {own.mean_error:.3f}"
        return (
            f"; estimated {metric} {own.figure.value:.3f} now, {own.known.value:.3f} by labels up "
            f"to {_spelled(own.known.at)[:10]}{off and off + ' on average'}"
        )

    def _due(self, known: int) -> Iterator[Estimated]:
        step, delay = self._spec.alerting.accuracy.step, self._spec.labels.delay
        while self._waiting and known >= (self._waiting[0] - delay) // step * step:
            end = self._waiting.popleft()
            own = self._known_at(end - delay)
            if own is not None and (found := self._estimate(end, own)) is not None:
                self._told.append(found)
                yield found

    def _known_at(self, at: int) -> Calibrated | None:
        """Return the newest chances that labels before a time allow (ms)."""
        known = (own for own in reversed(self._calibrated) if own.at <= at)
        found = next(known, None)
        return found if found and at - found.at <= self._spec.alerting.accuracy.span else None

    def _estimate(self, end: int, own: Calibrated) -> Estimated | None:
        """Estimate the window that ends at a time, if one version has answered in all of it."""
        accuracy = self._spec.alerting.accuracy
        if not own.version == self._champion(end - 1) == self._champion(end - own.length):
            return None
        counts = self._sums.total(end, own.length)
        if counts.sum() < accuracy.min_samples:
            return None
        figure = estimated_of(accuracy.metric, counts, own.map)
        if math.isnan(figure.value):
            return None
        judged = self._errors_of(own.version)
        body = {
            "until": _spelled(end), "metric": accuracy.metric, **judged.as_body(figure),
            "version": own.version, "labelled": rounded(own.value),
            "labelled_until": _spelled(own.at),
        }  # fmt: skip
        signal = self._signal(end, figure, judged, own, int(counts.sum()))
        changes = self._incidents.step(end, [signal])
        judged.said(end, figure)
        return Estimated(end, figure, judged.mean_error, body, changes, own)

    def _signal(
        self, end: int, figure: Interval, judged: JudgedEstimates, own: Calibrated, samples: int
    ) -> Signal:
        """Compare an estimate with the champion's level: low beyond the margin and its error."""
        accuracy = self._spec.alerting.accuracy
        sign = -1.0 if find_metric(accuracy.metric)[1] else 1.0
        is_sure = judged.count >= LEAST_JUDGED and not math.isnan(own.level)
        off = judged.mean_error if is_sure else 0.0
        value = figure.value - (judged.bias if is_sure else 0.0)
        bound = own.level - sign * (accuracy.margin + BEYOND * off)
        best = max(sign * figure.low, sign * figure.high) + sign * (value - figure.value)
        is_low = is_sure and sign * value < sign * bound and best < sign * own.level
        is_good = not is_sure or sign * value >= sign * (own.level - sign * accuracy.margin / 2)
        text = (
            f"{accuracy.metric} is estimated at {figure.value:.3f}, usually {own.level:.3f}; "
            f"{judged.count} estimates were off by {off:.3f} on average"
        )
        return Signal(
            self._cause, end, is_low, is_good and not is_low, value, bound, text, samples,
            since=end - accuracy.step,
        )  # fmt: skip

    def _errors_of(self, version: str) -> JudgedEstimates:
        """Return the errors of a version's estimates; only those of the last two are kept."""
        if version not in self._judged:
            self._judged[version] = JudgedEstimates()
            for old in list(self._judged)[:-2]:
                del self._judged[old]
        return self._judged[version]

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the whole state but what was told last: columns, and JSON types."""
        columns = {f"sums:{name}": own for name, own in self._sums.snapshot().items()}
        columns |= {f"labels:{name}": own for name, own in self._labels.snapshot().items()}
        for place, judged in enumerate(self._judged.values()):
            columns |= {f"judged{place}:{name}": own for name, own in judged.snapshot().items()}
        calibrated = [
            [c.at, c.version, c.length, c.value, None if math.isnan(c.level) else c.level,
             c.map.scores.tolist(), c.map.chances.tolist()]
            for c in self._calibrated
        ]  # fmt: skip
        return columns, {
            "waiting": list(self._waiting), "calibrated": calibrated,
            "versions": list(self._judged), "of": self._of, "incidents": self._incidents.snapshot(),
        }  # fmt: skip

    def restore(self, parts: Any, state: dict[str, Any]) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is none.
        """
        self._sums.restore(parts.of("sums"))
        self._labels.restore(parts.of("labels"))
        self._waiting.extend(map(int, state["waiting"]))
        self._of = str(state["of"])
        for at, version, length, value, level, scores, chances in state["calibrated"]:
            own = CalibrationMap(np.array(scores, np.float64), np.array(chances, np.float64))
            usual = math.nan if level is None else float(level)
            self._calibrated.append(
                Calibrated(int(at), str(version), int(length), float(value), usual, own)
            )
        for place, version in enumerate(state["versions"]):
            self._judged[version] = JudgedEstimates()
            self._judged[version].restore(parts.of(f"judged{place}"))
        self._incidents.restore(state["incidents"])


def estimate_record(spec: DomainSpec, body: Mapping[str, Any]) -> Outbound:
    """Write an estimate for ``<domain>.metrics``, beside the rolling metric."""
    value, key = orjson.dumps({ESTIMATE: body}), ESTIMATE.encode()
    at = int(parse_times([str(body["until"])])[0])
    return Outbound(topic(spec.name, METRICS), 0, key, value, max(at, 0), [])


def _spelled(time: int) -> str:
    return str(format_times(np.array([time]))[0])
