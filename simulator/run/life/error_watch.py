"""Watch over the errors of one model: a detector sees them in the order in which labels come.

It tells of one incident, opened by the detector's alarm, and resolved once there has been no other
for as long as the metric's window is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.consumers.monitor.drift.error_detector import make_detector
from streamsim.consumers.monitor.incidents.incident import Cause, Change, Hysteresis, Signal
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.consumers.monitor.prequential.prequential_windows import Rows
from streamsim.streams.events import NO_TIME, Floats
from streamsim.streams.spec import DomainSpec

ERROR_DRIFT = "error_drift"
CUT = 0.5
"""From this score on a model says 1. So errors are defined where detectors are compared, too."""


class ErrorWatch:
    """Watches over the errors of one domain's champion; each champion has a detector of its own."""

    def __init__(self, spec: DomainSpec) -> None:
        self._spec = spec
        own = spec.alerting.accuracy
        rule = Hysteresis(bad_steps=1, good_steps=1, min_samples=0, renotify=7 * own.step)
        self._incidents = Incidents({ERROR_DRIFT: rule}, rule)
        self._cause = Cause(spec.name, ERROR_DRIFT, f"errors of {spec.model.recipe.name}")
        self._detector = make_detector()
        self._of = ""
        self._before, self._wrong = 0, 0.0
        self._alarmed = NO_TIME

    def take_step(self, at: int, version: str, rows: Rows) -> tuple[Change, ...]:
        """Take the labels of a step; return what becomes of the incident.

        Parameters
        ----------
        at
            End of the step (ms of event time).
        version
            The champion.
        rows
            Its scores before the end, in order of time. Those of the step are new.
        """
        spec = self._spec
        replaced: tuple[Change, ...] = ()
        if version != self._of:
            if self._of:
                known_at = at + spec.labels.delay
                replaced = self._incidents.close(self._cause, known_at, f"{version} answers now")
            self._detector, self._of = make_detector(), version
            self._before, self._wrong = 0, 0.0
        new = rows.take((rows.time >= at - spec.alerting.accuracy.step) & rows.labelled)
        errors = errors_of(new)
        alarms = self._detector.update(errors)
        signal = self._signal(at, errors, is_alarm=bool(len(alarms)))
        if len(alarms):  # the detector has begun anew
            self._before, self._wrong, self._alarmed = 0, 0.0, at
        self._before += len(errors)
        self._wrong += float(errors.sum())
        return (*replaced, *self._incidents.step(signal.at, [signal]))

    def _signal(self, at: int, errors: Floats, *, is_alarm: bool) -> Signal:
        """Say what the detector says of a step, with the shares of errors in plain words."""
        own = self._spec.alerting.accuracy
        now = float(errors.mean()) if len(errors) else 0.0
        before = self._wrong / self._before if self._before else now
        text = (
            f"wrong about {now:.2%} of the newest {len(errors):,} scores, "
            f"{before:.2%} of the {self._before:,} before"
        )
        is_stable = bool(len(errors)) and at - self._alarmed >= own.span
        # The step itself is a label delay older than what is known of it.
        known_at, began = at + self._spec.labels.delay, at - own.step
        return Signal(
            self._cause, known_at, is_alarm, is_stable and not is_alarm, now, before, text,
            len(errors), since=began,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, as JSON types."""
        return {
            "incidents": self._incidents.snapshot(),
            "detector": self._detector.snapshot(),
            "of": self._of,
            "before": [self._before, self._wrong],
            "alarmed": self._alarmed,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, ValueError, TypeError
            If it is none.
        """
        self._incidents.restore(state["incidents"])
        self._detector.restore(state["detector"])
        self._of, self._alarmed = str(state["of"]), int(state["alarmed"])
        before, wrong = state["before"]
        self._before, self._wrong = int(before), float(wrong)


def errors_of(rows: Rows) -> Floats:
    """Return 1 for each labelled score on the other side of :data:`CUT` than its label, else 0.

    >>> columns = np.zeros((5, 3), np.int64)
    >>> columns[1], columns[2] = [700_000, 700_000, 100_000], [1, 0, 0]
    >>> errors_of(Rows(*columns)).tolist()
    [0.0, 1.0, 0.0]
    """
    wrong: Floats = ((rows.predictions >= CUT) != (rows.label > 0)).astype(np.float64)
    return wrong
