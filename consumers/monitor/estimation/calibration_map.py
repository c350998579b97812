"""Calibration map: from a model's scores to chances, fitted to scores whose labels are known.

The map never falls. It is the isotonic regression of labels on scores, by pooling neighbours that
are in the wrong order.

References
----------
Ayer, Brunk, Ewing, Reid and Silverman (1955), An empirical distribution function for sampling with
incomplete information, *Ann. Math. Statist.* 26, 641-647: pooling adjacent violators.
Zadrozny and Elkan (2002), Transforming classifier scores into accurate multiclass probability
estimates, *KDD*: isotonic regression as calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints

MOST_GROUPS = 2_000
"""Neighbouring scores are put into at most so many groups of like size before they are pooled."""


@dataclass(frozen=True, slots=True)
class CalibrationMap:
    """Chances at some scores, with straight lines between them; see :func:`fit_calibration`.

    Attributes
    ----------
    scores, chances
        In order, shape ``(n,)``. Beyond the ends the chance stays as it is there.
    """

    scores: Floats
    chances: Floats

    def of(self, scores: Floats) -> Floats:
        """Return the chances of scores, shape ``(n,)``."""
        return np.interp(scores, self.scores, self.chances)

    def snapshot(self) -> Columns:
        """Return the map as columns of integers, bit by bit."""
        return {"scores": self.scores.view(np.int64), "chances": self.chances.view(np.int64)}

    @classmethod
    def restored(cls, parts: Parts) -> CalibrationMap:
        """Return the map of a snapshot.

        Raises
        ------
        ValueError, TypeError
            If it is none.
        """
        scores, chances = (parts.ints(name).view(np.float64) for name in ("scores", "chances"))
        if not len(scores) or len(scores) != len(chances):
            raise ValueError("no calibration map: columns of different length, or empty")
        return cls(scores, chances)


def fit_calibration(scores: Floats, labels: Floats) -> CalibrationMap:
    """Fit a map to reference scores with their labels, such as those of the held-out period.

    The chance of a pooled group is that of its rows and one more row of the usual chance: no score
    is taken as sure because the few rows that had it were of one label.

    Parameters
    ----------
    scores, labels
        Labels are 0 or 1; shape ``(n,)``.

    Raises
    ------
    UsageError
        Unless there are rows of both labels.

    Examples
    --------
    >>> fitted = fit_calibration(np.repeat([0.1, 0.5, 0.9], 1_000),
    ...                          np.repeat([0.0, 1.0, 0.0, 1.0], [900, 100, 900, 1_100]))
    >>> fitted.of(np.array([0.0, 0.1, 0.7, 1.0])).round(3)
    array([0.1  , 0.1  , 0.55 , 0.999])
    """
    if not len(labels) or not 0 < labels.mean() < 1:
        raise UsageError("a calibration map is fitted to scores of both labels, 0 and 1")
    order = np.argsort(scores, kind="stable")
    ranked, true = scores[order], labels[order].astype(np.float64)
    starts = _groups(ranked)
    ends = np.append(starts[1:], len(ranked)) - 1
    count, positive = np.diff(np.append(starts, len(ranked))), np.add.reduceat(true, starts)
    return _fitted(ranked[starts], ranked[ends], count, positive)


def fit_bins(scores: Floats, count: Ints, positive: Ints) -> CalibrationMap:
    """Fit a map to counts per bin; see :func:`fit_calibration`.

    Parameters
    ----------
    scores
        One of each bin, ascending.
    count, positive
        Rows of the bin, and those whose label is 1.

    Raises
    ------
    UsageError
        Unless there are rows of both labels.

    Examples
    --------
    >>> fitted = fit_bins(np.array([0.1, 0.3, 0.9]), np.array([900, 0, 99]), np.array([9, 0, 90]))
    >>> fitted.of(np.array([0.1, 0.5, 0.9])).round(2)
    array([0.01, 0.46, 0.9 ])
    """
    there = count > 0
    if not 0 < positive.sum() < count.sum():
        raise UsageError("a calibration map is fitted to scores of both labels, 0 and 1")
    own = scores[there]
    return _fitted(own, own, count[there], positive[there].astype(np.float64))


def _fitted(begin: Floats, end: Floats, count: Ints, positive: Floats) -> CalibrationMap:
    """Fit a map to groups of rows, in order of score, each with its first and its last score."""
    first, last = _pooled(count, positive)
    sizes = np.add.reduceat(count, first)
    usual = positive.sum() / count.sum()
    chances = (np.add.reduceat(positive, first) + usual) / (sizes + 1)
    chances = np.maximum.accumulate(chances)
    scores = np.column_stack([begin[first], end[last]]).ravel()
    return CalibrationMap(scores, np.repeat(chances, 2))


def _groups(ranked: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return where each group of neighbouring scores begins; equal scores are in one group."""
    begins = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    if len(begins) <= MOST_GROUPS:
        return begins
    wanted = np.linspace(0, len(ranked), MOST_GROUPS, endpoint=False)
    places = np.searchsorted(begins, wanted)
    return begins[np.unique(places[places < len(begins)])]


def _pooled(
    count: np.ndarray[tuple[int], np.dtype[np.intp]], positive: Floats
) -> tuple[list[int], list[int]]:
    """Return the first and the last group of each pool, whose share of positives rises."""
    pools: list[tuple[int, int, int, float]] = []
    for group, (size, found) in enumerate(zip(count.tolist(), positive.tolist(), strict=True)):
        first, whole, yes = group, size, found
        while pools and pools[-1][3] * whole >= yes * pools[-1][2]:
            first, _, before, had = pools.pop()
            whole, yes = whole + before, yes + had
        pools.append((first, group, whole, yes))
    return [pool[0] for pool in pools], [pool[1] for pool in pools]
