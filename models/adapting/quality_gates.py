"""The gates about what a challenger says, which need no clock and no process."""

from __future__ import annotations

from streamsim.models.adapting.gate_verdict import Gate
from streamsim.models.adapting.gates import (
    Judged,
    estimates_hold,
    has_brier,
    is_better,
    is_calibrated,
    metric_of,
    worst_segment,
)
from streamsim.models.labelled import Labelled
from streamsim.streams.events import Objects
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.adapting import Margins


def quality_gates(
    spec: DomainSpec,
    margins: Margins,
    own: Judged,
    champion: Judged,
    held: Labelled,
    segments: Objects,
    seed: int = 0,
) -> list[Gate]:
    """Judge a challenger's answers to the later events against the champion's.

    Parameters
    ----------
    held, segments
        The later events, and the segment of each.
    """
    metric, names = metric_of(spec), [estimate.name for estimate in spec.model.estimates]
    estimates = estimates_hold(names, own, champion, held.numbers, margins.estimates)
    return [
        is_better(metric, own, champion, held.entities, margins.better, seed),
        is_calibrated(own, champion, margins.calibration),
        has_brier(own, champion, margins.brier),
        worst_segment(metric, own, champion, held.entities, segments, margins, seed),
        *([] if estimates is None else [estimates]),
    ]
