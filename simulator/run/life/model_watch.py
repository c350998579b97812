"""Watch over one model: its quality by labels, the drift of its features, and its alerts.

All is a function of the stream: what it says at an event time uses labels known at that time. It
tells of incidents: one for each cause, opened after two bad steps and resolved after three good
ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from streamsim.consumers.monitor.drift.drift_report import ColumnDrift, report_drift
from streamsim.consumers.monitor.drift.profile_window import ProfileWindow
from streamsim.consumers.monitor.incidents.grouping import EntityAlert, Grouping
from streamsim.consumers.monitor.incidents.incident import Cause, Change, Hysteresis, Signal
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.consumers.monitor.labelled_scores import read_labelled
from streamsim.consumers.monitor.prequential.health import Health, health_at
from streamsim.consumers.monitor.prequential.labelled_steps import LabelledSteps
from streamsim.consumers.monitor.prequential.prequential_windows import Window
from streamsim.consumers.monitor.prequential.usual_level import UsualLevel
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.simulator.run.life.label_counts import LabelCounts
from streamsim.streams.events import NO_TIME, Floats
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.renewals import champion_of
from streamsim.streams.statistics.reference_profile import SCORE, Reference

MOST_ROWS = 20_000
"""Newest labelled scores that a figure is of: more take longer, and say little more."""
LOST = 0.2
"""Share of values that became unknown, from which on a drift counts as a fault of the data."""
LOW_METRIC, DRIFT, DATA_QUALITY = "metric_low", "feature_drift", "data_quality"


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
    """

    known_at: int
    health: Health | None
    changes: tuple[Change, ...]


class ModelWatch:
    """Watches over the model of one domain.

    Parameters
    ----------
    champion
        Returns the version that answers at an event time.
    reference
        Profile of what the champion was trained on; without it, drift is not watched.
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
        self.spec, self._champion, self._reference = spec, champion, reference
        self._warm_up, self._first = warm_up, -1
        self._profile_at = profile_at
        self.steps = LabelledSteps(spec.partitions, step=own.step, span=own.span, most=MOST_ROWS)
        self._profiles = None
        if reference is not None:
            self._profiles = ProfileWindow(reference, spec.partitions, span=own.span, step=own.step)
        renotify = 7 * own.step
        usual = Hysteresis(renotify=renotify)
        self._quality = Incidents({LOW_METRIC: usual}, usual)
        self._drift = Incidents({DRIFT: usual, DATA_QUALITY: usual}, usual)
        self._grouping = Grouping(spec)
        self._groups = Incidents(self._grouping.hysteresis(renotify), usual)
        self._alerts_at = NO_TIME
        self._usual, self._counts = UsualLevel(own), LabelCounts(own.step)
        self._of = ""

    @property
    def level(self) -> float:
        """The champion's usual figure; NaN until it is known."""
        return self._usual.value

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
        return [self._judged(at) for at in self.steps.apply(read_labelled(value))]

    def take_profiles(self, value: bytes | None) -> list[Observed]:
        """Take a record of profiles; raises :class:`ForeignRecordError` for others."""
        if self._profiles is None or self._reference is None:
            return []
        found = []
        for window in self._profiles.apply(value):
            if self._first < 0:
                self._first = window.end
            if window.end < self._first + self._warm_up:
                continue
            report = report_drift(self._profile(window.end), window.counts)
            signals = list(self._drift_signals(window.end, report.drifted, report.rows))
            found.append(Observed(window.end, None, self._drift.step(window.end, signals)))
        return found

    def _profile(self, at: int) -> Reference:
        """Return the profile that features are compared with at an event time."""
        assert self._reference is not None
        own = self._profile_at(at)
        is_usable = own is not None and own.fingerprint() == self._reference.fingerprint()
        return own if own is not None and is_usable else self._reference

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
            self._usual.restart()
        rows = self.steps.rows
        self._counts.take(at, rows)
        rows = rows if is_renewed else rows.take(rows.version == name_code(version))
        health = health_at(
            at, own.metric, rows, Window("time", own.span), min_samples=own.min_samples,
            by_segment=own.segment is not None,
        )  # fmt: skip
        signals = list(self._quality_signals(known_at, health))
        return Observed(known_at, health, (*replaced, *self._quality.step(known_at, signals)))

    def _low(self) -> Cause:
        return Cause(self.spec.name, LOW_METRIC, f"model {self.spec.model.recipe.name}")

    def _quality_signals(self, at: int, health: Health) -> Iterable[Signal]:
        figure = health.figure
        if not health.is_known:
            return
        judged = self._usual.judge(health.at, figure)
        if judged is None:
            return
        text = self._told(health)
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

    def _drift_signals(
        self, at: int, drifted: Sequence[ColumnDrift], rows: int
    ) -> Iterable[Signal]:
        """Say of the features together whether they have drifted, and of missing values apart."""
        lost = [column for column in drifted if _is_lost(column)]
        changed = [column for column in drifted if not _is_lost(column)]
        for rule, columns in ((DATA_QUALITY, lost), (DRIFT, changed)):
            features = [column for column in columns if column.name != SCORE]
            most = next(iter(features or columns), None)
            more = f", and {len(columns) - 1} more" if len(columns) > 1 else ""
            yield Signal(
                Cause(self.spec.name, rule, f"features of {self.spec.model.recipe.name}"),
                at,
                most is not None,
                most is None,
                0.0 if most is None else most.size,
                1.0,
                "as in training" if most is None else f"{most.text}{more}",
                rows,
            )

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the whole state: columns, and JSON types."""
        columns = {f"steps:{name}": own for name, own in self.steps.snapshot().items()}
        if self._profiles is not None:
            columns |= {f"profiles:{n}": own for n, own in self._profiles.snapshot().items()}
        return columns, {
            "quality": self._quality.snapshot(),
            "drift": self._drift.snapshot(),
            "groups": self._groups.snapshot(),
            "grouping": self._grouping.snapshot(),
            "usual": self._usual.snapshot(),
            "counts": self._counts.snapshot(),
            "of": self._of,
            "first": self._first,
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
        if self._profiles is not None:
            self._profiles.restore(parts.of("profiles"))
        for own in ("quality", "drift", "groups", "grouping"):
            getattr(self, f"_{own}").restore(state[own])
        self._usual.restore(state["usual"])
        self._counts.restore(state["counts"])
        self._of = str(state["of"])
        self._first, self._alerts_at = int(state["first"]), int(state["alerts_at"])


def _is_lost(column: ColumnDrift) -> bool:
    """Say whether a feature has drifted by values that are missing now: an upstream fault."""
    before, now = column.distances.missing
    return now - before >= LOST
