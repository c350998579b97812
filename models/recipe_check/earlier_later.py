"""Labelled rows in two parts: those to learn from, and later ones to judge by.

Nothing that was not yet known at the cut is learnt: rows whose label was still to come then are in
neither part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streamsim.models.labelled import Labelled
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Ints
from streamsim.streams.spec import DomainSpec

SHARE = 0.6
"""Share of the time, without the labels' delay, that is learnt from."""
FEWEST = 10
"""Fewest rows of each class in each part."""


class Parts(NamedTuple):
    """Rows to learn from, and rows from the cut (ms) on to judge by."""

    earlier: Labelled
    later: Labelled
    cut: int


def apart(spec: DomainSpec, data: Labelled) -> Parts:
    """Cut labelled rows in two, by time.

    Raises
    ------
    ModelError
        If there are no rows, or the labels come so late that one part is empty.
    """
    if not len(data.times):
        raise ModelError("the world has no event with a final label: it needs more days")
    first, last, delay = int(data.times.min()), int(data.times.max()), spec.labels.delay
    cut = first + delay + int(SHARE * (last - first - delay))
    earlier, later = data.take(data.times + delay <= cut), data.take(data.times >= cut)
    if not len(earlier.times) or not len(later.times):
        raise ModelError("the world is shorter than its labels are late: it needs more days")
    numbers = earlier.numbers.copy()
    for place, estimate in enumerate(spec.model.estimates):
        numbers[earlier.times + estimate.delay > cut, place] = np.nan
    known = Labelled(earlier.features, earlier.labels, earlier.times, earlier.entities, numbers)
    return Parts(known, later, cut)


def refuse_one_class(truth: Ints, what: str) -> None:
    """Refuse rows that have next to none of a class.

    Raises
    ------
    ModelError
        If there are fewer than :data:`FEWEST` of it.
    """
    positives = int((truth == 1).sum())
    if min(positives, len(truth) - positives) < FEWEST:
        raise ModelError(
            f"{what} has {positives} positive and {len(truth) - positives} negative events, of "
            f"each it needs {FEWEST}: the world needs more days"
        )
