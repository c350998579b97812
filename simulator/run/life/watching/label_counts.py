"""How many labelled scores there have been, step by step: a policy waits until they are enough."""

from __future__ import annotations

from typing import Any

from streamsim.consumers.monitor.prequential.prequential_windows import Rows

MOST_STEPS = 2_000
"""Newest steps that are remembered."""
ENOUGH = 1 << 40


class LabelCounts:
    """Labelled scores of each step, and those of the rarer class.

    Parameters
    ----------
    step
        Length of a step (ms).
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._steps: list[tuple[int, int, int]] = []

    def take(self, end: int, rows: Rows) -> None:
        """Count the rows of the step that ends at a time (ms)."""
        known = rows.label[(rows.time >= end - self._step) & (rows.time < end) & rows.labelled]
        self._steps = [*self._steps, (end, len(known), int((known > 0).sum()))][-MOST_STEPS:]

    def between(self, since: int, until: int) -> tuple[int, int]:
        """Count labelled scores of the whole steps in a period (ms), and those of the rarer class.

        Of a period that is not remembered whole, there are enough.
        """
        if len(self._steps) == MOST_STEPS and since < self._steps[0][0] - self._step:
            return ENOUGH, ENOUGH
        inside = [own for own in self._steps if since <= own[0] - self._step and own[0] <= until]
        rows, positive = sum(own[1] for own in inside), sum(own[2] for own in inside)
        return rows, min(positive, rows - positive)

    def snapshot(self) -> list[tuple[int, int, int]]:
        """Return its state as JSON types."""
        return self._steps

    def restore(self, state: Any) -> None:
        """Restore an empty state; raises :class:`TypeError` or :class:`ValueError` for others."""
        self._steps = [(int(end), int(rows), int(positive)) for end, rows, positive in state]
