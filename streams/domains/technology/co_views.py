"""Co-view counts of titles, and the item weights of a recommender that are solved from them.

The weights are those of a linear autoencoder that explains every title by the others, and never by
itself:

    B = I - P / diag(P),    P = (G + dropout / (1 - dropout) * diag(G) + ridge * I)^-1

``G`` counts how often two titles were seen by the same user. It is a sum over users, so it can be
updated event by event, and separate counts can be added. A user who has seen n titles has the
weight ``n ** -damping``: a user who has seen everything says little about similar titles.

The weights tell which titles go together one by one. What groups of titles share is clearer in the
first eigenvectors ``V`` of ``G``; a part of ``V V^T`` may be added to the weights.

References
----------
Steck (2019), Embarrassingly Shallow Autoencoders for Sparse Data, WWW (arXiv 1905.03375): the
closed form. Steck (2020), Autoencoders that don't overfit towards the Identity, NeurIPS: that
dropout of seen titles is a ridge in proportion to their counts (EDLAE). Cremonesi, Koren and Turrin
(2010), Performance of Recommender Algorithms on Top-N Recommendation Tasks, RecSys: scores by the
first singular vectors alone (PureSVD).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import lapack
from scipy.sparse.linalg import eigsh

from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.events import Floats

from .histories import Histories, as_rows, as_titles
from .recommending import ItemWeights

DAMPING, DROPOUT, RIDGE = 0.5, 0.8, 24.0
"""Values that cross-validation on training data of MovieLens 100K chooses most often."""
RANK, SHARE = 16, 0.4
"""Values chosen on other random splits of MovieLens 100K than those of its benchmark."""
BLOCK = 128
"""Rows of a matrix that are transposed at once."""


@dataclass(slots=True)
class CoViews:
    """Co-view counts: how often titles were seen by the same users.

    Attributes
    ----------
    gram
        Per pair of titles the sum over users who have seen both, each weighted
        ``seen ** -damping``; shape ``(items, items)``.
    views
        Number of users who have seen each title, shape ``(items,)``.
    users
        Number of users who have seen anything.

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
        """Return the counts before the first event: zeros."""
        return cls(np.zeros((items, items)), np.zeros(items), 0, damping)

    @classmethod
    def of(cls, interactions: Any, damping: float = DAMPING) -> CoViews:
        """Count a sparse matrix, shape ``(users, items)``; a title was seen where it is not 0."""
        rows = sparse.csr_array(interactions != 0, dtype=np.float64)
        return cls(
            _products(rows, damping).toarray(),
            np.asarray(rows.sum(axis=0)).ravel(),
            int((np.diff(rows.indptr) > 0).sum()),
            damping,
        )

    def grow(self, items: int) -> None:
        """Extend the counts by new titles at the end."""
        more = items - len(self.views)
        if more > 0:
            self.gram = np.pad(self.gram, (0, more))
            self.views = np.pad(self.views, (0, more))

    def add(self, interactions: Any, fade: float = 1.0) -> None:
        """Multiply the present counts by ``fade``, then add those of a matrix (:meth:`of`)."""
        rows = sparse.csr_array(interactions != 0, dtype=np.float64)
        size = rows.shape[1]
        self.grow(size)
        self.gram *= fade
        self.views *= fade
        found = _products(rows, self.damping).tocoo()  # few of all pairs
        self.gram[found.row, found.col] += found.data
        self.views[:size] += np.asarray(rows.sum(axis=0)).ravel()
        self.users = round(self.users * fade) + int((np.diff(rows.indptr) > 0).sum())

    def update(self, histories: Histories, items: Histories) -> None:
        """Count newly seen titles of users, exactly as if all had been counted at once.

        Parameters
        ----------
        histories
            Titles that each user of a batch had seen before, already counted; one row per user.
        items
            Titles that each has seen since; those seen before are ignored.

        Raises
        ------
        UsageError
            If titles are beyond the counts' size (see :meth:`grow`), or ``items`` has not one row
            for each history.
        """
        size = len(self.views)
        after = [np.concatenate((as_titles(h), as_titles(i))) for h, i in _pairs(histories, items)]
        old, new = as_rows(histories, size), as_rows(after, size)
        if any((titles >= size).any() for titles in after):
            raise UsageError(f"titles beyond the {size} of the counts; call grow first")
        change = (_products(new, self.damping) - _products(old, self.damping)).tocoo()
        self.gram[change.row, change.col] += change.data
        self.views += np.asarray(new.sum(axis=0) - old.sum(axis=0)).ravel()
        self.users += int(((np.diff(new.indptr) > 0) & (np.diff(old.indptr) == 0)).sum())

    def tastes(self, rank: int = RANK, share: float = SHARE) -> Floats:
        """Return ``share * V V^T`` of the first eigenvectors, zero on the diagonal.

        Parameters
        ----------
        rank
            How many eigenvectors; fewer than there are titles.

        Raises
        ------
        UsageError
            If there are no more titles than eigenvectors.
        """
        items = len(self.views)
        if not 0 < rank < items:
            raise UsageError(
                f"{rank} tastes of {items} titles: there must be more titles than tastes"
            )
        # The start is fixed, so that equal counts have equal weights.
        _, vectors = eigsh(self.gram, rank, v0=np.ones(items))
        found: Floats = share * (vectors @ vectors.T)
        np.fill_diagonal(found, 0.0)
        return found

    def solve(
        self,
        *,
        dropout: float = DROPOUT,
        ridge: float = RIDGE,
        tastes: Floats | None = None,
    ) -> ItemWeights:
        """Solve for the weights.

        Parameters
        ----------
        tastes
            What is added to the weights (:meth:`tastes`); by default nothing.

        Raises
        ------
        UsageError
            If dropout is not in ``[0, 1)``, or the ridge not above 0.
        """
        if not 0 <= dropout < 1 or not ridge > 0:
            raise UsageError("dropout must be in [0, 1), and ridge above 0")
        seen = np.flatnonzero(self.views)
        weights = np.zeros(self.gram.shape, np.float32)
        if len(seen):
            penalised = self.gram[np.ix_(seen, seen)]
            diagonal = np.diagonal(penalised).copy()
            np.fill_diagonal(penalised, diagonal / (1 - dropout) + ridge)
            found = _without_itself(penalised)
            if len(seen) == len(weights):
                weights[:] = found
            else:
                weights[np.ix_(seen, seen)] = found
        if tastes is not None:
            weights += tastes.astype(np.float32)
        return ItemWeights(weights, self.views > 0, self.views / max(1, self.users))


def fit(
    interactions: Any, *, damping: float = DAMPING, dropout: float = DROPOUT, ridge: float = RIDGE
) -> ItemWeights:
    """Fit weights to a sparse matrix, shape ``(users, items)``; nonzero entries were seen."""
    return CoViews.of(interactions, damping).solve(dropout=dropout, ridge=ridge)


def _products(rows: Any, damping: float) -> Any:
    """Return ``X^T W X``, where a user with n titles has the weight ``n ** -damping``."""
    seen = np.maximum(np.diff(rows.indptr), 1).astype(np.float64)
    return rows.T @ sparse.diags_array(seen**-damping) @ rows


def _without_itself(penalised: Floats) -> Floats:
    """Return the weights of a penalised Gram matrix: each title by the others alone."""
    # The matrix is symmetric. Its transpose has LAPACK's order, and is worked on in place.
    factor, failed = lapack.dpotrf(penalised.T, clean=0, overwrite_a=1)
    inverse, failed = lapack.dpotri(factor, overwrite_c=1) if not failed else (factor, failed)
    if failed:
        raise ModelError("impossible co-view counts: their matrix is not positive definite")
    weights: Floats = inverse.T  # so far its lower triangle
    _mirror(weights)
    weights /= -np.diagonal(weights).copy()
    np.fill_diagonal(weights, 0.0)
    return weights


def _mirror(matrix: Floats) -> None:
    """Copy the lower triangle to the upper one, block by block, as a cache holds no column."""
    for start in range(0, len(matrix), BLOCK):
        end = start + BLOCK
        corner = matrix[start:end, start:end]
        upper = np.triu_indices(len(corner), 1)
        corner[upper] = corner.T[upper]
        matrix[start:end, end:] = matrix[end:, start:end].T


def _pairs(histories: Histories, items: Histories) -> Sequence[tuple[Any, Any]]:
    if len(histories) != len(items):
        raise UsageError(f"{len(histories)} histories, but new titles of {len(items)} users")
    return list(zip(histories, items, strict=True))
