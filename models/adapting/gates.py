"""Gates: what a challenger must pass before it may take the champion's place.

Both models are judged on the same later events, which the challenger has not learnt from. Each gate
is a pure function of what was measured.

References
----------
Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 8: paired resampling. Here
whole entities are drawn, each with all of its events, and both models get the same draws.
Künsch (1989), The jackknife and the bootstrap for general stationary observations, *Ann. Stat.* 17,
1217-1241: blocks of time are drawn where there are few entities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.models.adapting.gate_verdict import Gate
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints, Objects
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.adapting import Margins
from streamsim.streams.statistics.intervals import (
    Interval,
    Weighted,
    auc,
    average_precision,
    calibration_error,
    difference,
    interval,
    root_mean,
)

DRAWS = 400
FEWEST = 10
"""Fewest events of each class by which a metric is judged."""
BLOCKS = 20
"""Blocks of time that are drawn where there are fewer entities than that: few make no interval, and
one makes none at all."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A model's scores of the later events, and what was true.

    Attributes
    ----------
    truth
        1 or 0; of a slate, whether it was right, so two models have different truths.
    numbers
        Its estimates, shape ``(n, n_estimates)``.
    """

    scores: Floats
    truth: Ints
    numbers: Floats


def metric_of(spec: DomainSpec) -> str:
    """Return the name of the metric by which a domain's models are compared."""
    return "hit_rate" if spec.model.slate is not None else spec.model.recipe.metric


def figure_of(metric: str, judged: Judged) -> Weighted:
    """Return a metric of a model as a function of weights.

    Raises
    ------
    UsageError
        If there is no metric of that name.
    """
    if metric == "hit_rate":
        hits = judged.truth.astype(np.float64)
        return lambda many: many @ hits / many.sum(axis=1)
    if metric not in _RANKED:
        raise UsageError(f"no metric {metric!r}; there are {', '.join(_RANKED)} and hit_rate")
    return _RANKED[metric](judged.truth, judged.scores)


_RANKED: Mapping[str, Callable[[Ints, Floats], Weighted]] = {
    "average_precision": average_precision,
    "roc_auc": auc,
}


def brier(judged: Judged) -> Weighted:
    """Return the mean squared distance of scores from the truth, as a function of weights."""
    squares = (judged.scores - judged.truth) ** 2
    return lambda many: many @ squares / many.sum(axis=1)


def is_better(
    metric: str, own: Judged, champion: Judged, entities: Objects, margin: float, seed: int = 0
) -> Gate:
    """Pass if the metric is better by the margin, and the interval of the gain is above 0."""
    if not (_has_both(metric, own.truth) and _has_both(metric, champion.truth)):
        return Gate("better", False, None, margin, f"{metric}: too few events of one class")
    gain = _gain(metric, own, champion, entities, seed)
    passed = gain.value >= margin and gain.low > 0
    before = _once(figure_of(metric, champion), len(entities))
    text = (
        f"{metric} {before + gain.value:.4f} against {before:.4f}: "
        f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}), "
        f"at least {margin:+g} and above 0 by its interval is needed"
    )
    return Gate("better", passed, _rounded(gain.value), margin, text)


def is_calibrated(own: Judged, champion: Judged, bound: float) -> Gate:
    """Pass if the expected calibration error is not larger by more than the bound."""
    n = len(own.truth)
    one, other = (_once(calibration_error(j.truth, j.scores), n) for j in (own, champion))
    return _loss("calibration", "calibration error", one, other, bound)


def has_brier(own: Judged, champion: Judged, bound: float) -> Gate:
    """Pass if the Brier score is not larger by more than the bound."""
    one, other = (_once(brier(j), len(j.truth)) for j in (own, champion))
    return _loss("brier", "Brier score", one, other, bound)


def worst_segment(
    metric: str,
    own: Judged,
    champion: Judged,
    entities: Objects,
    segments: Objects,
    margins: Margins,
    seed: int = 0,
) -> Gate:
    """Pass if in no segment the metric is worse by more than the bound, unless by chance.

    Segments with too few events are left out.

    Parameters
    ----------
    segments
        Of each event, its segment; empty where it has none.
    """
    bound, worst, fails, judged = -margins.segment, None, [], 0
    for name in np.unique(segments.astype(str)).tolist():
        rows = segments.astype(str) == name
        if not name or rows.sum() < margins.segment_rows:
            continue
        parts = [Judged(j.scores[rows], j.truth[rows], j.numbers[rows]) for j in (own, champion)]
        if not all(_has_both(metric, part.truth) for part in parts):
            continue
        judged += 1
        gain = _gain(metric, parts[0], parts[1], entities[rows], seed)
        if gain.value < bound and gain.high < 0:
            fails.append(name)
        if worst is None or gain.value < worst[0]:
            worst = gain.value, name
    if worst is None:
        return Gate("segment", True, None, bound, "no segment with enough events")
    text = (
        f"worst of {judged} segments: {worst[1]}, {metric} {worst[0]:+.4f}, {bound:+g} is allowed"
    )
    if fails:
        text += f"; worse by more, and not by chance: {', '.join(fails[:5])}"
    return Gate("segment", not fails, _rounded(worst[0]), bound, text)


def estimates_hold(
    names: Sequence[str], own: Judged, champion: Judged, truth: Floats, most: float
) -> Gate | None:
    """Pass if no estimate's error is more than so many times the champion's; ``None`` without any.

    Parameters
    ----------
    truth
        True numbers, shape ``(n, n_estimates)``; NaN where they are not known.
    """
    ratios = {}
    for place, name in enumerate(names):
        known = np.isfinite(truth[:, place])
        if known.any():
            errors = [(j.numbers[:, place] - truth[:, place])[known] ** 2 for j in (own, champion)]
            one, other = (_once(root_mean(error), len(error)) for error in errors)
            ratios[name] = one / other if other else (1.0 if not one else np.inf)
    if not names:
        return None
    if not ratios:
        return Gate("estimates", True, None, most, "no true number is known yet")
    name = max(ratios, key=ratios.__getitem__)
    text = f"error of {name}: {ratios[name]:.3f} of the champion's, at most {most:g} is allowed"
    return Gate("estimates", ratios[name] <= most, _rounded(ratios[name]), most, text)


def is_as_fast(own_s: float, champion_s: float, most: float) -> Gate:
    """Pass if a call takes no more than so many times the champion's time (s)."""
    ratio = own_s / max(champion_s, 1e-9)
    text = f"{own_s * 1e3:.1f} ms for 1,024 rows against {champion_s * 1e3:.1f} ms"
    return Gate("latency", ratio <= most, _rounded(ratio), most, f"{text}, {most:g} x is allowed")


def is_as_small(own: int, champion: int, most: float) -> Gate:
    """Pass if it takes no more than so many times the champion's bytes."""
    ratio = own / max(champion, 1)
    text = f"{own:,} bytes against {champion:,}, {most:g} x is allowed"
    return Gate("size", ratio <= most, _rounded(ratio), most, text)


def loads(fault: str) -> Gate:
    """Pass if it was loaded and asked in a process of its own; ``fault`` is empty then."""
    return Gate("loads", not fault, None, None, fault or "loads and answers in a clean process")


def has_signature(own: Signature, champion: Signature, changes: Sequence[str]) -> Gate:
    """Pass if features and estimates are the champion's, or their change is declared."""
    differ = []
    if (own.features, own.feature_hash) != (champion.features, champion.feature_hash):
        differ.append("features")
    if own.estimates != champion.estimates:
        differ.append("estimates")
    undeclared = [part for part in differ if part not in changes]
    text = "same signature"
    if differ:
        text = f"other {' and '.join(differ)}, " + ("not declared" if undeclared else "as declared")
    return Gate("signature", not undeclared, None, None, text)


def drawn_together(entities: Objects) -> Ints:
    """Return the groups that are drawn as a whole: entities, or blocks of time if these are few.

    Parameters
    ----------
    entities
        Of events in order of time.

    Examples
    --------
    >>> drawn_together(np.array(["station"] * 40, object))[[0, 1, 2, 39]].tolist()
    [0, 0, 1, 19]
    """
    names, group = np.unique(entities.astype(str), return_inverse=True)
    if len(names) >= BLOCKS:
        return group.astype(np.int64)
    return np.arange(len(entities)) * BLOCKS // max(len(entities), 1)


def _gain(metric: str, own: Judged, champion: Judged, entities: Objects, seed: int) -> Interval:
    group = drawn_together(entities)
    gain = difference(figure_of(metric, own), figure_of(metric, champion))
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without positives counts not
        return interval(gain, group, seed, DRAWS)


def _has_both(metric: str, truth: Ints) -> bool:
    """Say whether a metric is defined, also of most draws."""
    positives = int(truth.sum())
    fewest = min(positives, len(truth) - positives)
    return len(truth) >= FEWEST if metric == "hit_rate" else fewest >= FEWEST


def _loss(name: str, what: str, own: float, champion: float, bound: float) -> Gate:
    loss = own - champion
    text = f"{what} {own:.4f} against {champion:.4f}: {loss:+.4f}, at most {bound:+g} is allowed"
    return Gate(name, bool(loss <= bound), _rounded(loss), bound, text)


def _once(figure: Weighted, n: int) -> float:
    """Return a figure of ``n`` events as they are."""
    return float(figure(np.ones((1, n)))[0])


def _rounded(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
