"""What to recommend now? Items that go with what a user has seen, by weights in closed form.

A title's score for a user is the sum of weights from the titles that the user has seen. The weights
are those of a linear autoencoder that must explain every title by the others, and never by itself:

    B = I - P / diag(P),    P = (G + dropout / (1 - dropout) * diag(G) + ridge * I)^-1

``G`` counts how often two titles were seen by the same user. It is a sum over users, so that it is
kept up to date event by event, and parts of it that were counted apart may be added up. A user who
has seen n titles counts ``n ** -damping``: whoever has seen everything says little of what goes
with what. Whoever has seen nothing that has weights is shown what most have seen.

References
----------
Steck (2019), Embarrassingly Shallow Autoencoders for Sparse Data, WWW (arXiv 1905.03375): the
closed form. Steck (2020), Autoencoders that don't overfit towards the Identity, NeurIPS: that
dropout of seen titles is a ridge in proportion to their counts (EDLAE).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.linalg import lapack

from streamsim.streams.domains.technology.histories import Histories, as_rows, as_titles
from streamsim.streams.domains.technology.ranking import NONE, best, varied
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.events import Floats, Ints, Mask, Matrix

DAMPING, DROPOUT, RIDGE = 0.5, 0.8, 24.0
"""What cross-validation on training data of MovieLens 100K chooses most often."""

CANDIDATES = 5
"""From so many times as many titles as are wanted a varied list is chosen."""
SLICE = 32
"""So many users' lists are varied at once: their weights are held in memory."""


@dataclass(slots=True)
class CoViews:
    """How often titles were seen by the same users: all that the weights are made of.

    Attributes
    ----------
    gram
        Per pair of titles the sum over users who have seen both, each counted
        ``seen ** -damping``; shape ``(items, items)``.
    views
        By how many users each title was seen, shape ``(items,)``.
    users
        How many users have seen anything.

    Examples
    --------
    >>> seen = CoViews.empty(3)
    >>> seen.update([[], []], [[0], [2, 1]])  # two new users
    >>> seen.update([[0]], [[1]])  # the first has seen 1 since
    >>> seen.views.tolist(), seen.users
    ([1.0, 2.0, 1.0], 2)
    """

    gram: Floats
    views: Floats
    users: int = 0
    damping: float = DAMPING

    @classmethod
    def empty(cls, items: int, damping: float = DAMPING) -> CoViews:
        """Return what is known before the first event."""
        return cls(np.zeros((items, items)), np.zeros(items), 0, damping)

    @classmethod
    def of(cls, interactions: Any, damping: float = DAMPING) -> CoViews:
        """Count a sparse matrix, shape ``(users, items)``: what is not 0 was seen."""
        rows = sparse.csr_array(interactions != 0, dtype=np.float64)
        return cls(
            _products(rows, damping).toarray(),
            np.asarray(rows.sum(axis=0)).ravel(),
            int((np.diff(rows.indptr) > 0).sum()),
            damping,
        )

    def grow(self, items: int) -> None:
        """Make room for new titles, behind the others."""
        more = max(0, items - len(self.views))
        self.gram = np.pad(self.gram, (0, more))
        self.views = np.pad(self.views, (0, more))

    def add(self, other: CoViews, fade: float = 1.0) -> None:
        """Add what was counted apart; what has been counted here so far then counts so much."""
        self.grow(len(other.views))
        size = len(other.views)
        self.gram *= fade
        self.views *= fade
        self.gram[:size, :size] += other.gram
        self.views[:size] += other.views
        self.users = round(self.users * fade) + other.users

    def update(self, histories: Histories, items: Histories) -> None:
        """Count what users have seen since, exactly as if all had been counted at once.

        Parameters
        ----------
        histories
            What each user of a batch had seen, and was counted with, before; a user comes once.
        items
            What each has seen since; what was seen before adds nothing.

        Raises
        ------
        UsageError
            If there are titles that there is no room for (see :meth:`grow`), or not one list of
            titles for each history.
        """
        size = len(self.views)
        after = [np.concatenate((as_titles(h), as_titles(i))) for h, i in _pairs(histories, items)]
        old, new = as_rows(histories, size), as_rows(after, size)
        if any((titles >= size).any() for titles in after):
            raise UsageError(f"titles beyond the {size} that there is room for")
        change = (_products(new, self.damping) - _products(old, self.damping)).tocoo()
        self.gram[change.row, change.col] += change.data
        self.views += np.asarray(new.sum(axis=0) - old.sum(axis=0)).ravel()
        self.users += int(((np.diff(new.indptr) > 0) & (np.diff(old.indptr) == 0)).sum())

    def solve(self, *, dropout: float = DROPOUT, ridge: float = RIDGE) -> ItemWeights:
        """Return the weights.

        Raises
        ------
        UsageError
            If dropout is not in ``[0, 1)``, or the ridge not above 0.
        """
        if not 0 <= dropout < 1 or not ridge > 0:
            raise UsageError("dropout is at least 0 and less than 1, and a ridge above 0")
        seen = np.flatnonzero(self.views)
        weights = np.zeros(self.gram.shape, np.float32)
        if len(seen):
            penalised = self.gram[np.ix_(seen, seen)]
            diagonal = np.diagonal(penalised).copy()
            np.fill_diagonal(penalised, diagonal / (1 - dropout) + ridge)
            weights[np.ix_(seen, seen)] = _without_itself(penalised)
        return ItemWeights(weights, self.views > 0, self.views / max(1, self.users))


@dataclass(frozen=True, slots=True)
class ItemWeights:
    """What to recommend to whom.

    Attributes
    ----------
    weights
        ``[seen, recommended]``, float32, shape ``(items, items)``; zero on the diagonal.
    known
        Which titles had been seen by anybody, and so have weights, shape ``(items,)``.
    popularity
        Share of the users who have seen each title. It may be of a later time than the weights
        and have titles that they do not have yet.

    Examples
    --------
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
        """Return what recommends to everybody what most have seen."""
        return cls(np.zeros((0, 0), np.float32), np.zeros(0, bool), popularity)

    def __post_init__(self) -> None:
        n = len(self.weights)
        if self.weights.shape != (n, n) or len(self.known) != n or len(self.popularity) < n:
            raise ModelError("weights that are no square, or titles without popularity")

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return what it is made of; ``ItemWeights(**arrays)`` is the same again."""
        return {"weights": self.weights, "known": self.known, "popularity": self.popularity}

    def scores(self, histories: Histories, half_life: float | None = None) -> Matrix:
        """Score all titles for each user, shape ``(users, titles)``.

        A title without weights is scored by its popularity, on the scale that the user's scores
        have over the popularity of the others: it ranks where one that is as popular ranks that
        the user likes as much as others do.

        Parameters
        ----------
        half_life
            After so many later titles a seen title counts half; None: all count the same.
        """
        n, titles = len(self.weights), len(self.popularity)
        found = np.zeros((len(histories), titles), np.float32)
        # Sparse times dense adds row by row: a user's scores do not depend on who else is asked
        # for, to the last bit.
        found[:, :n] = as_rows(histories, n, half_life) @ self.weights
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
            0: by score alone; towards 1: rather unlike each other
            (:func:`streamsim.streams.domains.technology.ranking.varied`).
        traits
            What titles are alike by, such as their genres: the cosine of their rows, shape
            ``(titles, traits)``. Without it, two are alike if the same history speaks for them.
        half_life
            See :meth:`scores`.

        Returns
        -------
        Titles and their scores, shape ``(users, k)``. Equal scores are in the order of the titles.
        Where there are no more titles, -1 with a score of 0.

        Raises
        ------
        UsageError
            If ``k`` is less than 1, diversity not in ``[0, 1]``, or traits not those of all titles.
        """
        if k < 1 or not 0 <= diversity <= 1:
            raise UsageError("at least one title, and a diversity between 0 and 1")
        if traits is not None and len(traits) != len(self.popularity):
            raise UsageError(f"traits of {len(traits)} titles, and {len(self.popularity)} titles")
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


def fit(
    interactions: Any, *, damping: float = DAMPING, dropout: float = DROPOUT, ridge: float = RIDGE
) -> ItemWeights:
    """Fit the weights to a sparse matrix, shape ``(users, items)``: what is not 0 was seen."""
    return CoViews.of(interactions, damping).solve(dropout=dropout, ridge=ridge)


def _products(rows: Any, damping: float) -> Any:
    """Return ``X^T W X``, where a user with n titles weighs ``n ** -damping``."""
    seen = np.maximum(np.diff(rows.indptr), 1).astype(np.float64)
    return rows.T @ sparse.diags_array(seen**-damping) @ rows


def _without_itself(penalised: Floats) -> Floats:
    """Return the weights of a penalised Gram matrix: each title by the others alone."""
    factor, failed = lapack.dpotrf(penalised)
    inverse, failed = lapack.dpotri(factor) if not failed else (factor, failed)
    if failed:
        raise ModelError("co-views that no users can have had: the matrix is not positive")
    inverse = np.triu(inverse) + np.triu(inverse, 1).T
    weights: Floats = -inverse / np.diagonal(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def _pairs(histories: Histories, items: Histories) -> Sequence[tuple[Any, Any]]:
    if len(histories) != len(items):
        raise UsageError(f"{len(histories)} histories, and titles for {len(items)}")
    return list(zip(histories, items, strict=True))
