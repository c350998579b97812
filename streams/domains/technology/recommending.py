"""Recommendations from item weights: titles that go with those that a user has seen.

A title's score for a user is the sum of weights from the titles that the user has seen; see
:mod:`streamsim.streams.domains.technology.co_views` for the weights. A user without seen titles
that have weights gets the most popular titles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.events import Floats, Ints, Mask, Matrix

from .histories import Histories, as_rows
from .ranking import NONE, best, varied

CANDIDATES = 5
"""Candidates per title of a diversified list."""
SLICE = 32
"""Users whose lists are diversified at once: their weights are in memory."""


@dataclass(frozen=True, slots=True)
class ItemWeights:
    """Item weights, and the popularity of titles.

    Attributes
    ----------
    weights
        ``[seen, recommended]``, float32, shape ``(items, items)``; zero on the diagonal.
    known
        Mask of the titles that any user had seen, and that so have weights, shape ``(items,)``.
    popularity
        Share of the users who have seen each title. It may be newer than the weights and have
        titles that they lack.

    Examples
    --------
    >>> from scipy import sparse
    >>> from .co_views import fit
    >>> watched = sparse.csr_array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [1, 0, 0]])
    >>> model = fit(watched, ridge=0.1)
    >>> items, scores = model.recommend([[0], [], [1, 0]], k=2)
    >>> items.tolist()  # after 0 comes 1; for a new user what most have seen, by index if as many
    [[1, 2], [0, 1], [2, -1]]
    """

    weights: Matrix
    known: Mask
    popularity: Floats

    @classmethod
    def none(cls, popularity: Floats) -> ItemWeights:
        """Return weights that recommend the most popular titles to every user."""
        return cls(np.zeros((0, 0), np.float32), np.zeros(0, bool), popularity)

    def __post_init__(self) -> None:
        n = len(self.weights)
        if self.weights.shape != (n, n) or len(self.known) != n or len(self.popularity) < n:
            raise ModelError("the weights are not square, or have titles without popularity")

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return its arrays; ``ItemWeights(**arrays)`` is equal to it."""
        return {"weights": self.weights, "known": self.known, "popularity": self.popularity}

    def scores(self, histories: Histories, half_life: float | None = None) -> Matrix:
        """Score all titles for each user, shape ``(users, titles)``.

        A title without weights is scored by its popularity, on the scale of the user's scores
        over the popularity of the other titles. So it ranks like a title of the same popularity
        that the user likes as much as other users do.

        Parameters
        ----------
        half_life
            Half-life of a seen title's weight, in later titles; None: all weigh the same.
        """
        return self.scores_of(as_rows(histories, len(self.weights), half_life))

    def scores_of(self, rows: Any) -> Matrix:
        """Score all titles for each user, by a sparse matrix of seen titles with their weights."""
        n, titles = len(self.weights), len(self.popularity)
        # Sparse times dense adds row by row: a user's scores do not depend on the other users of
        # the call, to the last bit.
        found: Matrix = rows @ self.weights
        if titles > n:
            found = np.pad(found, ((0, 0), (0, titles - n)))
        nothing = ~found.any(axis=1)
        new = np.ones(titles, bool)
        new[:n] = ~self.known
        if new.any() and not new.all():
            scale = found.sum(axis=1, dtype=np.float64) / self.popularity[~new].sum()
            found[:, new] = np.maximum(scale, 0)[:, None] * self.popularity[new]
        found[nothing] = self.popularity
        return found

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool = True,
        diversity: float = 0.0,
        traits: npt.NDArray[np.floating] | None = None,
        half_life: float | None = None,
    ) -> tuple[Ints, Matrix]:
        """Recommend ``k`` titles to each of many users.

        Parameters
        ----------
        diversity
            0 ranks by score alone, values towards 1 favour variety
            (:func:`streamsim.streams.domains.technology.ranking.varied`).
        traits
            Traits of titles, such as genres, whose cosine is their similarity; shape
            ``(titles, traits)``. Without it, the similarity is that of their weights.
        half_life
            See :meth:`scores`.

        Returns
        -------
        Titles and their scores, shape ``(users, k)``. Equal scores are in the order of the titles.
        Missing titles are -1 with a score of 0.

        Raises
        ------
        UsageError
            If ``k`` is less than 1, diversity not in ``[0, 1]``, or traits not those of all titles.
        """
        if k < 1 or not 0 <= diversity <= 1:
            raise UsageError("k must be at least 1, and diversity between 0 and 1")
        if traits is not None and len(traits) != len(self.popularity):
            raise UsageError(f"traits of {len(traits)} titles, but {len(self.popularity)} titles")
        scores = self.scores(histories, half_life)
        if exclude_seen:
            seen = as_rows(histories, scores.shape[1]).tocoo()
            scores[seen.row, seen.col] = -np.inf
        items = best(scores, k * CANDIDATES if diversity else k)
        if diversity:
            cut = [slice(start, start + SLICE) for start in range(0, len(items), SLICE)]
            chosen = [self._varied(items[c], scores[c], k, diversity, traits) for c in cut]
            items = np.concatenate(chosen) if chosen else items[:, :k]
        if not scores.shape[1]:
            return items, np.zeros(items.shape, np.float32)
        found = np.take_along_axis(scores, np.maximum(items, 0), axis=1)
        return items, np.where(items == NONE, np.float32(0), found)

    def _varied(self, items: Ints, scores: Matrix, k: int, diversity: float, traits: Any) -> Ints:
        there, place = items != NONE, np.maximum(items, 0)
        relevance = np.take_along_axis(scores, place, axis=1).astype(np.float64)
        relevance[~there] = -np.inf
        if traits is None:
            known = there & (items < len(self.weights))
            rows = np.zeros((*items.shape, len(self.weights)), np.float32)
            rows[known] = self.weights.T[items[known]]
        else:
            rows = np.asarray(traits, np.float32)[place]
        rows /= np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), 1e-12)
        alike = (rows @ rows.transpose(0, 2, 1)).astype(np.float64)
        places = varied(relevance, alike, k, diversity)
        chosen = np.take_along_axis(items, np.maximum(places, 0), axis=1)
        return np.where(places == NONE, NONE, chosen)
