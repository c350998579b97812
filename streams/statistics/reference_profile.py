"""Reference profile: how each feature and the score of a model were distributed in training.

A feature has at most 20 bins: of equal mass, or one for each value if there are few. An unknown
value (-1 or NaN) is counted apart, and so is a value beyond the outer borders, or none of the few.

A profile is stored with the model, and a row may be a person. So at least 20 rows lie at or beyond
each outer border, and have each of few values: no extreme is stored, and no value of a few rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_hexdigest

from streamsim.streams.errors import ModelError
from streamsim.streams.events import Ints, Matrix
from streamsim.streams.spec.feature_vector import UNKNOWN

Cells: TypeAlias = npt.NDArray[np.uint8]
MOST_BINS = 20
SHARED = 20
"""Least number of rows at or beyond an outer border, or with one of few values."""
MISSING, BELOW, FIRST, ABOVE = 0, 1, 2, MOST_BINS + 2
"""Cells of a column: unknown; below the range, or a new value; the first bin; above the range."""
CELLS = MOST_BINS + 3
SCORE = "score"
"""Name of the last column of every profile."""


@dataclass(frozen=True)
class ColumnProfile:
    """The distribution of one feature, or of the score.

    Attributes
    ----------
    borders
        Ascending: the values themselves, or the borders of the bins.
    counts
        Rows per bin. The first and the last bin have the rows beyond the borders, too.
    missing
        Rows with an unknown value.
    by_value
        Whether there is a bin for each value.
    beyond
        Rows beyond the outer borders, or with none of the values. It is 0 in a profile that was
        stored before: its outer borders are the least and the greatest value.
    """

    name: str
    borders: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int
    by_value: bool
    beyond: int = 0

    @property
    def range(self) -> tuple[float, float]:
        """The outer borders; NaN if there are none."""
        return (self.borders[0], self.borders[-1]) if self.borders else (np.nan, np.nan)

    def cells(self, values: Matrix) -> Cells:
        """Return the cell of each value, shape ``(n,)``."""
        place = np.searchsorted(self._steps, values, "right")
        found = self._lookup[place]
        if self.by_value:
            found[self._steps[np.maximum(place - 1, 0)] != values] = BELOW
        unknown = np.isnan(values)
        if self.name != SCORE:
            unknown |= values == UNKNOWN
        found[unknown] = MISSING
        return found

    def bin_name(self, cell: int) -> str:
        """Return a cell in words."""
        if cell in (MISSING, BELOW, ABOVE):
            low, high = self.range
            new = "another value" if self.by_value else f"below {low:.6g}"
            return {MISSING: "unknown", BELOW: new, ABOVE: f"above {high:.6g}"}[cell]
        at = cell - FIRST
        if self.by_value:
            return f"{self.borders[at]:.6g}"
        return f"{self.borders[at]:.6g} to {self.borders[at + 1]:.6g}"

    @cached_property
    def _steps(self) -> Matrix:
        steps = np.array(self.borders or (np.inf,), np.float32)
        if not self.by_value:
            # The last border is in the last bin: what is above begins just after it.
            steps[-1] = np.nextafter(steps[-1], np.float32(np.inf))
        return steps

    @cached_property
    def _lookup(self) -> Cells:
        n = len(self.counts)
        last = [] if self.by_value else [ABOVE]
        own = [BELOW, *range(FIRST, FIRST + n), *last]
        return np.array(own if self.borders else [BELOW, BELOW], np.uint8)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {
            "name": self.name,
            "borders": list(self.borders),
            "counts": list(self.counts),
            "missing": self.missing,
            "by_value": self.by_value,
            "beyond": self.beyond,
        }


@dataclass(frozen=True)
class Reference:
    """The profile of a training set: a column for each feature, then the score.

    Examples
    --------
    >>> draw = np.random.default_rng(1)
    >>> amounts = draw.lognormal(3, 1, (1000, 1)).astype(np.float32)
    >>> reference = Reference.fit(["amount"], amounts, draw.random(1000))
    >>> reference.rows, len(reference.columns[0].counts), reference.columns[0].counts[0]
    (1000, 20, 49)
    >>> cells = reference.cells(np.array([[-1], [20], [9e9]], np.float32), np.full(3, 0.5))
    >>> [reference.columns[0].bin_name(cell) for cell in cells[:, 0]]
    ['unknown', '19.3929 to 21.2725', 'above 146.571']
    """

    rows: int
    columns: tuple[ColumnProfile, ...]

    @classmethod
    def fit(
        cls, names: Sequence[str], features: Matrix, scores: npt.NDArray[np.floating[Any]]
    ) -> Reference:
        """Profile a training set.

        Parameters
        ----------
        features
            Shape ``(n, len(names))``.
        scores
            The model's own, shape ``(n,)``; best on rows that it has not learnt from.
        """
        matrix = [*features.T, np.asarray(scores, np.float32)]
        pairs = zip((*names, SCORE), matrix, strict=True)
        return cls(len(scores), tuple(_profile(name, values) for name, values in pairs))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(column.name for column in self.columns[:-1])

    def cells(self, features: Matrix, scores: npt.NDArray[np.floating[Any]]) -> Cells:
        """Return the cells of rows, shape ``(n, n_features + 1)``."""
        found = np.empty((len(scores), len(self.columns)), np.uint8)
        matrix = [*np.asarray(features, np.float32).T, np.asarray(scores, np.float32)]
        for place, (column, values) in enumerate(zip(self.columns, matrix, strict=True)):
            found[:, place] = column.cells(values)
        return found

    def counts(self) -> Ints:
        """Return the rows in each cell, shape ``(n_features + 1, CELLS)``."""
        found = np.zeros((len(self.columns), CELLS), np.int64)
        for row, column in zip(found, self.columns, strict=True):
            row[MISSING] = column.missing
            row[BELOW] = column.beyond if column.by_value else 0
            row[FIRST : FIRST + len(column.counts)] = column.counts
        return found

    def with_counts(self, counts: Ints) -> Reference:
        """Return a profile with the same bins and other counts, those of a newer window, say.

        A number beyond the borders joins the nearest bin. Another value is only counted.

        Parameters
        ----------
        counts
            Shape ``(n_features + 1, CELLS)``; see :func:`tally`.
        """
        columns = []
        for column, row in zip(self.columns, counts, strict=True):
            own = row[FIRST : FIRST + len(column.counts)].tolist()
            if own and not column.by_value:
                own[0] += int(row[BELOW])
                own[-1] += int(row[ABOVE])
            columns.append(
                replace(
                    column,
                    counts=tuple(own),
                    missing=int(row[MISSING]),
                    beyond=int(row[BELOW] + row[ABOVE]),
                )
            )
        return Reference(int(counts[-1].sum()), tuple(columns))

    def fingerprint(self) -> str:
        """Return a hash of the bins: counts of profiles with the same bins can be added."""
        bins = [[c.name, c.by_value, *c.borders] for c in self.columns]
        return xxh3_64_hexdigest(repr(bins).encode())

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return {"rows": self.rows, "columns": [column.as_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reference:
        """Read it back.

        Raises
        ------
        ModelError
            If a part is missing or of another shape.
        """
        try:
            columns = tuple(
                ColumnProfile(
                    str(own["name"]),
                    tuple(map(float, own["borders"])),
                    tuple(map(int, own["counts"])),
                    int(own["missing"]),
                    bool(own["by_value"]),
                    int(own.get("beyond", 0)),
                )
                for own in data["columns"]
            )
            found = cls(int(data["rows"]), columns)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"not a reference profile: {error!r}") from error
        if not columns or columns[-1].name != SCORE or not all(map(_is_sound, columns)):
            raise ModelError("not a reference profile: its bins do not fit its counts")
        return found


def tally(cells: Cells) -> Ints:
    """Count cells: ``(n, n_columns) -> (n_columns, CELLS)``."""
    width = cells.shape[1]
    places = cells + np.arange(width, dtype=np.int64) * CELLS
    return np.bincount(places.ravel(), minlength=width * CELLS).reshape(width, CELLS)


def _profile(name: str, values: Matrix) -> ColumnProfile:
    unknown = np.isnan(values)
    if name != SCORE:
        unknown |= values == UNKNOWN
    known = np.sort(values[~unknown])
    missing = int(unknown.sum())
    starts = np.flatnonzero(np.diff(known, prepend=np.float32(np.nan)))  # NaN differs from all
    if len(starts) > MOST_BINS and len(known) >= 2 * SHARED:
        places = np.linspace(0, len(known) - 1, MOST_BINS + 1).astype(np.intp)
        borders = np.unique(known[np.clip(places, SHARED - 1, len(known) - SHARED)])
        if len(borders) > 1:
            inner = np.searchsorted(known, borders[1:-1])
            counts = np.diff(np.concatenate(([0], inner, [len(known)])))
            beyond = int(((known < borders[0]) | (known > borders[-1])).sum())
            return ColumnProfile(
                name, _shortest(borders), _whole(counts), missing, by_value=False, beyond=beyond
            )
    counts = np.diff(np.append(starts, len(known)))
    shared = counts >= SHARED
    own = _shortest(known[starts[shared]])
    rare = int(counts[~shared].sum())
    return ColumnProfile(name, own, _whole(counts[shared]), missing, by_value=True, beyond=rare)


def _shortest(values: Matrix) -> tuple[float, ...]:
    """Return the shortest decimals that give the same float32 again."""
    return tuple(float(str(value)) for value in values)


def _whole(counts: npt.NDArray[np.integer[Any]]) -> tuple[int, ...]:
    return tuple(counts.tolist())


def _is_sound(column: ColumnProfile) -> bool:
    bins = len(column.borders) - (not column.by_value)
    ascending = all(a < b for a, b in zip(column.borders, column.borders[1:], strict=False))
    return ascending and 0 <= bins <= MOST_BINS and bins == len(column.counts)
