"""Ranking of scores: the best k with deterministic ties, and diversified rankings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Floats, Ints, Matrix

NONE = -1
"""Placeholder where there are no more titles."""


def best(scores: npt.NDArray[np.floating], k: int) -> Ints:
    """Return the places of the ``k`` highest scores of each row, the highest first.

    Of equal scores the one further to the left comes first, also at the last place, for which a
    partition alone would be arbitrary.

    Parameters
    ----------
    scores
        Shape ``(rows, n)``, -inf for titles that must not be chosen.

    Returns
    -------
    Shape ``(rows, k)``, :data:`NONE` where there are no more.

    Examples
    --------
    >>> best(np.array([[0.5, 0.9, 0.5, 0.5], [-np.inf, 0.0, -np.inf, 0.0]]), 3).tolist()
    [[1, 0, 2], [1, 3, -1]]
    """
    rows, n = scores.shape
    taken = min(k, n)
    places = np.full((rows, k), NONE, np.int64)
    if not taken or not rows:
        return places
    last = np.partition(scores, n - taken, axis=1)[:, n - taken, None]
    chosen = scores >= last
    tied = np.flatnonzero(np.count_nonzero(chosen, axis=1) > taken)
    if len(tied):
        own = scores[tied]
        above, equal = own > last[tied], own == last[tied]
        room = taken - np.count_nonzero(above, axis=1)[:, None]
        chosen[tied] = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= room))
    found = np.flatnonzero(chosen).reshape(rows, taken) - n * np.arange(rows)[:, None]
    values = np.take_along_axis(scores, found, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    found = np.take_along_axis(found, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    places[:, :taken] = np.where(np.isneginf(values), NONE, found)
    return places


def varied(relevance: Floats, likeness: Floats, k: int, diversity: float) -> Ints:
    """Choose ``k`` of a list's candidates by relevance and diversity.

    Maximal marginal relevance (Carbonell and Goldstein 1998, SIGIR): the next candidate has the
    highest ``(1 - diversity) * relevance - diversity * largest likeness to a chosen one``.
    Relevance is scaled to 0 .. 1 per list, so that the two are comparable.

    Parameters
    ----------
    relevance
        Candidates' scores, shape ``(rows, n)``, -inf for candidates that must not be chosen.
    likeness
        Similarity of candidates to each other, -1 .. 1, shape ``(rows, n, n)``.

    Returns
    -------
    Places among the candidates, shape ``(rows, k)``, :data:`NONE` where there are no more.

    Examples
    --------
    >>> alike = np.array([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> varied(np.array([[0.9, 0.8, 0.3]]), alike, 2, diversity=0.0).tolist()
    [[0, 1]]
    >>> varied(np.array([[0.9, 0.8, 0.3]]), alike, 2, diversity=0.6).tolist()
    [[0, 2]]
    """
    every = np.arange(len(relevance))
    return _greedy(relevance, lambda chosen: likeness[every, chosen], k, diversity)


def _greedy(
    relevance: Floats,
    likeness: Callable[[Ints], npt.NDArray[np.floating]],
    k: int,
    diversity: float,
) -> Ints:
    """Choose candidates; ``likeness`` is asked for that of all candidates to one of each row."""
    rows, n = relevance.shape
    there = np.isfinite(relevance)
    low = np.where(there, relevance, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = np.where(there, relevance, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    span = np.where(high > low, high - low, 1.0)
    worth = np.where(there, (relevance - np.where(np.isfinite(low), low, 0.0)) / span, -np.inf)
    nearest = np.zeros((rows, n))
    every = np.arange(rows)
    places = np.full((rows, k), NONE, np.int64)
    for place in range(min(k, n)):
        gain = np.where(there, (1 - diversity) * worth - diversity * nearest, -np.inf)
        chosen = gain.argmax(axis=1)
        some = there[every, chosen]
        places[some, place] = chosen[some]
        there[every, chosen] = False
        alike = likeness(chosen).astype(np.float64)
        nearest = alike if place == 0 else np.maximum(nearest, alike)
    return places


def alike(weights: Matrix) -> Matrix:
    """Return the similarity of titles: the cosine of their weights from seen titles.

    Parameters
    ----------
    weights
        ``[seen, recommended]``, shape ``(n, n)``.

    Returns
    -------
    Shape ``(n, n)``; 0 for a title that has no weights.

    Examples
    --------
    >>> alike(np.array([[0.0, 3.0, 6.0], [0.0, 0.0, 0.0], [0.0, 4.0, 8.0]], np.float32)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
    """
    unit = weights / np.maximum(np.linalg.norm(weights, axis=0), 1e-12)
    found: Matrix = unit.T @ unit
    return found


def diverse(scores: Matrix, items: Ints, likeness: Matrix, k: int, diversity: float) -> Ints:
    """Choose ``k`` of each row's candidates by relevance and diversity (:func:`varied`).

    Parameters
    ----------
    scores
        Scores of all titles, shape ``(rows, titles)``.
    items
        Candidates, shape ``(rows, n)``, :data:`NONE` where there are no more.
    likeness
        Similarity of all titles to each other, shape ``(titles, titles)``.
    """
    there, place = items != NONE, np.maximum(items, 0)
    if not scores.shape[1]:
        return items[:, :k]
    worth = np.where(there, np.take_along_axis(scores, place, axis=1), -np.inf).astype(np.float64)
    every = np.arange(len(items))
    chosen = _greedy(worth, lambda one: likeness[place[every, one][:, None], place], k, diversity)
    titles = np.take_along_axis(items, np.maximum(chosen, 0), axis=1)
    return np.where(chosen == NONE, NONE, titles)
