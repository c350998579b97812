"""SEED: compares the means of the two sides of each border between blocks of errors.

References
----------
Huang, Koh, Dobbie and Pears (2014), Detecting volatility shift in data streams, *IEEE ICDM*,
863-868: the bound of ADWIN (Bifet and Gavalda 2007), tested at borders of blocks only; neighbours
that are alike are merged from time to time, old ones more readily.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask


class Seed:
    """A detector on errors from 0 to 1.

    Parameters
    ----------
    delta
        Confidence of the bound: the smaller, the fewer alarms.
    block
        Errors in a new block; it tests when one is full.
    epsilon, alpha
        Blocks are merged if their means differ by less than ``epsilon * alpha`` times the distance
        of their border from the end, in blocks.
    term
        Blocks between two merges.
    """

    binary = False

    def __init__(
        self,
        delta: float = 0.05,
        block: int = 32,
        epsilon: float = 0.01,
        alpha: float = 0.8,
        term: int = 75,
    ) -> None:
        self._delta, self._block, self._term = delta, int(block), int(term)
        self._growth = epsilon * alpha
        self._blocks = np.empty((0, 3))
        """Number, sum and sum of squares of each block, the oldest first."""
        self._open: Floats = np.empty(0)
        self._since = 0

    def update(self, errors: Floats) -> Ints:
        """See :class:`~.error_detector.ErrorDetector`."""
        values = np.concatenate((self._open, errors))
        shift, found = len(self._open), []
        whole = len(values) // self._block * self._block
        for end in range(self._block, whole + 1, self._block):
            own = values[end - self._block : end]
            row = [[self._block, own.sum(), own @ own]]
            self._blocks = np.concatenate((self._blocks, row))
            self._since += 1
            if self._cut():
                found.append(end - 1 - shift)
            if self._since >= self._term:
                self._merge()
        self._open = values[whole:]
        return np.array(found, np.int64)

    def snapshot(self) -> dict[str, Any]:
        """See :class:`~.error_detector.ErrorDetector`."""
        return {
            "blocks": self._blocks.tolist(),
            "open": self._open.tolist(),
            "since": self._since,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`~.error_detector.ErrorDetector`."""
        self._blocks = np.array(state["blocks"], np.float64).reshape(-1, 3)
        self._open = np.array(state["open"], np.float64)
        self._since = int(state["since"])

    def _cut(self) -> bool:
        """Drop what is before the newest border at which the mean differs; say if it has risen."""
        if len(self._blocks) < 2:
            return False
        sums = np.cumsum(self._blocks, axis=0)
        n, total, squares = sums[-1].tolist()
        n0, n1 = sums[:-1, 0], n - sums[:-1, 0]
        rise = (total - sums[:-1, 1]) / n1 - sums[:-1, 1] / n0
        variance = max(squares / n - (total / n) ** 2, 0.0)
        confidence = math.log(2 * math.log(n) / self._delta)
        harmonic = 1 / n0 + 1 / n1
        bound = np.sqrt(2 * harmonic * variance * confidence) + 2 / 3 * confidence * harmonic
        borders = np.flatnonzero(np.abs(rise) > bound)
        if not len(borders):
            return False
        at = int(borders[-1])
        self._blocks = self._blocks[at + 1 :]
        return bool(rise[at] > 0)

    def _merge(self) -> None:
        """Merge each block into the one before it, if their means are alike."""
        self._since = 0
        mean = self._blocks[:, 1] / self._blocks[:, 0]
        limit = self._growth * np.arange(len(mean) - 1, 0, -1)
        starts: Mask = np.concatenate(([True], np.abs(np.diff(mean)) >= limit))
        self._blocks = np.add.reduceat(self._blocks, np.flatnonzero(starts), axis=0)
