"""Recommendations equal a naive loop's, and incremental counts equal batch counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsim.streams.domains.technology.co_views import CoViews
from streamsim.streams.domains.technology.histories import as_rows
from streamsim.streams.domains.technology.ranking import best
from streamsim.streams.domains.technology.recommending import ItemWeights
from tests.property.examples import examples

ITEMS = 6
HISTORIES = st.lists(st.lists(st.integers(0, ITEMS + 1), max_size=8), max_size=6)
# Eighths, so that every order of adding gives the same sum, and ties are ties.
EIGHTHS = st.lists(st.integers(-8, 8), min_size=ITEMS * ITEMS, max_size=ITEMS * ITEMS)


def plainly(
    weights: np.ndarray, popularity: np.ndarray, history: Sequence[int], k: int, exclude: bool
) -> list[int]:
    """Score each title separately, sort, and take the first ones."""
    seen = set(history)
    scores = [sum(weights[s, t] for s in seen if s < ITEMS) for t in range(ITEMS)]
    if not any(scores):
        scores = list(popularity)
    left = [t for t in range(ITEMS) if not (exclude and t in seen)]
    return sorted(left, key=lambda t: (-scores[t], t))[:k]


@examples(2)
@given(
    cells=EIGHTHS,
    views=st.lists(st.integers(0, 8), min_size=ITEMS, max_size=ITEMS),
    histories=HISTORIES,
    k=st.integers(1, ITEMS + 2),
    exclude=st.booleans(),
)
def test_recommendations_are_those_of_a_loop(
    cells: list[int], views: list[int], histories: list[list[int]], k: int, exclude: bool
) -> None:
    weights = np.array(cells, np.float32).reshape(ITEMS, ITEMS) / 8
    popularity = np.array(views) / 8
    model = ItemWeights(weights, np.ones(ITEMS, bool), popularity)
    items, scores = model.recommend(histories, k, exclude_seen=exclude)
    for history, row, found in zip(histories, items, scores, strict=True):
        expected = plainly(weights, popularity, history, k, exclude)
        assert row.tolist() == expected + [-1] * (k - len(expected))
        assert (found[row == -1] == 0).all()
    for number, history in enumerate(histories):  # each answer is independent of the other users
        alone = model.recommend([history], k, exclude_seen=exclude)
        assert alone[0].tolist() == [items[number].tolist()]
        assert alone[1].tolist() == [scores[number].tolist()]


@examples(2)
@given(
    events=st.lists(st.tuples(st.integers(0, 3), st.integers(0, ITEMS - 1)), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    damping=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_counts_that_follow_a_stream_are_those_of_all_at_once(
    events: list[tuple[int, int]], cuts: list[int], damping: float
) -> None:
    counted = CoViews.empty(ITEMS, damping)
    seen: dict[int, list[int]] = {}
    bounds = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for start, end in pairwise(bounds):
        new: dict[int, list[int]] = {}
        for user, item in events[start:end]:
            new.setdefault(user, []).append(item)
        counted.update([seen.get(user, []) for user in new], list(new.values()))
        for user, items in new.items():
            seen.setdefault(user, []).extend(items)
    whole = CoViews.of(as_rows(list(seen.values()), ITEMS), damping)
    np.testing.assert_allclose(counted.gram, whole.gram, atol=1e-12)
    assert counted.views.tolist() == whole.views.tolist()
    assert counted.users == whole.users
    np.testing.assert_allclose(counted.solve().weights, whole.solve().weights, atol=1e-6)


@examples(2)
@given(
    rows=st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, -np.inf]), min_size=7, max_size=7)),
    k=st.integers(1, 9),
)
def test_the_best_are_those_of_a_stable_sort(rows: list[list[float]], k: int) -> None:
    found = best(np.array(rows).reshape(len(rows), 7), k)
    for row, places in zip(rows, found, strict=True):
        left = [place for place in range(7) if row[place] > -np.inf]
        expected = sorted(left, key=lambda place: (-row[place], place))[:k]
        assert places.tolist() == expected + [-1] * (k - len(expected))
