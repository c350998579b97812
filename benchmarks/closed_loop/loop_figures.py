"""Figures of closed loops: how late, how deep, how far back, and what was done for nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from streamsim.benchmarks.closed_loop.driven_loop import AGAIN, OPENED, Told
from streamsim.benchmarks.closed_loop.loop_worlds import LoopWorld
from streamsim.consumers.monitor.prequential.bands import wilson
from streamsim.simulator.run.life.adaptive import LEARNING
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.statistics.intervals import Interval, interval, per_draw
from streamsim.streams.statistics.quality import find_metric

PROMOTED = "promoted"
REFUSED = ("refused", "failed", "withdrawn")


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """Figures of one seed. Times are in days of event time from the change; NaN: never.

    Attributes
    ----------
    detected
        Until an incident of the metric is opened, or told again, that knows labels of changed
        events.
    promoted
        Until the first challenger that is promoted answers.
    back
        Until the end of the first window, after the lowest one, that is within the domain's margin
        of the metric before.
    before, lowest, end
        The metric before the change; after it, the lowest of any window of the domain's span; and
        in the last part of the run.
    control, unchanged
        The metric in the last part without adaptation, and in the world without a change.
    learnings, promotions, refused, rolled_back
        In the changed world: how often.
    false_alarms, false_learnings, false_promotions
        Incidents, learnings and promotions in the unchanged world. A promotion in the changed world
        before labels of changed events were known is a false one, too.
    estimate_off, known_off
        Mean absolute error of the metric that was estimated before its labels were there, in the
        unchanged world; and of the last figure that labels had told by then, in its place.
    """

    detected: float
    promoted: float
    back: float
    before: float
    lowest: float
    end: float
    control: float
    unchanged: float
    learnings: int
    promotions: int
    refused: int
    rolled_back: int
    false_alarms: int
    false_learnings: int
    false_promotions: int
    estimate_off: float = math.nan
    known_off: float = math.nan

    @property
    def recovery(self) -> float:
        """Share of the loss without adaptation that is made good, 1 being all; NaN without loss."""
        loss = self.before - self.control
        return (self.end - self.control) / loss if loss > 0 else math.nan

    def is_back(self, distance: float) -> bool:
        """Say whether the metric is within a distance of its level before, or above it."""
        return self.end >= self.before - distance

    def stays_down(self, distance: float) -> bool:
        """Say whether the control is farther below its level before."""
        return self.control < self.before - distance


def figures_of(
    spec: DomainSpec, world: LoopWorld, looped: Told, control: Told, unchanged: Told
) -> LoopFigures:
    """Judge the three runs of one seed."""
    change = spec.world.epoch + round(world.change_day * DAY)
    end = spec.world.epoch + round(world.days * DAY) - spec.labels.delay
    last = end - round(world.judged * DAY), end
    known = change + spec.labels.delay
    did, idle = ([h.what for h in told.happened] for told in (looped, unchanged))
    seen = (h.at for h in looped.happened if h.what in (OPENED, AGAIN) and h.at >= known)
    live = [h.at for h in looped.happened if h.what == PROMOTED and h.at >= known]
    early = [h for h in looped.happened if h.what == PROMOTED and h.at < known]
    before = metric_in(spec, looped, change - round(world.judged * DAY), change)
    after = windows(spec, looped, change, end)
    return LoopFigures(
        detected=_days(change, seen),
        promoted=_days(change, live),
        back=_days(change, _back(after, before - spec.alerting.accuracy.margin)),
        before=before,
        lowest=min((value for _, value in after), default=math.nan),
        end=metric_in(spec, looped, *last),
        control=metric_in(spec, control, *last),
        unchanged=metric_in(spec, unchanged, *last),
        learnings=did.count(LEARNING),
        promotions=did.count(PROMOTED),
        refused=sum(map(did.count, REFUSED)),
        rolled_back=did.count("rolled back"),
        false_alarms=idle.count(OPENED),
        false_learnings=idle.count(LEARNING),
        false_promotions=idle.count(PROMOTED) + len(early),
        **estimate_errors(unchanged),
    )


def estimate_errors(told: Told) -> dict[str, float]:
    """Return how far estimates were from what labels said later, and the figures known by then."""
    true = {own["labelled_until"]: own["labelled"] for own in told.estimates}
    rows = [
        (own["value"], own["labelled"], true[own["until"]])
        for own in told.estimates
        if own["until"] in true
    ]
    if not rows:
        return {"estimate_off": math.nan, "known_off": math.nan}
    estimated, known, value = np.array(rows).T
    off = {"estimate_off": estimated - value, "known_off": known - value}
    return {name: float(np.abs(own).mean()) for name, own in off.items()}


def metric_in(spec: DomainSpec, told: Told, since: int, until: int) -> float:
    """Return the domain's metric over a period; NaN where it is undefined."""
    rows = slice(*np.searchsorted(told.times, [since, until]).tolist())
    if rows.start == rows.stop:
        return math.nan
    metric = find_metric(spec.alerting.accuracy.metric)[0]
    return float(metric(told.scores[rows], told.labels[rows]))


def windows(spec: DomainSpec, told: Told, since: int, until: int) -> list[tuple[int, float]]:
    """Return the ends and metrics of windows of the domain's span, a step apart, in a period."""
    own = spec.alerting.accuracy
    found = []
    for begin in range(since, until - own.span + 1, own.step):
        first, behind = np.searchsorted(told.times, [begin, begin + own.span])
        if behind - first >= own.min_samples:
            found.append((begin + own.span, metric_in(spec, told, begin, begin + own.span)))
    return [(end, value) for end, value in found if not math.isnan(value)]


def _back(found: Sequence[tuple[int, float]], level: float) -> Iterable[int]:
    """Return the ends of windows that reach a level, from the lowest one on."""
    lowest = min(range(len(found)), key=lambda place: found[place][1], default=0)
    return (end for end, value in found[lowest:] if value >= level)


def together(seeds: Sequence[LoopFigures], distance: float) -> dict[str, Interval]:
    """Return the figures over seeds, with intervals: bootstrap of means, Wilson of shares.

    Means are over the seeds where a figure is known.
    """
    found = {}
    for name in (*asdict(seeds[0]), "recovery"):
        values = np.array([float(getattr(own, name)) for own in seeds])
        found[name] = mean_of(values[np.isfinite(values)])
    shares = {
        "share_detected": [math.isfinite(own.detected) for own in seeds],
        "share_promoted": [math.isfinite(own.promoted) for own in seeds],
        "share_back": [own.is_back(distance) for own in seeds],
        "share_control_down": [own.stays_down(distance) for own in seeds],
        "share_false": [own.false_promotions > 0 for own in seeds],
    }
    return found | {name: wilson(float(np.mean(own)), len(own)) for name, own in shares.items()}


def mean_of(values: Any) -> Interval:
    """Return a mean with its interval over seeds; NaN without any.

    >>> str(mean_of(np.array([2.0, 2.0, 2.0])))
    '2.00 (2.00 to 2.00)'
    """
    if not len(values):
        return Interval(math.nan, math.nan, math.nan)
    mean = per_draw(lambda own: float(np.average(values, weights=own)) if own.sum() else math.nan)
    return interval(mean, np.arange(len(values)))


def _days(change: int, times: Iterable[int]) -> float:
    return next(((at - change) / DAY for at in times), math.nan)
