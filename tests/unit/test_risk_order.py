"""Words in the order of their risk: one cut tells the risky ones from all others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from streamsim.models.registry import Registry
from streamsim.streams.domains.healthcare import SPEC
from streamsim.streams.domains.healthcare.features import WORDY
from streamsim.streams.domains.healthcare.risk_order import RiskOrder
from streamsim.streams.signature import Signature
from streamsim.streams.spec.recipes import OfColumns


def stump() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=2, learning_rate=1.0)


def wards(n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """A number, and a ward whose risky words are not beside each other in the list."""
    random = np.random.default_rng(2)
    ward = random.integers(-1, 6, n)
    ill = random.random(n) < np.where(np.isin(ward, (-1, 1, 4)), 0.8, 0.1)
    return np.column_stack([random.normal(size=n), ward]).astype(np.float32), ill.astype(np.int64)


def test_one_cut_tells_risky_words_from_others() -> None:
    rows, ill = wards()
    scores = RiskOrder(stump(), [1]).fit(rows, ill).predict_proba(rows)[:, 1]
    risky = np.isin(rows[:, 1], (-1, 1, 4))
    assert scores[risky].min() > 0.7
    assert scores[~risky].max() < 0.2
    plain = stump().fit(rows, ill).predict_proba(rows)[:, 1]
    assert not plain[risky].min() > plain[~risky].max()


def test_a_word_that_was_never_seen_has_the_mean_risk() -> None:
    rows, ill = wards()
    model = RiskOrder(stump(), [1]).fit(rows, ill)
    found = model.ordered(np.array([[0.0, 99.0], [0.0, -1.0]], np.float32))
    np.testing.assert_allclose(found[0], [0.0, ill.mean()], atol=1e-6)
    assert found[1, 1] > 0.7


def test_it_does_not_change_the_rows_that_it_is_given() -> None:
    rows, ill = wards()
    before = rows.copy()
    RiskOrder(stump(), [1]).fit(rows, ill).predict_proba(rows)
    np.testing.assert_array_equal(rows, before)


def test_of_fewer_columns_it_knows_which_are_words() -> None:
    model = RiskOrder(stump(), [1, 4, 6])
    assert isinstance(model, OfColumns)
    assert model.of_columns(np.array([0, 4, 5, 6])).columns == [1, 3]
    assert not isinstance(stump(), OfColumns)


def test_the_domains_recipe_names_its_words_and_can_be_stored(tmp_path: Path) -> None:
    names = SPEC.features.vector.names
    model = SPEC.model.recipe.build(0)
    assert isinstance(model, RiskOrder)
    assert [names[column] for column in model.columns] == list(WORDY)
    random = np.random.default_rng(0)
    rows = random.integers(-1, 5, (300, len(names))).astype(np.float32)
    model.fit(rows, np.arange(300) % 2)
    usual = tuple(0.0 for _ in names)
    registry = Registry(tmp_path)
    signature = Signature("m", "0", names, "hash", 0.5, usual)
    released = registry.add(model, signature, metrics={}, data={}, card="", created="")
    loaded, _ = registry.load("m", released.version)
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
