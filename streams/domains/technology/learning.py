"""Technology: what the recommender learns from the stream: what is watched after what.

A title that has been watched counts with the titles that its user had played before, as in
training: what goes with what is a sum over such rows. What is older fades, so that the weights
follow tastes, and titles that were not there in training come to be recommended.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from streamsim.streams.errors import ModelError
from streamsim.streams.events import Events, Ints
from streamsim.streams.spec import DAY, Estimator, Renewal

from .co_views import CoViews
from .history import Histories
from .recommender import SlateClassifier
from .schema import STOP, WATCHED

FADE = 0.8
"""What has been counted counts so much a cut later."""
FORGOTTEN = 0.5
"""The same of how often titles have been played: what is popular changes faster."""
BEFORE = 1_000
"""Before the stream begins, what is popular is taken to be known from so many plays."""
MOST_TITLES = 4_000
"""Of titles beyond this number nothing is learnt: the weights are one matrix in memory."""


class WatchedTitles:
    """What has been watched, cut by cut; see :class:`streamsim.streams.spec.renewals.Learning`."""

    def __init__(self, champion: SlateClassifier) -> None:
        self._champion, self._histories = champion, Histories()
        self._slots: dict[str, int] = {}
        self._seen = champion.seen()
        self._plays = champion.popularity_ * BEFORE

    def learn(self, events: Events) -> None:
        """Take in the events between two cuts, in order."""
        titles = self._histories.update(self._slots_of(events), events)["titles"]
        title, share = events.integers("title_no"), np.asarray(events.columns["share"], np.float64)
        watched = np.equal(events.columns["action"], STOP) & (np.nan_to_num(share) >= WATCHED)
        watched &= (title >= 1) & (title <= MOST_TITLES)
        rows, title = titles[watched], title[watched]
        row, column = np.nonzero((rows >= 1) & (rows <= MOST_TITLES))
        number = rows[row, column].astype(np.int64)
        size = max(len(self._seen.views), int(number.max(initial=0)), int(title.max(initial=0)))
        matrix = sparse.csr_array((np.ones(len(row)), (row, number - 1)), shape=(len(rows), size))
        self._seen.add(CoViews.of(matrix), FADE)
        plays = np.bincount(title - 1, minlength=size).astype(np.float64)
        plays[: len(self._plays)] += FORGOTTEN * self._plays
        self._plays = plays

    def renewed(self) -> Estimator:
        """Return the champion with what has been learnt."""
        total = max(float(self._plays.sum()), 1.0)
        return self._champion.renewed(self._seen, self._plays / total)

    def _slots_of(self, events: Events) -> Ints:
        """Return a number for each event's user."""
        users, place = np.unique(events.entity.astype(str), return_inverse=True)
        slots = [self._slots.setdefault(user, len(self._slots)) for user in users.tolist()]
        return np.array(slots, np.int64)[place]


def begin(champion: Estimator) -> WatchedTitles:
    """Begin to learn.

    Raises
    ------
    ModelError
        If the champion is no recommender of ours, or of a time when its counts were not kept.
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
