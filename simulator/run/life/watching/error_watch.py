"""Watch over the errors of one model: a detector sees them in the order in which labels come.

An alarm is a suspicion. It becomes an incident if the errors stay clearly more than before for two
steps: errors of one entity come together, and each such bunch looks like a change to a detector. It
is resolved once they are as before, and there has been no other alarm for as long as the metric's
window is.
"""

from __future__ import annotations

import math
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
MORE, ERRORS_OF_SHARE = 1.5, 2.0
"""The share of errors must be above so many times that of before, by so many standard errors."""


class ErrorWatch:
    """Watches over the errors of one domain's champion; each champion has a detector of its own."""

    def __init__(self, spec: DomainSpec) -> None:
        self._spec = spec
        own = spec.alerting.accuracy
        rule = Hysteresis(bad_steps=2, good_steps=1, min_samples=0, renotify=7 * own.step)
        self._incidents = Incidents({ERROR_DRIFT: rule}, rule)
        self._cause = Cause(spec.name, ERROR_DRIFT, f"errors of {spec.model.recipe.name}")
        self._detector = make_detector()
        self._of = ""
        self._before, self._wrong = 0, 0.0
        self._usual: float | None = None
        """Share of errors before the alarm, while there is a suspicion."""
        self._since = self._alarmed = NO_TIME

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
            self._before, self._wrong, self._usual = 0, 0.0, None
        new = rows.take((rows.time >= at - spec.alerting.accuracy.step) & rows.labelled)
        errors = errors_of(new)
        if len(self._detector.update(errors)):
            if self._usual is None:
                self._usual = self._wrong / self._before if self._before else float(errors.mean())
                self._since = at - spec.alerting.accuracy.step
            self._alarmed = at
        if self._usual is None:
            self._before += len(errors)
            self._wrong += float(errors.sum())
        signal = self._signal(at, rows, len(errors))
        return (*replaced, *self._incidents.step(signal.at, [signal]))

    def _signal(self, at: int, rows: Rows, samples: int) -> Signal:
        """Say whether there are more errors than before, with their shares in plain words."""
        own, usual = self._spec.alerting.accuracy, self._usual
        since = max(self._since, at - own.span)
        newest = errors_of(rows.take((rows.time >= since) & rows.labelled))
        now = float(newest.mean()) if len(newest) else 0.0
        is_more = False
        if usual is not None:
            chance = math.sqrt(now * (1 - now) / max(len(newest), 1))
            is_more = now > MORE * usual + ERRORS_OF_SHARE * chance
            if samples and not is_more and at - self._alarmed >= own.span:
                self._usual = None
        text = (
            f"wrong about {now:.2%} of the newest {len(newest):,} scores, {usual or 0.0:.2%} before"
        )
        # The step itself is a label delay older than what is known of it.
        known_at = at + self._spec.labels.delay
        return Signal(
            self._cause, known_at, is_more, self._usual is None and samples > 0, now,
            MORE * (usual or 0.0), text, samples, since=self._since if is_more else None,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state, as JSON types."""
        return {
            "incidents": self._incidents.snapshot(),
            "detector": self._detector.snapshot(),
            "of": self._of,
            "before": [self._before, self._wrong, self._usual],
            "alarmed": [self._since, self._alarmed],
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
        self._of = str(state["of"])
        self._since, self._alarmed = map(int, state["alarmed"])
        before, wrong, usual = state["before"]
        self._before, self._wrong = int(before), float(wrong)
        self._usual = None if usual is None else float(usual)


def errors_of(rows: Rows) -> Floats:
    """Return 1 for each labelled score on the other side of :data:`CUT` than its label, else 0.

    >>> columns = np.zeros((5, 3), np.int64)
    >>> columns[1], columns[2] = [700_000, 700_000, 100_000], [1, 0, 0]
    >>> errors_of(Rows(*columns)).tolist()
    [0.0, 1.0, 0.0]
    """
    wrong: Floats = ((rows.predictions >= CUT) != (rows.label > 0)).astype(np.float64)
    return wrong
