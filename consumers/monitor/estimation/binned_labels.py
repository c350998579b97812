"""Binned labels: labelled scores of one version per bin and step, to which chances are fitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamsim.consumers.monitor.estimation.calibration_map import CalibrationMap, fit_bins
from streamsim.consumers.monitor.estimation.score_counts import SCORE_BINS, bins_of, middles
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import Floats, Ints, Mask

LEAST_OF_CLASS = 20
"""Fewest labels of each class that chances are fitted to."""


class BinnedLabels:
    """The labels of the newest steps; those of a new version begin anew.

    Parameters
    ----------
    span
        Steps are kept for this event time (ms).

    Examples
    --------
    >>> labels = BinnedLabels(span=20)
    >>> scores, positive = np.repeat([0.1, 0.8], 50), np.arange(100) % 50 < np.repeat([5, 40], 50)
    >>> labels.add(10, "1", scores[:60], positive[:60])
    >>> labels.fitted() is None
    True
    >>> labels.add(20, "1", scores[60:], positive[60:])
    >>> labels.fitted().of(np.array([0.1, 0.8])).round(2)
    array([0.11, 0.79])
    >>> labels.add(30, "2", scores[:60], positive[:60])
    >>> labels.fitted() is None
    True
    """

    def __init__(self, span: int) -> None:
        self._span, self._of = span, ""
        self._steps: dict[int, Ints] = {}

    def add(self, at: int, version: str, scores: Floats, positive: Mask) -> None:
        """Add the labelled scores of a step that ends at ``at`` (ms), and which have label 1."""
        if version != self._of:
            self._steps, self._of = {}, version
        bins = bins_of(scores)
        counts = [np.bincount(own, minlength=SCORE_BINS) for own in (bins, bins[positive])]
        kept = {end: own for end, own in self._steps.items() if end > at - self._span}
        self._steps = {**kept, at: np.array(counts)}

    def fitted(self) -> CalibrationMap | None:
        """Return the map of scores to chances; ``None`` with too few labels of a class."""
        count, positive = sum(self._steps.values(), np.zeros((2, SCORE_BINS), np.int64))
        if min(positive.sum(), count.sum() - positive.sum()) < LEAST_OF_CLASS:
            return None
        return fit_bins(middles(), count, positive)

    def snapshot(self) -> Columns:
        """Return the whole state, as columns."""
        counts = [own.ravel() for own in self._steps.values()]
        return {
            "at": np.array(list(self._steps), np.int64),
            "counts": np.concatenate([np.empty(0, np.int64), *counts]),
            "of": [self._of],
        }

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        ValueError, TypeError, IndexError
            If it is none.
        """
        ends = parts.ints("at").tolist()
        counts: Any = parts.ints("counts").reshape(len(ends), 2, SCORE_BINS)
        self._steps, self._of = dict(zip(ends, counts, strict=True)), parts.texts("of")[0]
