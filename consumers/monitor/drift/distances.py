"""Distances of newer counts from a reference profile, per column, and their p-values.

References
----------
Yurdakul and Naranjo (2020), Statistical properties of the population stability index, *Journal of
Risk Model Validation* 14(4): without a change, the index is about (1/n + 1/m) chi-square.
Lin (1991), Divergence measures based on the Shannon entropy, *IEEE Trans. Inform. Theory* 37(1).
Massey (1951), The Kolmogorov-Smirnov test for goodness of fit, *J. Am. Stat. Assoc.* 46: on
binned data the test is conservative.
Cochran (1954), Some methods for strengthening the common chi-square tests, *Biometrics* 10: bins
with few expected rows are pooled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, chdtrc, kolmogorov

from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.reference_profile import (
    ABOVE,
    BELOW,
    FIRST,
    MISSING,
    ColumnProfile,
)

Counts: TypeAlias = npt.NDArray[np.int64]
LEAST_EXPECTED = 5
"""Fewest rows that a bin of the chi-square test must expect; smaller bins are pooled."""


@dataclass(frozen=True, slots=True)
class Distances:
    """How far one column is from its reference.

    Attributes
    ----------
    rows
        Rows in the newer counts.
    psi
        Population stability index of known values.
    js
        Jensen-Shannon distance of known values, from 0 to 1 (root of the divergence to base 2).
    ks
        Largest distance of the distribution functions of known values. Where values are bins it is
        the total variation: the largest difference of the shares of any set of values.
    p
        Of the test for another distribution of known values: Kolmogorov-Smirnov, or chi-square
        where values are bins. 1 if there is nothing to compare.
    missing
        Shares of unknown values in the reference and now.
    missing_p
        Of the test for another share of unknown values.
    outside
        Share of known values that are beyond the reference's borders, or none of its values.
    outside_p
        How probable so many of them are, if nothing has changed.
    gone
        Values of the reference that have not occurred, although at least five were expected.
    """

    rows: int
    psi: float
    js: float
    ks: float
    p: float
    missing: tuple[float, float]
    missing_p: float
    outside: float
    outside_p: float
    gone: tuple[float, ...]


def measure(column: ColumnProfile, counts: Ints) -> Distances:
    """Compare a column's newer counts with its reference.

    Parameters
    ----------
    counts
        Rows in each cell, shape ``(CELLS,)``.

    Examples
    --------
    >>> from streamsim.streams.statistics.reference_profile import Reference, tally
    >>> amounts = np.arange(1000, dtype=np.float32)[:, None]
    >>> reference = Reference.fit(["amount"], amounts, np.zeros(1000))
    >>> moved = tally(reference.cells(amounts + 200, np.zeros(1000)))
    >>> found = measure(reference.columns[0], moved[0])
    >>> round(found.psi, 2), round(found.ks, 2), round(found.outside, 2), found.p < 1e-9
    (1.22, 0.2, 0.22, True)
    """
    was, now = _folded(column, counts)
    known_was, known_now = was[1:], now[1:]
    n, m = int(now.sum()), int(was.sum())
    n_known, m_known = int(known_now.sum()), int(known_was.sum())
    ks = (total_variation if column.by_value else ks_distance)(known_was, known_now)
    p = (chi_square_p if column.by_value else ks_p)(known_was, known_now)
    strangers = int(counts[BELOW] + counts[ABOVE])
    return Distances(
        n,
        psi(known_was, known_now),
        jensen_shannon(known_was, known_now),
        ks,
        p,
        (_share(int(was[0]), m), _share(int(now[0]), n)),
        chi_square_p(np.array([was[0], m_known]), np.array([now[0], n_known])),
        _share(strangers, n_known),
        outside_p(m_known, n_known, strangers, column.beyond),
        _gone(column, known_was, known_now),
    )


def psi(was: Counts, now: Counts) -> float:
    """Return the population stability index of two rows of counts, half a row added to each bin.

    >>> even, uneven = np.array([50, 50]), np.array([90, 10])
    >>> psi(even, even), round(psi(uneven, even), 3)
    (0.0, 0.853)
    """
    if not was.sum() or not now.sum():
        return 0.0
    used = was + now > 0
    a, b = _smooth(was[used]), _smooth(now[used])
    return float(((b - a) * np.log(b / a)).sum())


def psi_p(value: float, was: Counts, now: Counts) -> float:
    """Return the probability of such an index or a larger one, if nothing has changed."""
    m, n = int(was.sum()), int(now.sum())
    bins = int((was + now > 0).sum())
    if not m or not n or bins < 2:
        return 1.0
    return float(chdtrc(bins - 1, value / (1 / m + 1 / n)))


def jensen_shannon(was: Counts, now: Counts) -> float:
    """Return the Jensen-Shannon distance: 0 for equal shares, 1 if no bin is shared.

    >>> jensen_shannon(np.array([5, 5]), np.array([1, 1]))
    0.0
    >>> jensen_shannon(np.array([4, 0]), np.array([0, 9]))
    1.0
    """
    if not was.sum() or not now.sum():
        return 0.0
    a, b = was / was.sum(), now / now.sum()
    middle = (a + b) / 2
    divergence = sum(float((x[x > 0] * np.log2(x[x > 0] / middle[x > 0])).sum()) for x in (a, b))
    return math.sqrt(max(divergence / 2, 0.0))


def ks_distance(was: Counts, now: Counts) -> float:
    """Return the largest distance of two distribution functions at the borders of their bins.

    >>> ks_distance(np.array([10, 10, 0]), np.array([0, 10, 10]))
    0.5
    """
    if not was.sum() or not now.sum():
        return 0.0
    return float(np.abs(np.cumsum(was) / was.sum() - np.cumsum(now) / now.sum()).max())


def total_variation(was: Counts, now: Counts) -> float:
    """Return the largest difference of the shares of any set of bins.

    >>> total_variation(np.array([5, 5, 0]), np.array([5, 0, 5]))
    0.5
    """
    if not was.sum() or not now.sum():
        return 0.0
    return float(np.abs(was / was.sum() - now / now.sum()).sum() / 2)


def ks_p(was: Counts, now: Counts) -> float:
    """Return the asymptotic p-value of the two-sample Kolmogorov-Smirnov test on binned counts."""
    m, n = int(was.sum()), int(now.sum())
    if not m or not n:
        return 1.0
    root = math.sqrt(m * n / (m + n))
    return float(kolmogorov(root * ks_distance(was, now)))


def chi_square_p(was: Counts, now: Counts) -> float:
    """Return the p-value of the chi-square test of homogeneity of two rows of counts.

    >>> chi_square_p(np.array([50, 50]), np.array([5, 5]))
    1.0
    >>> chi_square_p(np.array([900, 100]), np.array([50, 50])) < 1e-9
    True
    """
    table = np.stack([was, now]).astype(np.float64)
    rows, total = table.sum(axis=1, keepdims=True), table.sum()
    if not rows.all():
        return 1.0
    rare = (rows * table.sum(axis=0) / total).min(axis=0) < LEAST_EXPECTED
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    expected = rows * table.sum(axis=0) / total
    used = expected.min(axis=0) > 0
    if used.sum() < 2:
        return 1.0
    statistic = ((table - expected)[:, used] ** 2 / expected[:, used]).sum()
    return float(chdtrc(int(used.sum()) - 1, statistic))


def outside_p(m: int, n: int, strangers: int, beyond: int = 0) -> float:
    """Return how probable at least so many of ``n`` values outside borders are.

    If nothing has changed, a new value is outside the range of ``m`` earlier ones with probability
    2 / (m + 1), and outside borders that ``beyond`` of them exceed with (beyond + 2) / (m + 1). The
    same bound serves for new values.

    >>> outside_p(1000, 100, 0), outside_p(1000, 100, 20) < 1e-9
    (1.0, True)
    """
    if not strangers or not m:
        return 1.0
    return float(bdtrc(strangers - 1, n, min((beyond + 2) / (m + 1), 1.0)))


def _folded(column: ColumnProfile, counts: Ints) -> tuple[Counts, Counts]:
    """Return reference and newer counts by bin, unknown values first.

    A number beyond the borders joins the nearest bin; other values share a bin of their own.
    """
    bins = len(column.counts)
    now = np.concatenate(([counts[MISSING]], counts[FIRST : FIRST + bins], [counts[BELOW]]))
    rare = column.beyond if column.by_value else 0
    was = np.array([column.missing, *column.counts, rare], np.int64)
    if column.by_value:
        return was, now
    now[1] += now[-1]
    now[-2] += counts[ABOVE]
    return was[:-1], now[:-1]


def _smooth(counts: Counts) -> Floats:
    more = counts + 0.5
    share: Floats = more / more.sum()
    return share


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _gone(column: ColumnProfile, was: Counts, now: Counts) -> tuple[float, ...]:
    if not column.by_value or not was.sum():
        return ()
    expected = was / was.sum() * now.sum()
    lost = (expected >= LEAST_EXPECTED) & (now == 0)
    pairs = zip(column.borders, lost[:-1].tolist(), strict=True)
    return tuple(value for value, is_lost in pairs if is_lost)
