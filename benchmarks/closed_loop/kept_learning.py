"""Learning in this process: a challenger fitted to kept rows, and handed over after a lead.

It stands in for the retraining process, with the same fit and the same gates but those that measure
this machine: latency, size, and loading in a clean process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from streamsim.benchmarks.closed_loop.kept_rows import KeptRows
from streamsim.models.adapting.challenger import judged, learn, refit, split, too_few
from streamsim.models.adapting.gate_verdict import judge
from streamsim.models.adapting.gates import has_signature
from streamsim.models.adapting.quality_gates import quality_gates
from streamsim.models.adapting.requests import Ended, Request
from streamsim.models.loaded import Loaded
from streamsim.models.thresholds import AlertBudget
from streamsim.simulator.run.adapting.logged_rows import Wanted
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.spec.adapting import Adaptation


class KeptLearning:
    """Answers requests to learn; see :class:`streamsim.simulator.run.life.learning.Learns`.

    Parameters
    ----------
    lead
        Event time from a request to its outcome (ms).

    Attributes
    ----------
    clock
        Event time that the pipeline has reached (ms); the driver sets it.
    made
        Versions that can answer, the champion among them.
    estimators
        Their estimators.
    """

    def __init__(
        self, spec: DomainSpec, champion: Loaded, adaptation: Adaptation, rows: KeptRows, lead: int
    ) -> None:
        self._spec, self._adaptation, self._rows, self._lead = spec, adaptation, rows, lead
        self._due, self._outcome = 0, dict[str, Any]()
        self.clock, self.is_running = 0, False
        version = champion.signature.version
        self.made: dict[str, Signature] = {version: champion.signature}
        self.estimators: dict[str, Estimator] = {version: champion.estimator}

    def find(self, version: str) -> Signature:
        """Return the signature of a version; raise ``ModelError`` if there is none."""
        if version not in self.made:
            raise ModelError(f"there is no version {version}")
        return self.made[version]

    def begin(self, request: Request, champion: str) -> None:
        """Learn at once; the outcome is there after the lead."""
        self.is_running, self._due = True, self.clock + self._lead
        with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
            try:
                self._outcome = self._answer(request, champion)
            except ModelError as error:
                self._outcome = _outcome(Ended.FAILED, str(error))

    def ended(self) -> dict[str, Any] | None:
        """Return the outcome once its time has come."""
        if not self.is_running or self.clock < self._due:
            return None
        self.is_running = False
        return self._outcome

    def _answer(self, request: Request, champion: str) -> dict[str, Any]:
        spec, own = self._spec, self._adaptation
        period = request.since, request.until, request.known_until
        rows, segments = self._rows.wanted(Wanted(*period, own.most, request.without))
        parts = split(rows.times, own.holdout, own.gap_of(spec.labels))
        if why := too_few(spec, rows, parts, own):
            return _outcome(Ended.FAILED, why)
        signature = self.made[champion]
        budget = AlertBudget(spec.model.recipe.max_false_alerts)
        challenger = learn(
            spec, signature, rows.take(parts.learnt), parts.learnt_until, budget=budget
        )
        version = challenger.signature.version
        if version in self.made:
            return _outcome(Ended.FAILED, f"version {version} is there already")
        held = rows.take(parts.held)
        said = judged(spec, challenger.estimator, held)
        before = judged(spec, self.estimators[champion], held)
        verdict = judge(
            [
                *quality_gates(spec, own.margins, said, before, held, segments[parts.held]),
                has_signature(challenger.signature, signature, own.changes),
            ]
        )
        if verdict.better and own.refit:
            challenger = refit(spec, signature, rows, budget=budget)
            version = challenger.signature.version
        self.made[version] = challenger.signature
        self.estimators[version] = challenger.estimator
        return {
            **_outcome(Ended.BETTER if verdict.better else Ended.REFUSED, verdict.why),
            "version": version,
            "verdict": verdict.as_dict(),
        }


def _outcome(ended: Ended, why: str) -> dict[str, Any]:
    return {"ended": str(ended), "why": why, "version": None, "verdict": None}
