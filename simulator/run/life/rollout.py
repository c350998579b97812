"""Roll-out of a challenger: shadow, canary, champion; and back, if it does not hold.

What decides is a function of the stream: labelled scores of a step, at its event time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from streamsim.consumers.monitor.prequential.bands import band, wilson
from streamsim.consumers.monitor.prequential.labelled_steps import LabelledSteps
from streamsim.consumers.monitor.prequential.paired import gain
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.consumers.predict.model_schedule import Change
from streamsim.consumers.predict.plans import Plan
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.adapting import Adaptation
from streamsim.streams.statistics.quality import find_metric

MOST_MISSED = 0.1
"""Largest share of events that a shadow does not answer in time."""
MOST_ALERTS = 5.0
"""So many times as many alerts per event as the champion, and not by chance, are too many."""
PATIENCE = 5
"""After so many times its length, a trial that cannot be judged is ended."""


BEFORE, LEVEL = "champion", "level"
"""Of the evidence of a canary and of a promotion: the champion's figure, as in the roll-out."""


class Stage(StrEnum):
    """Where a challenger is."""

    SHADOW = "shadow"
    CANARY = "canary"
    CHAMPION = "champion"
    """It answers, and may still be taken back."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One challenger on its way.

    Attributes
    ----------
    request
        Id of the request that made it.
    version, before
        Its version, and the champion that it is to follow.
    stage, since
        Where it is, and from which event time on (ms).
    level
        The figure of the champion before, on the events of the shadow; ``None`` if unknown.
    """

    request: str
    version: str
    before: str
    stage: Stage
    since: int
    level: float | None = None

    def at(self, stage: Stage, since: int) -> Rollout:
        """Return it in another stage."""
        return replace(self, stage=stage, since=since)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rollout:
        """Read it back."""
        return cls(**{**data, "stage": Stage(data["stage"])})


@dataclass(frozen=True, slots=True)
class Step:
    """What follows for a challenger: the next stage, or its end.

    Attributes
    ----------
    passes
        Whether it goes on.
    why
        The reason in words.
    evidence
        The figures.
    """

    passes: bool
    why: str
    evidence: Mapping[str, Any]


def rollout_of(latest: Change, request: str, since: int) -> Rollout | None:
    """Return where a challenger is after a decision about it; ``None`` if its trial has ended.

    Parameters
    ----------
    request
        Id of the request that made it.
    since
        When the decision takes effect (ms).
    """
    plan, told = latest.plan, latest.evidence
    champion = plan.champion.version
    if latest.event == "shadow" and plan.shadow is not None:
        return Rollout(request, plan.shadow.version, champion, Stage.SHADOW, since)
    if latest.event == "canary" and plan.canary is not None:
        own, level = plan.canary.version, told.get(BEFORE)
        return Rollout(request, own, champion, Stage.CANARY, since, level)
    if latest.event == "promoted":
        return Rollout(request, champion, str(told["from"]), Stage.CHAMPION, since, told.get(LEVEL))
    return None


def next_step(
    spec: DomainSpec, adaptation: Adaptation, own: Rollout, steps: LabelledSteps, plan: Plan
) -> Step | None:
    """Decide on a challenger at the end of a step; ``None`` if it is too early."""
    if own.stage is Stage.SHADOW:
        return _shadow(spec, adaptation, own, steps)
    if own.stage is Stage.CANARY:
        return _canary(spec, adaptation, own, steps, plan)
    return _champion(spec, adaptation, own, steps)


def _is_late(own: Rollout, steps: LabelledSteps, length: int) -> bool:
    """Say whether a stage has taken so many times its length (ms) that it is to end."""
    return steps.complete >= own.since + PATIENCE * length


def _shadow(
    spec: DomainSpec, adaptation: Adaptation, own: Rollout, steps: LabelledSteps
) -> Step | None:
    """Compare both versions on the events that both have scored."""
    trial = adaptation.trial
    # The newest rows of both are kept: those of a shadow that answers seldom reach further back.
    begin = max(own.since, int(steps.rows.time[0])) if len(steps.rows) else own.since
    since, both = steps.rows.time >= begin, steps.shadows.time >= begin
    total, answered = int(since.sum()), int(both.sum())
    if steps.complete < own.since + trial.shadow_for:
        return None
    # Too few events, or too few of one class: wait, but not for ever.
    late = _is_late(own, steps, max(trial.shadow_for, spec.alerting.accuracy.step))
    if total < max(trial.least_rows, 1):
        return Step(False, f"only {total:,} events in shadow", {"rows": total}) if late else None
    missed = 1 - answered / total
    if missed > MOST_MISSED:
        return Step(False, f"in shadow it left {missed:.0%} of the events out", {"missed": missed})
    if spec.model.slate is not None:  # whether its slates were right, no label says
        return Step(True, f"it answered {answered:,} events in shadow", {"rows": answered})
    rows, shadows = steps.answered.take(steps.answered.time >= begin), steps.shadows.take(both)
    metric = spec.alerting.accuracy.metric
    known = rows.labelled & (rows.version != name_code(own.version))
    better = gain(metric, shadows.predictions[known], rows.predictions[known], rows.labels[known])
    usual = band(metric, rows.predictions[known], rows.labels[known])
    before = float(usual.high if find_metric(metric)[1] else usual.low)
    figures = {
        "metric": metric, "rows": int(known.sum()), "gain": better.as_dict(), BEFORE: before,
    }  # fmt: skip
    if np.isnan(better.value):
        return Step(False, "too few events of one class in shadow", {}) if late else None
    told = f"{metric} {better.value:+.3f} ({better.low:+.3f} to {better.high:+.3f}) in shadow"
    return Step(better.value > 0 and better.low > -adaptation.margins.better, told, figures)


def _canary(
    spec: DomainSpec, adaptation: Adaptation, own: Rollout, steps: LabelledSteps, plan: Plan
) -> Step | None:
    """Let it go on unless it raises many more alerts, or is worse on its entities."""
    trial, accuracy = adaptation.trial, spec.alerting.accuracy
    if steps.complete < own.since + trial.canary_for:
        return None
    rows = steps.rows.take(steps.rows.time >= own.since)
    mine = rows.version == name_code(own.version)
    parts = rows.take(mine), rows.take(~mine)
    n_own, n_rest = map(len, parts)
    told = f"it answered {n_own:,} of {n_own + n_rest:,} events as canary"
    if not n_own or not n_rest:
        late = _is_late(own, steps, max(trial.canary_for, accuracy.step))
        return Step(False, told, {"rows": n_own}) if late else None
    means = [float(part.predictions.mean()) for part in parts]
    evidence: dict[str, Any] = {
        "rows": n_own, "mean_score": means[0], "mean_score_rest": means[1],
    }  # fmt: skip
    if spec.model.slate is None and plan.canary is not None:
        limits = plan.canary.threshold, plan.champion.threshold
        alerts = [
            wilson(float((part.predictions >= limit).mean()), len(part))
            for part, limit in zip(parts, limits, strict=True)
        ]
        evidence |= {"alerts": alerts[0].value, "alerts_rest": alerts[1].value}
        if alerts[0].low > MOST_ALERTS * alerts[1].high:
            told += f" and raised alerts on {alerts[0].value:.1%}, not {alerts[1].value:.1%}"
            return Step(False, told, evidence)
    known = [part.take(part.labelled) for part in parts]
    if min(map(len, known)) < accuracy.min_samples:
        return Step(True, told, evidence)
    mine_band, rest = (band(accuracy.metric, part.predictions, part.labels) for part in known)
    if np.isnan(mine_band.value) or np.isnan(rest.value):
        return Step(True, told, evidence)
    evidence |= {"metric": accuracy.metric, "figure": mine_band.as_dict(), "rest": rest.as_dict()}
    sign = -1.0 if find_metric(accuracy.metric)[1] else 1.0
    best = max(sign * mine_band.low, sign * mine_band.high)
    least = min(sign * rest.low, sign * rest.high) - accuracy.margin
    told += f": {accuracy.metric} {mine_band.value:.3f}, of the others {rest.value:.3f}"
    return Step(best >= least, told, evidence)


def _champion(
    spec: DomainSpec, adaptation: Adaptation, own: Rollout, steps: LabelledSteps
) -> Step | None:
    """Wait until the new champion has a level of its own, and compare it with the old one's.

    One that cannot be judged stays: else the model would never learn again.
    """
    accuracy = spec.alerting.accuracy
    rows = steps.rows.take(
        (steps.rows.version == name_code(own.version)) & (steps.rows.time >= own.since)
    )
    rows = rows.take(rows.labelled)
    late = _is_late(own, steps, max(adaptation.trial.canary_for, accuracy.span))
    unknown = Step(True, f"{len(rows):,} labels do not judge it", {"rows": len(rows)})
    if len(rows) < 2 * accuracy.min_samples:
        return unknown if late else None
    figure = band(accuracy.metric, rows.predictions, rows.labels)
    if np.isnan(figure.value):
        return unknown if late else None
    told = f"{accuracy.metric} {figure.value:.3f} as champion"
    evidence = {"metric": accuracy.metric, "rows": len(rows), "figure": figure.as_dict()}
    if own.level is None:
        return Step(True, told, evidence)
    sign = -1.0 if find_metric(accuracy.metric)[1] else 1.0
    best = max(sign * figure.low, sign * figure.high)
    told += f", at least {own.level:.3f} of {own.before} while it was in shadow"
    if best >= sign * own.level - accuracy.margin:
        return Step(True, told, evidence)
    # Neighbouring events share their causes: a part of a window says less than its rows promise.
    is_full = steps.complete >= own.since + accuracy.span
    return Step(False, told, evidence) if is_full else None
