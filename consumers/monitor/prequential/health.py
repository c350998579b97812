"""Health of a model at a moment of event time: what is known of its quality by then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamsim.consumers.monitor.prequential.bands import LEVEL, UNKNOWN, band, effective_count
from streamsim.consumers.monitor.prequential.prequential_windows import Rows, Window
from streamsim.consumers.monitor.prequential.segment_figures import (
    SegmentFigure,
    figures_of_segments,
    worst_segment,
)
from streamsim.streams.statistics.intervals import Interval
from streamsim.streams.statistics.quality import LOWER_IS_BETTER, split_name

NO_NAMES: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True)
class Health:
    """A model's quality over a window, as it is known at one moment.

    Attributes
    ----------
    at
        The moment: event time (ms) at which the window ends.
    metric
        Its name, with a threshold if it has one.
    window
        Which rows count.
    figure
        The metric with its confidence band; NaN with too few rows, or where it is undefined.
    samples
        Rows in the window that have a label.
    effective
        As many rows of one weight would tell as much; the samples unless the window is fading.
    unlabelled
        Scores in the window whose label did not come within the time-out. No metric counts them.
    segments
        Figures of the segments, in order of their fingerprints.
    worst
        The segment in which the model is worst; ``None`` if fewer than two have a figure.
    """

    at: int
    metric: str
    window: Window
    figure: Interval
    samples: int
    effective: float
    unlabelled: int
    segments: tuple[SegmentFigure, ...] = ()
    worst: SegmentFigure | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is a figure."""
        return not math.isnan(self.figure.value)

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return split_name(self.metric)[0] in LOWER_IS_BETTER

    def as_body(self, names: Mapping[int, str] = NO_NAMES) -> dict[str, Any]:
        """Return it as JSON types; what is unknown is ``None``.

        Parameters
        ----------
        names
            Of the segments, by fingerprint. A segment without a name has its fingerprint, in hex.
        """
        return {
            "at": self.at,
            "metric": self.metric,
            "window": {"kind": self.window.kind, "size": self.window.size},
            **_numbers(self.figure),
            "samples": self.samples,
            "effective": round(self.effective, 1),
            "unlabelled": self.unlabelled,
            "segments": [_body(own, names) for own in self.segments],
            "worst": None if self.worst is None else _body(self.worst, names),
        }


def health_at(
    at: int,
    metric: str,
    rows: Rows,
    window: Window,
    *,
    unlabelled: int = 0,
    min_samples: int = 30,
    by_segment: bool = True,
    segment_samples: int | None = None,
    level: float = LEVEL,
) -> Health:
    """Return what is known at an event time of a model's quality.

    Parameters
    ----------
    at
        Event time (ms): rows of this time or later do not count.
    rows
        Rows whose label is final at ``at``, or of which it is sure by then that none will come.
    unlabelled
        Scores in the window that never got a label and are not among the rows.
    min_samples
        Fewest rows with a label for a figure.
    by_segment
        Whether figures of segments are made.
    segment_samples
        Fewest rows with a label for a segment's figure; by default as many as for the whole.
    level
        Of the confidence bands.

    Raises
    ------
    UsageError
        If there is no metric of that name.
    """
    split_name(metric)
    own = window.of(rows, at)
    known = own.take(own.rows.labelled)
    samples, figure = len(known.rows), UNKNOWN
    if samples >= max(min_samples, 1):
        figure = band(metric, known.rows.predictions, known.rows.labels, known.weights, level)
    segments: tuple[SegmentFigure, ...] = ()
    if by_segment:
        least = min_samples if segment_samples is None else segment_samples
        segments = figures_of_segments(metric, own, figure.value, least, level)
    return Health(
        at,
        metric,
        window,
        figure,
        samples,
        float(samples) if known.weights is None else effective_count(known.weights),
        unlabelled + len(own.rows) - samples,
        segments,
        worst_segment(segments),
    )


def rounded(value: float) -> float | None:
    """Return a figure with six decimals, or ``None`` for NaN.

    >>> rounded(1 / 3), rounded(math.nan)
    (0.333333, None)
    """
    return None if math.isnan(value) else round(value, 6)


def _numbers(figure: Interval) -> dict[str, float | None]:
    return {name: rounded(value) for name, value in figure.as_dict().items()}


def _body(own: SegmentFigure, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "segment": names.get(own.segment, f"{own.segment & 0xFFFF_FFFF_FFFF_FFFF:016x}"),
        **_numbers(own.figure),
        "samples": own.samples,
        "unlabelled": own.unlabelled,
        "gap": rounded(own.gap),
        "is_beyond": own.is_beyond,
    }
