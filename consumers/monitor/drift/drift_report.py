"""Drift report: which features and scores are distributed otherwise than in training.

References
----------
Benjamini and Hochberg (1995), Controlling the false discovery rate, *J. R. Statist. Soc. B* 57(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from streamsim.consumers.monitor.drift.defaults import BOUNDS, FeatureBounds
from streamsim.consumers.monitor.drift.distances import Distances, measure
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.reference_profile import (
    FIRST,
    SCORE,
    ColumnProfile,
    Reference,
)

TESTS = 3
"""Tests of each column: its values, its unknown values, and those outside its range."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far a feature, or the score, is from its reference.

    Attributes
    ----------
    p
        The least of the column's three p-values, corrected for their number and for the number of
        columns.
    drifted
        Whether the change is no chance, and is beyond a bound.
    size
        The largest of its changes, each as a multiple of its bound.
    text
        The largest change in words; empty if there is none beyond its bound.
    """

    name: str
    distances: Distances
    p: float
    drifted: bool
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """A window against the reference.

    Attributes
    ----------
    rows
        Rows in the window.
    enough
        Whether they suffice; otherwise nothing has drifted.
    columns
        One per feature, in order, then the score.
    """

    rows: int
    enough: bool
    columns: tuple[ColumnDrift, ...]

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The features that have drifted, and the score, the most changed first."""
        found = [column for column in self.columns if column.drifted]
        return tuple(sorted(found, key=lambda column: (-column.size, column.name)))

    @property
    def score(self) -> ColumnDrift:
        """The score's own."""
        return self.columns[-1]

    @property
    def most(self) -> ColumnDrift | None:
        """The feature that has drifted most; the score only if no feature has."""
        drifted = self.drifted
        features = [column for column in drifted if column.name != SCORE]
        return next(iter([*features, *drifted]), None)

    @property
    def text(self) -> str:
        """The report in a line."""
        if not self.enough:
            return f"{self.rows} rows are too few to judge"
        drifted, most = self.drifted, self.most
        if most is None:
            return f"no feature has drifted in {self.rows} rows"
        others = len(drifted) - 1
        more = f"; {others} more drifted" if others else ""
        return f"{most.text}{more}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {**asdict(self), "text": self.text}


def report_drift(reference: Reference, counts: Ints, bounds: FeatureBounds = BOUNDS) -> DriftReport:
    """Compare the counts of a window with the reference.

    Parameters
    ----------
    counts
        Rows in each cell, shape ``(n_features + 1, CELLS)``.

    Examples
    --------
    >>> from streamsim.streams.statistics.reference_profile import tally
    >>> draw = np.random.default_rng(1)
    >>> rows, scores = draw.random((2000, 2)).astype(np.float32), draw.random(2000)
    >>> reference = Reference.fit(["amount", "age"], rows, scores)
    >>> rows[:, 0] *= 3
    >>> found = report_drift(reference, tally(reference.cells(rows, scores)), BOUNDS)
    >>> found.text.partition(", ")[0]
    'amount: median bin 0.499842 to 0.544138 -> above 0.989294'
    >>> round(found.columns[0].distances.outside, 2), found.columns[1].drifted
    (0.67, False)
    """
    return judge_columns(reference, counts, measure_columns(reference, counts), bounds)


def measure_columns(reference: Reference, counts: Ints) -> list[Distances]:
    """Return the distances of each column."""
    return [measure(column, own) for column, own in zip(reference.columns, counts, strict=True)]


def judge_columns(
    reference: Reference, counts: Ints, measured: Sequence[Distances], bounds: FeatureBounds
) -> DriftReport:
    """Judge distances that have been measured; see :func:`report_drift`."""
    n = int(counts[-1].sum())
    least = np.array([min(d.p, d.missing_p, d.outside_p) for d in measured])
    corrected = benjamini_hochberg(np.minimum(least * TESTS, 1.0)).tolist()
    enough = n >= bounds.rows
    columns = []
    for column, row, found, p in zip(reference.columns, counts, measured, corrected, strict=True):
        size, text = _size(column, row, found, bounds)
        drifted = enough and p <= bounds.alpha and size >= 1
        columns.append(ColumnDrift(column.name, found, p, drifted, size, text))
    return DriftReport(n, enough, tuple(columns))


def benjamini_hochberg(p: Floats) -> Floats:
    """Return p-values corrected for their number: the false discovery rate at which each counts.

    >>> benjamini_hochberg(np.array([0.01, 0.5, 0.02, 0.9])).round(3).tolist()
    [0.04, 0.667, 0.04, 0.9]
    """
    order = np.argsort(p)[::-1]
    ranked = p[order] * len(p) / np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.minimum.accumulate(ranked), 1.0)
    return corrected


def _size(
    column: ColumnProfile, row: Ints, found: Distances, bounds: FeatureBounds
) -> tuple[float, str]:
    """Return the largest change as a multiple of its bound, and in words what is beyond bounds."""
    lost = found.missing[1] - found.missing[0]
    changes = {
        "values": getattr(found, bounds.distance) / bounds.bound,
        "missing": abs(lost) / bounds.missing,
        "outside": found.outside / bounds.outside,
    }
    parts = []
    if changes["values"] >= 1 and (moved := _moved(column, row)):
        parts.append(moved)
    if changes["missing"] >= 1:
        was, now = (f"{share:.1%}".replace("%", " %") for share in found.missing)
        parts.append(f"unknown {was} -> {now}")
    if changes["outside"] >= 1:
        what = "new values" if column.by_value else "outside the range of training"
        parts.append(f"{found.outside:.1%} {what}".replace("%", " %", 1))
    if found.gone:
        parts.append(f"no more {', '.join(f'{value:.6g}' for value in found.gone[:3])}")
    if not parts and changes["values"] >= 1:
        parts.append("another distribution")
    return max(changes.values()), f"{column.name}: {', '.join(parts)}" if parts else ""


def _moved(column: ColumnProfile, row: Ints) -> str:
    """Say how the median bin has moved, or of values the one that gained most."""
    was = np.array([column.beyond if column.by_value else 0, *column.counts, 0])
    last = FIRST + len(column.counts)
    now = np.concatenate((row[1:last], row[-1:]))
    if not was.sum() or not now.sum():
        return ""
    if column.by_value:
        change = now / now.sum() - was / was.sum()
        at = int(np.abs(change).argmax())
        shares = (f"{own[at] / own.sum():.1%}".replace("%", " %") for own in (was, now))
        return f"{column.bin_name(at + 1)} {' -> '.join(shares)}"
    old, new = (_median_bin(own) for own in (was, now))
    if old == new:
        return ""
    names = [column.bin_name(at + 1 if at + 1 < last else len(row) - 1) for at in (old, new)]
    return f"median bin {names[0]} -> {names[1]}"


def _median_bin(counts: Sequence[int] | Ints) -> int:
    total = np.cumsum(counts)
    return int(np.searchsorted(total, total[-1] / 2))
