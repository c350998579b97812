"""Stability selection: features that a sparse model picks repeatedly on halves of the entities.

Every feature becomes one column: the log-odds of a positive label for its level, or for its
interval of numbers, estimated on other entities of the half. So a feature with seventy levels is
not more likely to be picked than one with two, and nonlinear effects count. A shuffled copy of each
feature is added as a decoy: its picks are noise.

References
----------
Meinshausen and Bühlmann (2010), Stability selection, *J. R. Statist. Soc. B* 72, 417-473: of ``p``
features, of which ``q`` are picked on average, at most ``q**2 / ((2 * share - 1) * p)`` are picked
falsely, for features that are exchangeable.
Shah and Samworth (2013), Variable selection with error control, *ibid.* 75, 55-80: halves in pairs.
Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes, *SIGKDD
Explorations* 3(1), 27-32: levels by their smoothed share of positives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from streamsim.streams.events import Floats, Ints, Matrix
from streamsim.streams.spec.feature_vector import UNKNOWN
from streamsim.streams.spec.recipes import Selection

EDGES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
"""Quantiles that separate the intervals of numbers."""
FEW = 24
"""A column with at most this many values has a level for each."""
_CROSSED = 4
_PRIOR_ROWS = 50.0
_TINY = 1e-6
USUAL = Selection()
Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Picks:
    """How often each feature was picked.

    Attributes
    ----------
    share
        Least share of the halves for a feature to be kept.
    picked
        Share of the halves that picked the feature.
    decoys
        The same for the shuffled copies.
    mean_picked
        Mean number of columns picked on a half, including copies.
    """

    share: float
    picked: dict[str, float]
    decoys: dict[str, float]
    mean_picked: float

    @property
    def kept(self) -> list[str]:
        """The features that are picked often enough."""
        return [name for name, share in self.picked.items() if share >= self.share]

    @property
    def decoys_kept(self) -> int:
        """How many shuffled copies are picked often enough."""
        return sum(share >= self.share for share in self.decoys.values())

    @property
    def bound(self) -> float:
        """Upper bound of falsely picked columns, if they are exchangeable."""
        p = len(self.picked) + len(self.decoys)
        return self.mean_picked**2 / ((2 * self.share - 1) * p)


def select(
    features: pd.DataFrame,
    labels: Ints,
    entity: npt.NDArray[np.intp],
    seed: int = 0,
    how: Selection = USUAL,
) -> Picks:
    """Pick features on halves of the entities, two halves at a time.

    Parameters
    ----------
    features
        Numbers, NaN where missing, and categories.
    labels, entity
        Label (0 or 1) and entity number (from 0) of each row.
    """
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    names = [str(name) for name in features]
    codes = [_levels(features[name]) for name in names]
    codes += [own[random.permutation(len(own))] for own in codes]
    counts = np.zeros(len(codes))
    entities = np.unique(entity)
    for _ in range(how.pairs):
        first = random.permutation(entities)[: len(entities) // 2]
        is_first = np.isin(entity, first)
        for half in (np.flatnonzero(is_first), np.flatnonzero(~is_first)):
            if len(np.unique(labels[half])) < 2:
                continue  # one class only
            part = random.integers(_CROSSED, size=int(entity.max()) + 1)[entity[half]]
            design = np.column_stack([_log_odds(own[half], labels[half], part) for own in codes])
            model = LogisticRegression(
                l1_ratio=1.0,
                C=how.penalty,
                solver="liblinear",
                intercept_scaling=20.0,
                max_iter=1000,
                random_state=seed,  # liblinear shuffles the columns
            ).fit(design, labels[half])
            # A useful column has a positive coefficient; a negative one compensates another column.
            counts += model.coef_[0] > 0
    shares = (counts / (2 * how.pairs)).tolist()
    n = len(names)
    return Picks(
        how.share,
        dict(zip(names, shares[:n], strict=True)),
        dict(zip(names, shares[n:], strict=True)),
        float(counts.sum() / (2 * how.pairs)),
    )


def as_table(features: Matrix, names: Sequence[str]) -> pd.DataFrame:
    """Return rows of features as a table: columns with few values are categories, others numbers.

    The code for an unknown number becomes missing if it is the column's lowest value.
    """
    return pd.DataFrame(
        {name: _typed(column) for name, column in zip(names, features.T, strict=True)}
    )


def _typed(column: Matrix) -> pd.Series:
    values = pd.Series(column.astype(np.float64))
    if values.nunique() <= FEW:
        return values.astype("category")
    lowest = values.min() == UNKNOWN
    return values.where(~(values.eq(UNKNOWN) & lowest))


def _levels(column: pd.Series) -> Codes:
    """Return the number of each row's level, or interval; missing is a level too."""
    if column.dtype.kind not in "if":
        return pd.factorize(column, use_na_sentinel=False)[0].astype(np.intp)
    values = column.to_numpy(np.float64)
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, EDGES)) if len(known) else np.empty(0)
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))


def _log_odds(level: Codes, labels: Ints, part: npt.NDArray[np.integer]) -> Floats:
    """Return each row's log-odds by its level in the other parts, centred.

    They are not standardised: a weak feature varies little, and is penalised more.
    """
    width = int(level.max()) + 1
    cell = part * width + level
    rows = np.bincount(cell, minlength=_CROSSED * width).reshape(_CROSSED, width)
    yes = np.bincount(cell, labels, minlength=_CROSSED * width).reshape(_CROSSED, width)
    rest_rows, rest_yes = rows.sum(axis=0) - rows, yes.sum(axis=0) - yes
    mean = rest_yes.sum(axis=1, keepdims=True) / np.maximum(rest_rows.sum(axis=1, keepdims=True), 1)
    mean = mean.clip(_TINY, 1 - _TINY)  # if all rows of a class are in one part
    share = (rest_yes + _PRIOR_ROWS * mean) / (rest_rows + _PRIOR_ROWS)
    # Relative to the part's own mean, which alone would reveal the label that was left out.
    odds = np.log(share / (1 - share)) - np.log(mean / (1 - mean))
    found: Floats = odds[part, level]
    centred: Floats = found - found.mean()
    return centred


def constant(features: pd.DataFrame) -> Sequence[str]:
    """Return the features that have one value only."""
    return [str(name) for name in features if features[name].nunique(dropna=False) < 2]
