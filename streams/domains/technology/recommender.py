"""Recommender as an estimator: a slate from a row's history, and the probability of a hit.

The first columns of its rows are a user's history (numbers of titles from 1, the newest first,
below 1 for none); another column is the number of titles on offer. The weights of
:mod:`streamsim.streams.domains.technology.recommending` choose the slate. A classifier of the
slate's own figures and of the other columns predicts whether it has the next watched title.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from streamsim.streams.events import Floats, Ints, Mask, Matrix
from streamsim.streams.seeds import stream

from .co_views import CoViews
from .histories import newest_first
from .numbering import columns_of, most_watched, on_offer, titles_of
from .ranking import NONE, alike, best, diverse
from .recommending import ItemWeights

ROWS = 512
"""Rows per batch: their scores of all titles should fit into a processor's cache."""
STEPS = (0.4, 0.7, 1.0)
"""Shares of the training rows at which the weights are fitted again. The classifier learns from
slates by weights of earlier rows only, so that no slate contains the label."""
FIGURES = ("best", "sum", "last", "lead", "popularity", "length", "known", "hindsight", "fit")
"""Figures of a slate for the classifier. ``hindsight`` is the share of the last few titles that
would have been on it by the other titles alone; ``fit`` is their score relative to its best."""
LAST_FEW = 10
DECIMALS = 6
"""Decimals to which renewed weights are rounded: their last bits depend on the machine."""
CANDIDATES = 3
"""Candidates per title of a diversified slate."""
_COMPUTING = threading.Lock()


class SlateClassifier:
    """Recommends a slate for each row, and scores the probability that it is right.

    Parameters
    ----------
    history
        Number of columns, from the first on, that are the history.
    offered
        Column with the number of titles on offer: titles up to that number.
    classifier
        Classifier of the other columns and :data:`FIGURES` that predicts whether a slate is right.
    size
        Number of recommended titles.
    half_life
        Half-life of a title's weight, in later titles.
    diversity
        How different the titles of a slate are: 0 ranks by score alone, values towards 1 favour
        variety. Two titles are alike if the same seen titles have weights for them.
    thin
        One in so many rows is used for the weights: neighbouring rows share their history.
    """

    diversity = 0.0
    """Default of a model that was stored without it."""
    numbers_: Ints | None = None
    """Number of the title of each column of the weights, rising; ``None`` if they count from 1."""
    _alike: Matrix | None = None
    """Similarity of titles: computed from the weights on demand, and not stored."""

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
        """Fit to rows, in order of time, and their next watched titles, 0 for none."""
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
        """Return the probabilities that the slate is wrong and right, shape ``(n, 2)``."""
        right, _ = self.recommend(X)
        return np.column_stack([1 - right, right])

    def seen(self) -> CoViews:
        """Return the co-view counts that the weights were solved from, to add to them."""
        return CoViews(self.gram_.copy(), self.views_.copy(), 0)

    def renewed(self, seen: CoViews, popularity: Floats) -> SlateClassifier:
        """Return a recommender with other counts and the same classifier of its slates.

        It cannot be renewed itself: it does not store the counts.
        """
        found = seen.solve(ridge=self.ridge)
        weights = np.round(found.weights, DECIMALS)
        return self.with_renewed(
            {"weights": weights, "known": found.known, "popularity": popularity}
        )

    def renewed_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See :class:`streamsim.streams.spec.renewals.Renewable`."""
        return {
            "weights": self.weights_,
            "known": self.known_,
            "popularity": self.popularity_,
        }

    def with_renewed(self, arrays: Mapping[str, npt.NDArray[Any]]) -> SlateClassifier:
        """See :class:`streamsim.streams.spec.renewals.Renewable`."""
        found = ItemWeights(arrays["weights"], arrays["known"], arrays["popularity"])
        other = copy(self)  # without the similarity of the old weights
        other.weights_, other.known_ = found.weights, found.known
        other.popularity_ = found.popularity
        other.gram_, other.views_ = np.zeros((0, 0)), np.zeros(0)
        return other

    def slates(self, X: Matrix, size: int | None = None, diversity: float | None = None) -> Ints:
        """See :class:`streamsim.streams.answers.Chooser`."""
        size = self.size if size is None else size
        parts = [
            self._named(self._choose(self._scores(part), part, size, diversity))
            for part in _parts(X)
        ]
        return np.concatenate(parts or [np.empty((0, size), np.int64)])

    def popular(self, X: Matrix) -> Ints:
        """Return slates of the most popular titles, the baseline of a recommender."""
        scores = np.tile(self.popularity_.astype(np.float32), (len(X), 1))
        return self._named(self._choose(scores, X, self.size, 0.0))

    def columns(self, titles: Ints) -> Ints:
        """Return the columns of titles, by their numbers; below 0 for those without one."""
        return columns_of(titles, self.numbers_)

    def _named(self, columns: Ints) -> Ints:
        return titles_of(columns, self.numbers_)

    def _weigh(self, X: Matrix, y: Ints) -> None:
        """Fit the item weights to some of the rows and their next titles."""
        chosen = stream(self.seed, "thinned").random(len(y)) < 1 / self.thin
        titles = np.column_stack([y[chosen], X[chosen, : self.history].astype(np.int64)])
        self.numbers_ = most_watched(titles[titles > 0])
        seen = self.columns(titles)
        rows, columns = np.nonzero(seen >= 0)
        seen = seen[rows, columns]
        shape = len(titles), int(seen.max(initial=-1)) + 1
        matrix = sparse.csr_array((np.ones(len(rows)), (rows, seen)), shape=shape)
        counted = CoViews.of(matrix)
        found = counted.solve(ridge=self.ridge)
        self.weights_, self.known_ = found.weights, found.known
        self.gram_, self.views_ = counted.gram, counted.views
        self._alike = None
        # Popularity is of next titles, not of titles that are still in a long history.
        next_ = self.columns(y)
        played = np.bincount(next_[next_ >= 0], minlength=shape[1])[: shape[1]]
        self.popularity_ = played / max(1, int(played.sum()))

    def _slates(self, X: Matrix) -> tuple[Ints, Matrix]:
        """Return slates, and the rows for the classifier."""
        parts = [self._slate(part) for part in _parts(X)]
        items = np.concatenate(
            [items for items, _ in parts] or [np.empty((0, self.size), np.int64)]
        )
        figures = [figures for _, figures in parts] or [np.empty((0, len(FIGURES)))]
        # The number of titles on offer shows only the day.
        rest = np.delete(X, self.offered, axis=1)[:, self.history :]
        own = np.column_stack([rest, np.concatenate(figures)])
        return items, own.astype(np.float32)

    def _slate(self, X: Matrix) -> tuple[Ints, Floats]:
        scores = self._scores(X)
        own, known = _own(scores, self._seen(X[:, : min(self.history, LAST_FEW)]))
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
                (X[:, : self.history] > 0).sum(axis=1),
                there.sum(axis=1),
                *_hindsight(own, known, worth),
            ]
        )
        return self._named(chosen), figures

    def _scores(self, X: Matrix) -> Matrix:
        model = ItemWeights(self.weights_, self.known_, self.popularity_)
        seen = self._seen(X[:, : self.history])
        return model.scores_of(newest_first(seen, len(self.weights_), self.half_life))

    def _seen(self, titles: Matrix) -> Ints:
        return self.columns(titles.astype(np.int64))

    def _choose(self, scores: Matrix, X: Matrix, size: int, diversity: float | None) -> Ints:
        """Return the best titles on offer that are not in the history.

        The scores of all other titles are set to -inf in place.
        """
        titles = scores.shape[1]
        seen = self._seen(X[:, : self.history])
        rows, columns = np.nonzero((seen >= 0) & (seen < titles))
        scores[rows, seen[rows, columns]] = -np.inf
        offered = on_offer(X[:, self.offered], self.numbers_)
        for few in np.unique(offered[offered < titles]):  # a catalogue grows a few times a week
            scores[offered == few, max(0, int(np.ceil(few))) :] = -np.inf
        diversity = self.diversity if diversity is None else diversity
        if not diversity:
            return best(scores, size)
        likeness = self._likeness()
        return diverse(scores, best(scores, size * CANDIDATES), likeness, size, diversity)

    def _likeness(self) -> Matrix:
        """Return the similarity of titles; two first calls at a time compute it once."""
        found = self._alike
        if found is None:
            with _COMPUTING:
                found = self._alike = alike(self.weights_) if self._alike is None else self._alike
        return found


def _own(scores: Matrix, place: Ints) -> tuple[Matrix, Mask]:
    """Return the scores of titles, by their columns, and which of them have a score."""
    known = (place >= 0) & (place < scores.shape[1])
    return np.take_along_axis(scores, np.where(known, place, 0), axis=1), known


def _hindsight(own: Matrix, known: Mask, worth: Floats) -> tuple[Floats, Floats]:
    """Return the share of titles that score as high as the slate, and their mean over its best.

    A title's weight for itself is 0.
    """
    count = np.maximum(known.sum(axis=1), 1)
    share = (known & (own >= worth[:, -1:])).sum(axis=1) / count
    best_ = np.maximum(worth[:, 0], 1e-9)
    return share, np.where(known, own, 0.0).sum(axis=1) / count / best_


def _parts(X: Matrix) -> Iterator[Matrix]:
    for start in range(0, len(X), ROWS):
        yield X[start : start + ROWS]
