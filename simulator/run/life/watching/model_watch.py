"""Watch over one model: its quality by labels, the drift of its features, and its alerts.

All is a function of the stream: what it says at an event time uses labels known at that time. It
tells of incidents: one for each cause, opened after two bad steps and resolved after three good
ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from streamsim.consumers.monitor.estimation.estimated_window import why_no_estimate
from streamsim.consumers.monitor.incidents.grouping import EntityAlert, Grouping
from streamsim.consumers.monitor.incidents.incident import Cause, Change, Hysteresis, Signal
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.consumers.monitor.labelled_scores import read_labelled
from streamsim.consumers.monitor.prequential.health import Health, health_at
from streamsim.consumers.monitor.prequential.labelled_steps import LabelledSteps
from streamsim.consumers.monitor.prequential.prequential_windows import Window
from streamsim.consumers.monitor.prequential.usual_level import UsualLevel
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.simulator.run.life.watching.drift_watch import DriftWatch
from streamsim.simulator.run.life.watching.error_watch import ErrorWatch
from streamsim.simulator.run.life.watching.estimate_watch import Estimated, EstimateWatch
from streamsim.simulator.run.life.watching.label_counts import LabelCounts
from streamsim.streams.events import NO_TIME, Floats
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.renewals import champion_of
from streamsim.streams.statistics.reference_profile import Reference

MOST_ROWS = 20_000
"""Newest labelled scores that a figure is of: more take longer, and say little more."""
MOST_LEVELS = 5
"""Versions whose usual figures are remembered: the one before may return."""
SEGMENTS, LEAST_OF_SEGMENT = 10, 30
"""A segment has a figure with a tenth of the rows that the whole needs, and no fewer than thirty:
its band says how little they tell."""
LOW_METRIC = "metric_low"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a step showed.

    Attributes
    ----------
    known_at
        Event time at which it was known (ms).
    health
        The champion's quality, if the step is of labelled scores.
    changes
        Incidents that were opened, are told again, or are resolved.
    estimate
        The metric of the newest window, before its labels are there, as JSON types.
    """

    known_at: int
    health: Health | None
    changes: tuple[Change, ...]
    estimate: Mapping[str, Any] | None = None


class ModelWatch:
    """Watches over the model of one domain.

    Parameters
    ----------
    champion
        Returns the version that answers at an event time.
    reference
        Profile of what the champion was trained on; without it, and of a model that is renewed by
        the clock, drift is not watched, and the metric is not estimated.
    profile_at
        Returns the profile of the version that answers at an event time. A later champion has one
        of its own, with the same bins.
    warm_up
        Drift does not count in this time after the first event (ms): windows are filling.
    """

    def __init__(
        self,
        spec: DomainSpec,
        champion: Callable[[int], str],
        reference: Reference | None,
        warm_up: int = 0,
        profile_at: Callable[[int], Reference | None] = lambda at: None,
    ) -> None:
        own = spec.alerting.accuracy
        self.spec, self._champion = spec, champion
        self.steps = LabelledSteps(spec.partitions, step=own.step, span=own.span, most=MOST_ROWS)
        self._drift, self._estimates = None, None
        # A renewed model learns each week what its features have become.
        if reference is not None and spec.model.renewal is None:
            if why_no_estimate(spec) is None:
                self._estimates = EstimateWatch(spec, champion)
            self._drift = DriftWatch(spec, reference, profile_at, warm_up, self._estimated)
        renotify = 7 * own.step
        usual = Hysteresis(renotify=renotify)
        self._quality = Incidents({LOW_METRIC: usual}, usual)
        self._errors = ErrorWatch(spec)
        self._grouping = Grouping(spec)
        self._groups = Incidents(self._grouping.hysteresis(renotify), usual)
        self._alerts_at = NO_TIME
        self._counts = LabelCounts(own.step)
        self._levels: dict[str, UsualLevel] = {}
        self._of = ""

    @property
    def level(self) -> float:
        """The champion's usual figure; NaN until it is known."""
        own = self._levels.get(self._of)
        return math.nan if own is None else own.value

    def _usual(self) -> UsualLevel:
        """Return the level of the version that answers; one that returns has its own again."""
        if self._of not in self._levels:
            self._levels[self._of] = UsualLevel(self.spec.alerting.accuracy)
            for oldest in list(self._levels)[:-MOST_LEVELS]:
                del self._levels[oldest]
        return self._levels[self._of]

    def recent(self) -> tuple[Floats, float]:
        """Return the risks of the rows that are remembered, and the days in which they were."""
        rows = self.steps.rows
        if not len(rows):
            return rows.predictions, 0.0
        days = (self.steps.complete - int(rows.time[0])) / DAY
        return self.spec.alerting.rule.risk(rows.predictions), days

    def count(self, since: int, until: int) -> tuple[int, int]:
        """Count labelled scores of a period (ms), and those of the rarer class."""
        return self._counts.between(since, until)

    def take_labelled(self, value: bytes | None) -> list[Observed]:
        """Take a record of labelled scores; raises :class:`ForeignRecordError` for others."""
        found = [self._judged(at) for at in self.steps.apply(read_labelled(value))]
        own = self._estimates
        return found if own is None else [*found, *map(_observed, own.due(self.steps.known))]

    def take_profiles(self, value: bytes | None) -> list[Observed]:
        """Take a record of profiles; raises :class:`ForeignRecordError` for others."""
        found: list[Observed] = []
        if self._drift is None:
            return found
        if self._estimates is not None:
            found += map(_observed, self._estimates.take_scores(value, self.steps.known))
        changes = self._drift.take_profiles(value)
        return [*found, *(Observed(at, None, own) for at, own in changes)]

    def _estimated(self, at: int) -> str:
        """Say what the metric was estimated at last before an event time (ms)."""
        return "" if self._estimates is None else self._estimates.words(at)

    def take_alerts(self, at: int, alerts: Iterable[EntityAlert]) -> tuple[Change, ...]:
        """Take alerts about entities up to an event time (ms); return what becomes of groups.

        Alerts that come later count, also if their event times are earlier.
        """
        at = self._alerts_at = max(at, self._alerts_at + 1)
        return self._groups.step(at, self._grouping.step(at, alerts).signals)

    def _judged(self, at: int) -> Observed:
        """Judge the quality of the champion at the end of a step."""
        own = self.spec.alerting.accuracy
        known_at = at + self.spec.labels.delay
        version, is_renewed = self._champion(at - 1), self.spec.model.renewal is not None
        if is_renewed:  # renewals are the same model
            version = champion_of(version)
        replaced: tuple[Change, ...] = ()
        if version != self._of:  # a new champion has a level of its own
            if self._of:
                replaced = self._quality.close(self._low(), known_at, f"{version} answers now")
            self._of = version
        rows = self.steps.rows
        self._counts.take(at, rows)
        rows = rows if is_renewed else rows.take(rows.version == name_code(version))
        health = health_at(
            at, own.metric, rows, Window("time", own.span), min_samples=own.min_samples,
            by_segment=own.segment is not None,
            segment_samples=max(own.min_samples // SEGMENTS, LEAST_OF_SEGMENT),
        )  # fmt: skip
        signals = list(self._quality_signals(known_at, health))
        changes = (*replaced, *self._quality.step(known_at, signals))
        changes += self._errors.take_step(at, version, rows)
        if self._estimates is not None:
            # Of a busy domain no more than the newest rows are kept.
            is_cut = len(self.steps.rows) == MOST_ROWS
            length = at - int(self.steps.rows.time[0]) if is_cut else own.span
            changes += self._estimates.take_step(at, version, rows, health, self.level, length)
        return Observed(known_at, health, changes)

    def _low(self) -> Cause:
        return Cause(self.spec.name, LOW_METRIC, f"model {self.spec.model.recipe.name}")

    def _quality_signals(self, at: int, health: Health) -> Iterable[Signal]:
        figure = health.figure
        if not health.is_known:
            return
        judged = self._usual().judge(health.at, figure)
        if judged is None:
            return
        text = self._told(health) + self._estimated(at)
        # The step itself is a label delay older than what is known of it.
        began = health.at - self.spec.alerting.accuracy.step
        yield Signal(
            self._low(), at, judged.is_bad, judged.is_good, figure.value, judged.bound, text,
            health.samples, since=began,
        )  # fmt: skip

    def _told(self, health: Health) -> str:
        """Say a figure in words, with the segment in which the model is worst."""
        own, worst = self.spec.alerting.accuracy, health.worst
        text = f"{own.metric} {health.figure.value:.3f}, usually {self.level:.3f}"
        if worst is None or not worst.is_beyond:
            return text
        names = (name for name in self.steps.names if name_code(name) == worst.segment)
        return f"{text}; worst in {own.segment} {next(names, '?')} ({worst.figure.value:.3f})"

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the whole state: columns, and JSON types."""
        columns = {f"steps:{name}": own for name, own in self.steps.snapshot().items()}
        parts: dict[str, Any] = {}
        for kind, watch in self._watches():
            own, parts[kind] = watch.snapshot()
            columns |= {f"{kind}:{name}": column for name, column in own.items()}
        return columns, {
            **parts,
            "quality": self._quality.snapshot(),
            "errors": self._errors.snapshot(),
            "groups": self._groups.snapshot(),
            "grouping": self._grouping.snapshot(),
            "levels": {name: own.snapshot() for name, own in self._levels.items()},
            "counts": self._counts.snapshot(),
            "of": self._of,
            "alerts_at": self._alerts_at,
        }

    def restore(self, parts: Any, state: dict[str, Any]) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is none.
        """
        self.steps.restore(parts.of("steps"))
        for kind, watch in self._watches():
            watch.restore(parts.of(kind), state[kind])
        for own in ("quality", "errors", "groups", "grouping"):
            getattr(self, f"_{own}").restore(state[own])
        for name, level in state["levels"].items():
            self._levels[name] = UsualLevel(self.spec.alerting.accuracy)
            self._levels[name].restore(level)
        self._counts.restore(state["counts"])
        self._of, self._alerts_at = str(state["of"]), int(state["alerts_at"])

    def _watches(self) -> list[tuple[str, DriftWatch | EstimateWatch]]:
        """Return those that there are, by the names of their states."""
        both = ("drift", self._drift), ("estimates", self._estimates)
        return [(kind, watch) for kind, watch in both if watch is not None]


def _observed(own: Estimated) -> Observed:
    return Observed(own.at, None, own.changes, own.body)
