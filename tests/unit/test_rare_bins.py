"""Bins that have edges where the rare class is: boosting can cut where it could not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from streamsim.models.registry import Registry
from streamsim.streams.domains.finance.rare_bins import RareBins
from streamsim.streams.signature import Signature


def boosted() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0)


def tail(n: int = 60_000) -> tuple[np.ndarray, np.ndarray]:
    """Amounts of which all above 220 are fraud: fewer than fill one of 255 bins."""
    random = np.random.default_rng(4)
    amount = random.exponential(30.0, n)
    rows = np.column_stack([amount, random.integers(0, 3, n)]).astype(np.float32)
    return rows, (amount > 220).astype(np.int64)


def test_a_cut_within_what_would_be_one_bin_is_found() -> None:
    rows, fraud = tail()
    assert 10 < fraud.sum() < len(rows) / 255 / 3
    plain = boosted().fit(rows, fraud).predict_proba(rows)[:, 1]
    ours = RareBins(boosted()).fit(rows, fraud).predict_proba(rows)[:, 1]
    assert ours[fraud == 1].min() > ours[fraud == 0].max()
    assert not plain[fraud == 1].min() > plain[fraud == 0].max()


def test_boosting_keeps_every_bin_apart() -> None:
    rows, fraud = tail()
    model = RareBins(boosted()).fit(rows, fraud)
    bins = model.binned(rows)
    assert bins.dtype == np.float32
    assert len(np.unique(bins[:, 0])) <= 255
    assert len(np.unique(bins[:, 1])) == 3
    beyond = model.binned(np.array([[-1e9, 0], [1e9, 2]], np.float32))
    assert beyond[0, 0] == 0
    assert beyond[1, 0] == len(model.edges[0])


def test_it_learns_and_answers_without_any_of_the_rare_class() -> None:
    rows, _ = tail(500)
    model = RareBins(boosted())
    model.fit(rows, np.zeros(500, np.int64))
    assert model.binned(rows).shape == rows.shape


def test_it_is_stored_and_answers_the_same(tmp_path: Path) -> None:
    rows, fraud = tail(5_000)
    fraud[:50] = 1
    model = RareBins(boosted()).fit(rows, fraud)
    registry = Registry(tmp_path)
    signature = Signature("m", "0", ("a", "b"), "hash", 0.5, (0.0, 0.0))
    released = registry.add(model, signature, metrics={}, data={}, card="", created="")
    loaded, _ = registry.load("m", released.version)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
