"""A recommender as an estimator: a slate from a row's history, and how likely it is right.

It takes rows whose first columns are a user's history (numbers of titles from 1, the newest first,
none below 1) and one of which says how many titles are on offer. The slate is chosen by the weights
of :mod:`streamsim.streams.domains.technology.recommending`; a classifier of the slate's own figures
and of the other columns says how likely what is watched next is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from streamsim.streams.events import Floats, Ints, Mask, Matrix
from streamsim.streams.seeds import stream

from .co_views import CoViews
from .ranking import NONE, alike, best, diverse
from .recommending import ItemWeights

ROWS = 4_096
"""So many rows are answered at a time: their scores of all titles are held in memory."""
STEPS = (0.4, 0.7, 1.0)
"""The classifier learns from slates by weights of the rows before: it must not see slates that know
what it is asked for. From each of these shares of the rows to the next, new weights are taken."""
FIGURES = ("best", "sum", "last", "lead", "popularity", "length", "known", "hindsight", "fit")
"""What the classifier is told of a slate. In hindsight: how many of the last few titles would have
been on it, had only the others been known; and how well they fit, on the scale of its best."""
LAST_FEW = 10
DECIMALS = 6
"""Weights that are renewed are rounded to this: their last bits depend on the machine."""
CANDIDATES = 3
"""From so many times as many titles as are wanted a varied slate is chosen."""


class SlateClassifier:
    """Answers rows with slates, and with how likely each is right.

    Parameters
    ----------
    history
        How many columns, from the first on, are the history.
    offered
        Column that says how many titles are on offer: those up to that number.
    classifier
        Learns from the other columns and :data:`FIGURES` whether a slate was right.
    size
        How many titles are put forward.
    half_life
        After so many later titles one counts half.
    diversity
        How unlike each other the titles of a slate are: 0 by score alone, towards 1 rather unlike.
        Two are alike if the same history speaks for them.
    thin
        One in so many rows counts for the weights: neighbouring rows share their history.
    """

    diversity = 0.0
    """Of a model that was stored without."""
    _alike: Matrix | None = None
    """How alike titles are: made of the weights where it is needed, and not stored."""

    def __init__(
        self,
        history: int,
        offered: int,
        classifier: Any,
        *,
        size: int = 10,
        half_life: float = 6.0,
        diversity: float = 0.0,
        ridge: float = 24.0,
        thin: int = 4,
        seed: int = 0,
    ) -> None:
        self.history, self.offered, self.classifier = history, offered, classifier
        self.size, self.half_life, self.ridge = size, half_life, ridge
        self.thin, self.seed = thin, seed
        self.diversity = diversity
        self.weights_: Matrix = np.zeros((0, 0), np.float32)
        self.known_: Mask = np.zeros(0, bool)
        self.popularity_: Floats = np.zeros(0)
        self.gram_: Floats = np.zeros((0, 0))
        self.views_: Floats = np.zeros(0)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_alike"}

    def fit(self, X: Matrix, y: Ints) -> SlateClassifier:
        """Learn from rows, in order of time, and what came next: a number, 0 for nothing."""
        learnt, right = [], []
        for begin, end in pairwise(int(len(y) * step) for step in STEPS):
            self._weigh(X[:begin], y[:begin])
            items, rows = self._slates(X[begin:end])
            learnt.append(rows)
            right.append((items == y[begin:end, None]).any(axis=1) & (y[begin:end] > 0))
        self.classifier.fit(np.concatenate(learnt), np.concatenate(right))
        self._weigh(X, y)
        return self

    def recommend(self, X: Matrix) -> tuple[Floats, Ints]:
        """Return scores, shape ``(n,)``, and titles, shape ``(n, size)``, 0 where there is none."""
        items, rows = self._slates(X)
        if not len(X):
            return np.empty(0), items
        return np.ascontiguousarray(self.classifier.predict_proba(rows)[:, 1]), items

    def predict_proba(self, X: Matrix) -> Floats:
        """Return how likely the slate is wrong and right, shape ``(n, 2)``."""
        right, _ = self.recommend(X)
        return np.column_stack([1 - right, right])

    def seen(self) -> CoViews:
        """Return the counts that the weights were made of, to add to."""
        return CoViews(self.gram_.copy(), self.views_.copy(), 0)

    def renewed(self, seen: CoViews, popularity: Floats) -> SlateClassifier:
        """Return a recommender by other counts, with the same classifier of its slates.

        It cannot be renewed in its turn: the counts are not kept with it.
        """
        other = copy(self)  # without what was made of the weights
        found = seen.solve(ridge=self.ridge)
        other.weights_, other.known_ = np.round(found.weights, DECIMALS), found.known
        other.popularity_ = popularity
        other.gram_, other.views_ = np.zeros((0, 0)), np.zeros(0)
        return other

    def slates(self, X: Matrix, size: int | None = None, diversity: float | None = None) -> Ints:
        """See :class:`streamsim.streams.answers.Chooser`."""
        size = self.size if size is None else size
        parts = [
            self._choose(self._scores(_histories(part, self.history)), part, size, diversity) + 1
            for part in _parts(X)
        ]
        return np.concatenate(parts or [np.empty((0, size), np.int64)])

    def popular(self, X: Matrix) -> Ints:
        """Return slates of what most have seen: what a recommender must be better than."""
        scores = np.tile(self.popularity_.astype(np.float32), (len(X), 1))
        return self._choose(scores, X, self.size, 0.0) + 1

    def _weigh(self, X: Matrix, y: Ints) -> None:
        """Learn which titles go together, from some of the rows and what was played next."""
        chosen = stream(self.seed, "thinned").random(len(y)) < 1 / self.thin
        titles = np.column_stack([y[chosen], X[chosen, : self.history].astype(np.int64)])
        rows, columns = np.nonzero(titles > 0)
        seen = titles[rows, columns] - 1
        shape = len(titles), int(seen.max(initial=-1)) + 1
        matrix = sparse.csr_array((np.ones(len(rows)), (rows, seen)), shape=shape)
        counted = CoViews.of(matrix)
        found = counted.solve(ridge=self.ridge)
        self.weights_, self.known_ = found.weights, found.known
        self.gram_, self.views_ = counted.gram, counted.views
        self._alike = None
        # What is popular is what is played next, not what a long history still holds.
        played = np.bincount(y[y > 0] - 1, minlength=shape[1])[: shape[1]]
        self.popularity_ = played / max(1, int(played.sum()))

    def _slates(self, X: Matrix) -> tuple[Ints, Matrix]:
        """Return slates, and the rows that the classifier takes."""
        parts = [self._slate(part) for part in _parts(X)]
        items = np.concatenate(
            [items for items, _ in parts] or [np.empty((0, self.size), np.int64)]
        )
        figures = [figures for _, figures in parts] or [np.empty((0, len(FIGURES)))]
        # How many titles there are says what day it is, and no more.
        rest = np.delete(X, self.offered, axis=1)[:, self.history :]
        own = np.column_stack([rest, np.concatenate(figures)])
        return items, own.astype(np.float32)

    def _slate(self, X: Matrix) -> tuple[Ints, Floats]:
        histories = _histories(X, self.history)
        scores = self._scores(histories)
        chosen = self._choose(scores, X, self.size, self.diversity)
        there = chosen != NONE
        place = np.maximum(chosen, 0)
        worth = np.where(there, np.take_along_axis(scores, place, axis=1), 0.0)
        worth = -np.sort(-worth, axis=1)
        popular = np.where(there, self.popularity_[place], 0.0) if len(self.popularity_) else worth
        figures = np.column_stack(
            [
                worth[:, 0],
                worth.sum(axis=1),
                worth[:, -1],
                worth[:, 0] - worth[:, 1],
                popular.sum(axis=1),
                [len(history) for history in histories],
                there.sum(axis=1),
                *_hindsight(scores, X[:, : min(self.history, LAST_FEW)], worth),
            ]
        )
        return chosen + 1, figures

    def _scores(self, histories: list[Ints]) -> Matrix:
        model = ItemWeights(self.weights_, self.known_, self.popularity_)
        return model.scores(histories, self.half_life)

    def _choose(self, scores: Matrix, X: Matrix, size: int, diversity: float | None) -> Ints:
        """Return the best places among those on offer that are not in the history."""
        titles = scores.shape[1]
        seen = X[:, : self.history].astype(np.int64) - 1
        rows, columns = np.nonzero((seen >= 0) & (seen < titles))
        open_ = scores.copy()
        open_[rows, seen[rows, columns]] = -np.inf
        open_[np.arange(titles) >= X[:, self.offered, None]] = -np.inf
        diversity = self.diversity if diversity is None else diversity
        if not diversity:
            return best(open_, size)
        if self._alike is None:
            self._alike = alike(self.weights_)
        return diverse(open_, best(open_, size * CANDIDATES), self._alike, size, diversity)


def _hindsight(scores: Matrix, titles: Matrix, worth: Floats) -> tuple[Floats, Floats]:
    """Return the share of titles that score as high as the slate, and their mean over its best.

    No title speaks for itself: its own weight is 0.
    """
    place = titles.astype(np.int64) - 1
    known = (place >= 0) & (place < scores.shape[1])
    own = np.take_along_axis(scores, np.where(known, place, 0), axis=1)
    count = np.maximum(known.sum(axis=1), 1)
    share = (known & (own >= worth[:, -1:])).sum(axis=1) / count
    best_ = np.maximum(worth[:, 0], 1e-9)
    return share, np.where(known, own, 0.0).sum(axis=1) / count / best_


def _histories(X: Matrix, history: int) -> list[Ints]:
    """Return the titles of each row, the oldest first."""
    return [row[row > 0][::-1] - 1 for row in X[:, :history].astype(np.int64)]


def _parts(X: Matrix) -> Iterator[Matrix]:
    for start in range(0, len(X), ROWS):
        yield X[start : start + ROWS]
