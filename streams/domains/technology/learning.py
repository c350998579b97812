"""Technology: renewal of the recommender from the stream, by its co-view counts.

A watched title is counted with the titles that its user had played before, as in training: the
counts are a sum over such rows. Older counts fade, so the weights follow tastes, and titles that
are newer than the training data can be recommended, unless it had more titles than get weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from streamsim.streams.errors import ModelError
from streamsim.streams.events import Events, Ints
from streamsim.streams.spec import DAY, Estimator, Renewal

from .history import Histories
from .numbering import MOST_TITLES
from .recommender import SlateClassifier
from .schema import STOP, WATCHED

FADE = 0.8
"""Decay of the co-view counts per cut."""
FORGOTTEN = 0.5
"""Decay of the counts of plays per cut: popularity changes faster."""
BEFORE = 1_000
"""Number of plays that the champion's popularity is worth at the beginning of the stream."""


class WatchedTitles:
    """Learner of watched titles; see :class:`streamsim.streams.spec.renewals.Learning`."""

    def __init__(self, champion: SlateClassifier) -> None:
        self._champion, self._histories = champion, Histories()
        self._slots: dict[str, int] = {}
        self._seen = champion.seen()
        self._plays = champion.popularity_ * BEFORE

    def learn(self, events: Events) -> None:
        """Learn the events between two cuts, in order."""
        titles = self._histories.update(self._slots_of(events), events)["titles"]
        title, share = events.integers("title_no"), np.asarray(events.columns["share"], np.float64)
        watched = np.equal(events.columns["action"], STOP) & (np.nan_to_num(share) >= WATCHED)
        place = self._champion.columns(title)
        watched &= (place >= 0) & (place < MOST_TITLES)
        rows, place = self._champion.columns(titles[watched].astype(np.int64)), place[watched]
        row, column = np.nonzero((rows >= 0) & (rows < MOST_TITLES))
        seen = rows[row, column]
        size = 1 + max(int(seen.max(initial=-1)), int(place.max(initial=-1)))
        size = max(len(self._seen.views), size)
        matrix = sparse.csr_array((np.ones(len(row)), (row, seen)), shape=(len(rows), size))
        self._seen.add(matrix, FADE)
        plays = np.bincount(place, minlength=size).astype(np.float64)
        plays[: len(self._plays)] += FORGOTTEN * self._plays
        self._plays = plays

    def renewed(self) -> Estimator:
        """Return the champion with what has been learnt."""
        total = max(float(self._plays.sum()), 1.0)
        return self._champion.renewed(self._seen, self._plays / total)

    def snapshot(self) -> dict[str, Ints | list[str]]:
        """Return what has been learnt; numbers with fractions stand as the bits of a float64."""
        histories = self._histories.snapshot(np.arange(len(self._slots)))
        return {
            "user": list(self._slots),
            "gram": self._seen.gram.ravel().view(np.int64),
            "views": self._seen.views.view(np.int64),
            "users": np.array([self._seen.users]),
            "plays": self._plays.view(np.int64),
            **{name: _bits(rows) for name, rows in histories.items()},
        }

    def restore(self, columns: Mapping[str, Ints | list[str]]) -> None:
        """Restore a snapshot.

        Raises
        ------
        KeyError, ValueError
            If it is no snapshot of watched titles.
        """
        floats = {
            name: np.ascontiguousarray(columns[name], np.int64).view(np.float64).copy()
            for name in ("gram", "views", "plays")
        }
        size = len(floats["views"])
        self._seen.gram, self._seen.views = floats["gram"].reshape(size, size), floats["views"]
        self._seen.users, self._plays = int(columns["users"][0]), floats["plays"]
        self._slots = {str(user): slot for slot, user in enumerate(columns["user"])}
        slots = np.arange(len(self._slots))
        like = self._histories.snapshot(slots)
        self._histories.restore(
            slots, {name: _like(rows, columns[name]) for name, rows in like.items()}
        )

    def _slots_of(self, events: Events) -> Ints:
        """Return the slot of each event's user."""
        users, place = np.unique(events.entity.astype(str), return_inverse=True)
        slots = [self._slots.setdefault(user, len(self._slots)) for user in users.tolist()]
        return np.array(slots, np.int64)[place]


def _bits(rows: npt.NDArray[Any]) -> Ints:
    """Return rows of any numbers as int64, to be read by :func:`_like`."""
    flat = np.ascontiguousarray(rows).ravel()
    return flat.view(np.int64) if flat.dtype == np.float64 else flat.astype(np.int64)


def _like(rows: npt.NDArray[Any], bits: Ints | list[str]) -> npt.NDArray[Any]:
    """Return the numbers of a snapshot in the shape and type of others."""
    flat = np.ascontiguousarray(bits, np.int64)
    numbers = flat.view(np.float64) if rows.dtype == np.float64 else flat.astype(rows.dtype)
    return numbers.reshape(rows.shape)


def begin(champion: Estimator) -> WatchedTitles:
    """Begin to learn.

    Raises
    ------
    ModelError
        If the champion is no :class:`SlateClassifier`, or was stored without its counts.
    """
    if not isinstance(champion, SlateClassifier) or not hasattr(champion, "gram_"):
        raise ModelError(
            f"a {type(champion).__name__} like this cannot be renewed; "
            "train it anew: streamsim train technology"
        )
    return WatchedTitles(champion)


RENEWAL = Renewal(
    every=7 * DAY,
    lead=2 * DAY,
    columns=("action", "title_no", "share"),
    begin=begin,
)
