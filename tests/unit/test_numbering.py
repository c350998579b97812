"""Titles of any numbers: as many as get weights are recommended as if they counted from 1."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from streamsim.streams.domains.technology import numbering
from streamsim.streams.domains.technology.learning import begin
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.events import Events, Ints, Matrix, as_objects

HISTORY, TITLES, HIGH = 4, 12, 292_757


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "MOST_TITLES", TITLES)


def watched(seed: int, n: int = 400) -> tuple[Matrix, Ints]:
    """Return rows of a history and the titles on offer, and the next title, all from 1."""
    draw = np.random.default_rng(seed)
    first = draw.integers(1, TITLES + 1, n)
    history = np.column_stack([(first + 2 * i) % TITLES + 1 for i in range(HISTORY)])
    history[draw.random(history.shape) < 0.2] = -1
    offered = np.full(n, TITLES)
    return np.column_stack([history, offered]).astype(np.float32), (first + 9) % TITLES + 1


def fitted(X: Matrix, y: Ints) -> SlateClassifier:
    return SlateClassifier(HISTORY, HISTORY, DummyClassifier(strategy="prior"), size=3).fit(X, y)


NUMBERS = np.sort(np.random.default_rng(2).choice(HIGH, TITLES, replace=False)) + 1


def spread(titles: Matrix | Ints) -> Matrix | Ints:
    """Return titles by numbers that are far apart."""
    found = np.where(titles > 0, NUMBERS[np.maximum(titles, 1).astype(np.int64) - 1], titles)
    return found.astype(titles.dtype)


def test_numbers_far_apart_change_no_slate() -> None:
    X, y = watched(1)
    dense, sparse = fitted(X, y), fitted(spread(X), spread(y))
    assert dense.numbers_ is None
    assert sparse.numbers_ is not None
    assert sparse.numbers_.tolist() == NUMBERS.tolist()
    for offered in (TITLES, 7):
        X[:, HISTORY] = offered
        score, titles = dense.recommend(X)
        far, others = sparse.recommend(spread(X))
        np.testing.assert_array_equal(spread(titles), others)
        np.testing.assert_array_equal(score, far)
        assert titles.max() <= offered
    np.testing.assert_array_equal(spread(dense.popular(X)), sparse.popular(spread(X)))


def test_of_more_titles_than_get_weights_the_most_watched_do() -> None:
    X, y = watched(1)
    y, X = spread(y), spread(X)
    rare = np.setdiff1d(np.arange(500_000, 500_050), NUMBERS)
    y[: len(rare)] = rare
    found = fitted(X, y)
    assert found.numbers_ is not None
    assert len(found.numbers_) == len(found.weights_) == TITLES
    assert not np.isin(found.numbers_, rare).any()
    X[:, 0] = rare[0]  # a title without weights is no error, and no title of a slate
    _, titles = found.recommend(X)
    assert np.isin(titles, [0, *found.numbers_]).all()
    assert (titles > 0).any()


def test_a_renewed_model_keeps_the_titles_of_its_columns() -> None:
    X, y = watched(1)
    champion = fitted(spread(X), spread(y))
    learner = begin(champion)
    best, unknown = int(NUMBERS[-1]), 17
    n = 40
    zero = np.zeros(n, np.int64)
    learner.learn(
        Events(
            "views", zero, np.arange(n), np.arange(n), zero, zero,
            as_objects(f"e{i}" for i in range(n)), as_objects(f"u{i % 3}" for i in range(n)),
            {
                "action": as_objects(["stop"] * n), "share": np.ones(n),
                "title_no": np.where(np.arange(n) % 2, best, unknown),
            },
        )
    )  # fmt: skip
    renewed = learner.renewed()
    assert isinstance(renewed, SlateClassifier)
    assert renewed.popularity_.argmax() == TITLES - 1
    assert renewed.popularity_.sum() == pytest.approx(1.0)
    none = np.full((1, HISTORY + 1), -1.0, np.float32)
    none[0, HISTORY] = HIGH + 1
    assert renewed.recommend(none)[1][0, 0] == best
