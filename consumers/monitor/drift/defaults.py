"""Defaults of drift detection, from the table of ``streamsim bench drift`` in docs/drift.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DETECTOR = "seed"
"""Name of the detector on errors; see :mod:`.error_detector`."""
DETECTOR_OPTIONS: Mapping[str, float] = {"delta": 0.00001}


@dataclass(frozen=True, slots=True)
class FeatureBounds:
    """From where on a feature's distribution counts as changed.

    A feature has drifted if the change is no chance, and is large enough to matter.

    Attributes
    ----------
    rows
        Fewest rows of a window that is judged.
    alpha
        Share of false discoveries among the features that are said to have drifted.
    distance, bound
        The distance that says how large a change is (``psi``, ``js`` or ``ks``), and its least
        value.
    missing, outside
        Least change of the share of unknown values, and least share of values that are outside
        the range or new.
    """

    rows: int = 200
    alpha: float = 0.01
    distance: str = "js"
    bound: float = 0.1
    missing: float = 0.05
    outside: float = 0.05


BOUNDS = FeatureBounds()
