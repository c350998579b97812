"""A window's metric in each segment, and the segment in which the model is worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamsim.consumers.monitor.prequential.bands import AREAS, LEVEL, UNKNOWN, spread
from streamsim.consumers.monitor.prequential.prequential_windows import Windowed
from streamsim.streams.events import Floats
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import LOWER_IS_BETTER, split_name

LEAST_OF_CLASS = 10
"""Fewest rows of each label for the area of a segment: with fewer, its band cannot be trusted."""


@dataclass(frozen=True, slots=True)
class SegmentFigure:
    """A segment's metric.

    Attributes
    ----------
    segment
        Its fingerprint.
    figure
        The metric with its band; NaN with too few rows that have a label, or where undefined.
    samples, unlabelled
        Rows with a label, and rows that never got one.
    gap
        By how much it is worse than the whole, in the metric's unit; below 0 if it is better.
    is_beyond
        Whether it is worse by more than chance: its band, widened for the number of segments,
        does not hold the value of the whole.
    """

    segment: int
    figure: Interval
    samples: int
    unlabelled: int
    gap: float = math.nan
    is_beyond: bool = False

    @property
    def is_known(self) -> bool:
        """Whether it has a figure."""
        return not math.isnan(self.figure.value)


def figures_of_segments(
    metric: str, window: Windowed, whole: float, min_samples: int, level: float = LEVEL
) -> tuple[SegmentFigure, ...]:
    """Return the figure of each segment of a window, in order of their fingerprints.

    The band that decides ``is_beyond`` has Bonferroni's level: with ``k`` segments that have
    enough rows, ``1 - (1 - level) / k``. A segment is a part of the whole, so that this is strict:
    the gap varies less than the segment's own value.

    Parameters
    ----------
    whole
        The metric over the whole window; NaN if it is undefined.
    min_samples
        Fewest rows with a label for a figure. An area needs :data:`LEAST_OF_CLASS` of each label,
        too.

    Raises
    ------
    UsageError
        If there is no metric of that name.
    """
    is_error = split_name(metric)[0] in LOWER_IS_BETTER
    names, rows = np.unique(window.rows.segment, return_counts=True)
    known = window.take(window.rows.labelled)
    order = np.argsort(known.rows.segment, kind="stable")
    known = known.take(order)
    ends = np.searchsorted(known.rows.segment, names, "right")
    begins = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    judged = int((ends - begins >= min_samples).sum())
    strict = 1 - (1 - level) / max(judged, 1)
    predictions, labels = known.rows.predictions, known.rows.labels
    found = []
    for name, whole_rows, begin, end in zip(
        names.tolist(), rows.tolist(), begins.tolist(), ends.tolist(), strict=True
    ):
        count, unlabelled = end - begin, whole_rows - (end - begin)
        if count < max(min_samples, 1) or not _is_enough(metric, labels[begin:end]):
            found.append(SegmentFigure(name, UNKNOWN, count, unlabelled))
            continue
        weights = None if known.weights is None else known.weights[begin:end]
        own = spread(metric, predictions[begin:end], labels[begin:end], weights)
        gap = own.value - whole if is_error else whole - own.value
        wide = own.at(strict)
        is_beyond = wide.low > whole if is_error else wide.high < whole
        found.append(SegmentFigure(name, own.at(level), count, unlabelled, gap, is_beyond))
    return tuple(found)


def _is_enough(metric: str, labels: Floats) -> bool:
    if split_name(metric)[0] not in AREAS:
        return True
    positive = int((labels > 0).sum())
    return min(positive, len(labels) - positive) >= LEAST_OF_CLASS


def worst_segment(figures: Sequence[SegmentFigure]) -> SegmentFigure | None:
    """Return the segment with the largest gap: of those beyond chance, if there are any.

    Returns
    -------
    ``None`` if fewer than two segments have a figure.
    """
    known = [own for own in figures if own.is_known and not math.isnan(own.gap)]
    if len(known) < 2:
        return None
    return max(known, key=lambda own: (own.is_beyond, own.gap, -own.segment))
