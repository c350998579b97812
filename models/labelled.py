"""Labelled training rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask, Matrix, Objects


@dataclass(frozen=True, slots=True)
class Labelled:
    """Training rows with their labels.

    Attributes
    ----------
    features, labels, times, entities
        Shape ``(n, n_features)``, and ``(n,)`` each; times in ms.
    numbers
        True values of the estimated numbers, shape ``(n, n_numbers)``; NaN where unknown.
    """

    features: Matrix
    labels: Ints
    times: Ints
    entities: Objects
    numbers: Floats

    def take(self, rows: Mask | Ints) -> Labelled:
        """Return some rows."""
        return Labelled(
            self.features[rows],
            self.labels[rows],
            self.times[rows],
            self.entities[rows],
            self.numbers[rows],
        )

    def fingerprint(self) -> str:
        """Return a hash of the rows, by which equal training data is recognised."""
        digest = hashlib.sha256()
        for array in (self.features, self.labels, self.times):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
