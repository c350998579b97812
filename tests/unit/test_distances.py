"""Distances of binned counts against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from streamsim.consumers.monitor.drift.distances import (
    chi_square_p,
    jensen_shannon,
    ks_distance,
    ks_p,
    outside_p,
    psi,
)

DRAW = np.random.default_rng(2)


def test_they_are_those_of_scipy_where_it_has_them() -> None:
    for _ in range(20):
        was, now = DRAW.integers(20, 400, 8), DRAW.integers(20, 400, 8)
        found = stats.chi2_contingency(np.stack([was, now]), correction=False)
        assert chi_square_p(was, now) == pytest.approx(found.pvalue)
        assert jensen_shannon(was, now) == pytest.approx(jensenshannon(was, now, 2))
        values = [np.repeat(np.arange(8), own) for own in (was, now)]
        both = stats.ks_2samp(*values, method="asymp")
        assert ks_distance(was, now) == pytest.approx(both.statistic)
        # scipy takes a normal approximation's correction for few rows; the scale is the same.
        assert ks_p(was, now) == pytest.approx(both.pvalue, rel=0.2, abs=1e-6)


def test_the_index_has_the_usual_form_for_many_rows() -> None:
    was, now = DRAW.integers(10**6, 10**7, 10), DRAW.integers(10**6, 10**7, 10)
    a, b = was / was.sum(), now / now.sum()
    assert psi(was, now) == pytest.approx(float(((b - a) * np.log(b / a)).sum()), rel=1e-5)


def test_bins_without_rows_and_samples_without_rows_tell_nothing() -> None:
    some, none = np.array([10, 20, 0]), np.zeros(3, np.int64)
    for distance in (psi, jensen_shannon, ks_distance):
        assert distance(some, none) == distance(none, some) == 0
        assert distance(some, some) == 0
    assert ks_p(some, none) == chi_square_p(some, none) == outside_p(30, 0, 0) == 1


def test_rare_bins_are_pooled() -> None:
    """One row in a bin that expects a tenth of one is no proof."""
    was = np.array([1_000, 1, 1, 1])
    assert chi_square_p(was, np.array([100, 1, 0, 0])) > 0.01
