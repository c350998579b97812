"""Stability selection: what a sparse model picks again and again on half of the patients.

Categories are columns of zeros and ones, one a level, and so are numbers, one an edge that they
pass: a linear model then sees what is no straight line. A feature is picked if any of its columns
has a coefficient. Beside the features go shuffled copies of those with the most columns: whatever
picks those picks noise.

References
----------
Meinshausen and Bühlmann (2010), Stability selection, *J. R. Statist. Soc. B* 72, 417-473: of ``p``
features, of which ``q`` are picked on average, at most ``q**2 / ((2 * share - 1) * p)`` are picked
falsely, for features that are exchangeable.
Shah and Samworth (2013), Variable selection with error control, *ibid.* 75, 55-80: halves in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from streams.events import Ints

SHARE = 0.6
"""Of the halves that must have picked a feature, or it is dropped."""
PAIRS = 15
PENALTY = 0.02
"""Inverse strength of the L1 penalty, the same on each half."""
DECOYS = 8
EDGES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
"""Quantiles at which a number passes an edge."""
FEWEST = 50
"""Rows that a column of zeros and ones must have."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was picked, and how often.

    Attributes
    ----------
    picked
        Share of the halves, by feature, decoys left out.
    decoys
        The same of the shuffled copies.
    mean_picked
        How many features were picked on a half, decoys among them.
    """

    picked: dict[str, float]
    decoys: tuple[float, ...]
    mean_picked: float

    @property
    def kept(self) -> list[str]:
        """The features that are picked often enough."""
        return [name for name, share in self.picked.items() if share >= SHARE]

    @property
    def bound(self) -> float:
        """How many features are picked falsely, at most, if they were exchangeable."""
        p = len(self.picked) + len(self.decoys)
        return self.mean_picked**2 / ((2 * SHARE - 1) * p)


def select(
    features: pd.DataFrame,
    labels: Ints,
    patient: npt.NDArray[np.intp],
    seed: int = 0,
    pairs: int = PAIRS,
) -> Selection:
    """Pick features on halves of the patients, two halves at a time.

    Parameters
    ----------
    features
        Numbers, NaN where missing, and categories.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    names = [str(name) for name in features]
    blocks = [_zeros_and_ones(features[name]) for name in names]
    widest = sorted(range(len(names)), key=lambda i: -blocks[i].shape[1])[:DECOYS]
    blocks += [blocks[i][random.permutation(len(features))] for i in widest]
    design = hstack([csr_matrix(block) for block in blocks]).tocsr()
    owners = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    counts = np.zeros(len(blocks))
    everybody = np.unique(patient)
    for _ in range(pairs):
        first = random.permutation(everybody)[: len(everybody) // 2]
        is_first = np.isin(patient, first)
        for half in (is_first, ~is_first):
            model = LogisticRegression(
                l1_ratio=1.0, C=PENALTY, solver="liblinear", intercept_scaling=20.0, max_iter=1000
            )
            model.fit(design[half], labels[half])
            counts[np.unique(owners[np.abs(model.coef_[0]) > 0])] += 1
    shares = counts / (2 * pairs)
    return Selection(
        dict(zip(names, shares.tolist(), strict=False)),
        tuple(shares[len(names) :].tolist()),
        float(counts.sum() / (2 * pairs)),
    )


def _zeros_and_ones(column: pd.Series) -> npt.NDArray[np.float64]:
    """Return a column for each level that is not rare, or edge that is passed, shape ``(n, k)``."""
    if column.dtype.kind in "if":
        values = column.to_numpy(np.float64)
        missing = np.isnan(values)
        known = values[~missing]
        edges = np.unique(np.quantile(known, EDGES)).tolist() if len(known) else []
        columns = [missing, *(values > edge for edge in edges)]
        blocks = np.column_stack(columns).astype(np.float64)
    else:
        blocks = pd.get_dummies(column, dtype=np.float64).to_numpy()
    mass = blocks.sum(axis=0)
    common: npt.NDArray[np.float64] = blocks[:, (mass >= FEWEST) & (mass <= len(blocks) - FEWEST)]
    # Of two levels one column says all; with both, a half could pick either.
    return (
        common[:, 1:]
        if common.shape[1] == 2 and isinstance(column.dtype, pd.CategoricalDtype)
        else common
    )


def constant(features: pd.DataFrame) -> Sequence[str]:
    """Return the features that have one value only."""
    return [str(name) for name in features if features[name].nunique(dropna=False) < 2]
