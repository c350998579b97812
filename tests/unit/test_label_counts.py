"""How many labelled scores a period has, also if their rows are no longer remembered."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.monitor.prequential.prequential_windows import Rows
from streamsim.simulator.run.life.watching.label_counts import ENOUGH, MOST_STEPS, LabelCounts


def rows(begin: int, labels: list[int]) -> Rows:
    n = len(labels)
    zeros = np.zeros(n, np.int64)
    return Rows(begin + np.arange(n), zeros, np.array(labels), zeros, zeros)


def test_labels_of_the_steps_in_a_period_are_counted() -> None:
    counts = LabelCounts(10)
    counts.take(10, rows(0, [1, 0, 0, -1]))
    counts.take(20, rows(8, [1, 1, 1, 1, 0]))  # two of them are of the step before
    counts.take(30, rows(20, [0, 0, 0]))
    assert counts.between(0, 10) == (3, 1)
    assert counts.between(10, 20) == (3, 1)
    assert counts.between(0, 30) == (9, 3)
    assert counts.between(-100, 29) == (6, 3)
    assert counts.between(5, 20) == (3, 1)  # whole steps only
    again = LabelCounts(10)
    again.restore(counts.snapshot())
    assert again.between(0, 30) == (9, 3)


def test_of_a_period_that_is_forgotten_there_are_enough() -> None:
    counts = LabelCounts(10)
    for step in range(MOST_STEPS + 2):
        counts.take(10 * step, rows(10 * step - 10, [1, 0]))
    assert counts.between(0, 100) == (ENOUGH, ENOUGH)
    assert counts.between(10, 50) == (8, 4)
