"""Item weights compared with their definition: closed form, sums over users, fallbacks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy import sparse

from streamsim.benchmarks.studies.ndcg import ndcg
from streamsim.streams.domains.technology.co_views import CoViews, fit
from streamsim.streams.domains.technology.histories import as_rows
from streamsim.streams.domains.technology.recommending import ItemWeights
from streamsim.streams.domains.technology.viewings import simulated_histories
from streamsim.streams.errors import ModelError, UsageError

ITEMS = 40


@pytest.fixture(scope="module")
def histories() -> list[list[int]]:
    return [history.tolist()[:20] for history in simulated_histories(0, 300, ITEMS, seed=3)]


@pytest.fixture(scope="module")
def weights(histories: list[list[int]]) -> ItemWeights:
    return fit(as_rows(histories, ITEMS), ridge=2.0)


def weighted(histories: list[list[int]], damping: float) -> tuple[np.ndarray, np.ndarray]:
    seen = np.zeros((len(histories), ITEMS))
    for user, history in enumerate(histories):
        seen[user, history] = 1
    return seen, seen.sum(axis=1) ** -damping


@pytest.mark.parametrize(("damping", "dropout", "ridge"), [(0.0, 0.0, 3.0), (0.5, 0.6, 0.5)])
def test_no_other_weights_with_a_zero_diagonal_explain_what_was_seen_better(
    histories: list[list[int]], damping: float, dropout: float, ridge: float
) -> None:
    """Each column solves the penalised least squares from the other titles: Steck (2019), eq. 2."""
    found = fit(as_rows(histories, ITEMS), damping=damping, dropout=dropout, ridge=ridge).weights
    seen, user = weighted(histories, damping)
    gram = seen.T @ (seen * user[:, None])
    penalty = dropout / (1 - dropout) * np.diag(gram) + ridge
    assert not np.diag(found).any()
    for title in range(ITEMS):
        others = np.delete(np.arange(ITEMS), title)
        normal = gram[np.ix_(others, others)] + np.diag(penalty[others])
        expected = np.linalg.solve(normal, gram[others, title])
        np.testing.assert_allclose(found[others, title], expected, rtol=1e-4, atol=1e-6)


def test_weights_minimise_the_error_under_dropout(histories: list[list[int]]) -> None:
    """The penalty is what dropping titles at random costs on average, drawn here: Steck (2020)."""
    dropout, ridge, draws = 0.5, 1.0, 400
    seen, _ = weighted(histories, 0.0)
    random = np.random.default_rng(5)
    gram, cross = np.zeros((ITEMS, ITEMS)), np.zeros((ITEMS, ITEMS))
    for _ in range(draws):
        kept = seen * (random.random(seen.shape) > dropout) / (1 - dropout)
        gram += kept.T @ kept / draws
        cross += kept.T @ seen / draws
    found = fit(as_rows(histories, ITEMS), damping=0.0, dropout=dropout, ridge=ridge).weights
    title, others = 0, np.arange(1, ITEMS)
    drawn = np.linalg.solve(
        gram[np.ix_(others, others)] + ridge * np.eye(ITEMS - 1), cross[others, title]
    )
    assert np.abs(found[others, title] - drawn).max() < 0.01


def test_what_is_kept_is_plain_arrays(weights: ItemWeights) -> None:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **weights.arrays())
    file.seek(0)
    again = ItemWeights(**np.load(file, allow_pickle=False))
    for ours, theirs in zip(
        weights.recommend([[1, 2]], 5), again.recommend([[1, 2]], 5), strict=True
    ):
        assert ours.tolist() == theirs.tolist()


def test_nobody_is_recommended_what_they_have_seen(
    weights: ItemWeights, histories: list[list[int]]
) -> None:
    items, _ = weights.recommend(histories, ITEMS)
    for history, row in zip(histories, items, strict=True):
        left = row[row >= 0].tolist()
        assert sorted(left + list(set(history))) == list(range(ITEMS))
        assert (row[len(left) :] == -1).all()
    again, _ = weights.recommend(histories, ITEMS, exclude_seen=False)
    assert (np.sort(again, axis=1) == np.arange(ITEMS)).all()


def test_a_new_user_is_shown_what_most_have_seen(weights: ItemWeights) -> None:
    items, scores = weights.recommend([[], [ITEMS + 7]], 5)
    most = np.argsort(-weights.popularity, kind="stable")[:5]
    assert items.tolist() == [most.tolist()] * 2  # a title without weights adds nothing
    np.testing.assert_allclose(scores[0], weights.popularity[most], rtol=1e-6)


def test_a_new_title_ranks_by_its_popularity_among_the_others() -> None:
    known = CoViews.empty(ITEMS)
    seen = [h.tolist()[:20] for h in simulated_histories(0, 200, ITEMS - 2, seed=4)]
    known.update([[]] * len(seen), seen)
    weights = known.solve(ridge=2.0)
    assert weights.known.sum() == ITEMS - 2
    popularity = weights.popularity.copy()
    popularity[-2:] = [1.0, 0.0]  # all users have seen one of them since the weights were solved
    scores = ItemWeights(weights.weights, weights.known, popularity).scores(seen[:20])
    assert (scores[:, -2] > 0).all()
    assert (scores[:, -1] == 0).all()
    usual = scores[:, :-2].sum(axis=1) / popularity[:-2].sum()
    np.testing.assert_allclose(scores[:, -2], usual, rtol=1e-4)
    items, _ = ItemWeights.none(popularity).recommend([[0]], 1)
    assert items.tolist() == [[ITEMS - 2]]


def test_titles_may_be_newer_than_the_weights(weights: ItemWeights) -> None:
    popularity = np.append(weights.popularity, 2.0)
    grown = ItemWeights(weights.weights, weights.known, popularity)
    items, _ = grown.recommend([[0], []], ITEMS + 1, exclude_seen=False)
    assert (items == ITEMS).any(axis=1).all()
    assert items[1, 0] == ITEMS


def test_what_was_seen_lately_counts_more(weights: ItemWeights) -> None:
    first, last, lately = weights.scores([[3], [5], [3, 5]], half_life=1.0)
    np.testing.assert_allclose(lately, 0.5 * first + last, rtol=1e-5, atol=1e-7)
    assert as_rows([[4, 4, 4]], ITEMS).sum() == 1


def test_variety_is_more_where_it_is_asked_for(
    weights: ItemWeights, histories: list[list[int]]
) -> None:
    kind = np.eye(8)[np.arange(ITEMS) % 8]
    asked = [h[:5] for h in histories]
    kinds = []
    for diversity in (0.0, 0.3, 1.0):
        items, scores = weights.recommend(asked, 6, diversity=diversity, traits=kind)
        kinds.append(np.mean([len(set(row % 8)) for row in items]))
        assert (scores[:, 0] >= scores[:, 1:].max(axis=1)).all()  # the best is always the first
    assert kinds[0] < kinds[1] < kinds[2] == 6
    plain, _ = weights.recommend(asked, 6)
    by_weights, _ = weights.recommend(asked, 6, diversity=0.8)
    assert (plain != by_weights).any()
    assert (np.sort(by_weights, axis=1)[:, 1:] != np.sort(by_weights, axis=1)[:, :-1]).all()


def test_room_is_made_for_new_titles() -> None:
    seen = CoViews.empty(2)
    seen.update([[]], [[0, 1]])
    with pytest.raises(UsageError, match="beyond the 2"):
        seen.update([[0, 1]], [[2]])
    seen.grow(3)
    seen.update([[0, 1]], [[2]])
    assert seen.views.tolist() == [1, 1, 1]
    assert seen.users == 1
    seen.grow(1)
    assert len(seen.views) == 3


def test_nobody_at_all() -> None:
    empty = CoViews.empty(3).solve()
    items, scores = empty.recommend([], 2)
    assert items.shape == scores.shape == (0, 2)
    assert empty.recommend([], 2, diversity=0.5)[0].shape == (0, 2)
    assert empty.recommend([[]], 2)[0].tolist() == [[0, 1]]
    assert CoViews.empty(0).solve().recommend([[]], 2)[0].tolist() == [[-1, -1]]


def test_wrong_words_are_refused(weights: ItemWeights) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        weights.recommend([[-1]], 2)
    with pytest.raises(UsageError, match="item indices"):
        weights.recommend([["1"]], 2)
    with pytest.raises(UsageError, match="k must be at least 1"):
        weights.recommend([[1]], 0)
    with pytest.raises(UsageError, match="traits of 3 titles"):
        weights.recommend([[1]], 2, diversity=0.1, traits=np.eye(3))
    with pytest.raises(UsageError, match="half_life must be above 0"):
        weights.recommend([[1]], 2, half_life=0.0)
    with pytest.raises(UsageError, match="2 histories, but new titles of 1 users"):
        CoViews.empty(3).update([[], []], [[1]])
    with pytest.raises(UsageError, match="ridge above 0"):
        CoViews.empty(3).solve(ridge=0.0)
    with pytest.raises(ModelError, match="not square"):
        ItemWeights(np.zeros((2, 2), np.float32), np.ones(2, bool), np.zeros(1))
    with pytest.raises(ModelError, match="not positive"):
        CoViews(np.array([[1.0, 9.0], [9.0, 1.0]]), np.ones(2), 1).solve(ridge=0.1)


def test_gain_is_that_of_the_published_comparison() -> None:
    """Written out as in its ``ndcg_at_k``: natural logarithms, ranks from 1, binary."""
    items = np.array([[4, 0, 2], [1, 3, -1]])
    relevant = np.zeros((2, 5), bool)
    relevant[0, [0, 1, 2, 3]] = relevant[1, [3]] = True
    gain = [1 / np.log(1 + rank) for rank in (1, 2, 3)]
    expected = [(gain[1] + gain[2]) / sum(gain), gain[1] / gain[0]]
    np.testing.assert_allclose(ndcg(items, relevant), expected)


def test_a_sparse_matrix_counts_by_what_is_not_zero() -> None:
    counted = CoViews.of(sparse.csr_array([[5.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    assert counted.views.tolist() == [1, 0, 1]
    assert counted.users == 1


def test_tastes_are_the_first_eigenvectors_of_the_counts(histories: list[list[int]]) -> None:
    counted = CoViews.of(as_rows(histories, ITEMS))
    _, vectors = np.linalg.eigh(counted.gram)
    first = vectors[:, -5:]
    expected = 0.3 * first @ first.T
    np.fill_diagonal(expected, 0.0)
    found = counted.tastes(5, 0.3)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_array_equal(found, counted.tastes(5, 0.3))
    plain, with_tastes = counted.solve(), counted.solve(tastes=found)
    np.testing.assert_allclose(with_tastes.weights, plain.weights + found, atol=1e-6)
    assert (np.diagonal(with_tastes.weights) == 0).all()


@pytest.mark.parametrize("rank", [0, ITEMS])
def test_there_are_fewer_tastes_than_titles(histories: list[list[int]], rank: int) -> None:
    with pytest.raises(UsageError, match=f"{rank} tastes of {ITEMS} titles"):
        CoViews.of(as_rows(histories, ITEMS)).tastes(rank)
