"""Technology: home page of the simulated service: popular titles, and titles like those liked.

The page changes what is watched, and so what is popular: a feedback loop.
"""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask

from .catalogue import Catalogue

SHOWN = 10
AGAIN = 20
"""Number of other titles after which one may be watched again."""
_RECENT = 0.9
"""Decay of a liked title's weight per later title."""
_FADES = 0.8
"""Decay of popularity per day."""


class HomePage:
    """The pages of all users, computed once a day."""

    def __init__(self, users: int, titles: Catalogue) -> None:
        self._titles = titles
        self._liked = np.zeros((users, titles.traits.shape[1]))
        self._popular = np.zeros(len(titles))
        self._plays = np.zeros(users, np.int64)
        self._seen_at = np.full((users, len(titles)), -AGAIN)
        self.last: Ints = np.full(users, -1)

    def watched(self, users: Ints, titles: Ints, share: Floats) -> None:
        """Record the share of a title that each user has watched; a user occurs once."""
        own = self._titles.traits[titles] * share[:, None]
        self._liked[users] = _RECENT * self._liked[users] + own
        self._plays[users] += 1
        self._seen_at[users, titles] = self._plays[users]
        self.last[users] = titles
        np.add.at(self._popular, titles, 1.0)

    def seen(self, users: Ints | slice, count: int) -> Mask:
        """Return which of the first ``count`` titles each user has seen recently."""
        recent: Mask = self._plays[users, None] - self._seen_at[users, :count] < AGAIN
        return recent

    def pages(self, withdrawn: Mask) -> Ints:
        """Return the page of every user, the best first, shape ``(users, SHOWN)``.

        ``withdrawn`` tells which of the titles are offered no more.
        """
        count = len(withdrawn)
        size = np.maximum(np.linalg.norm(self._liked, axis=1, keepdims=True), 1e-9)
        alike = (self._liked / size) @ self._titles.traits[:count].T
        worth = 2.0 * alike + 0.5 * np.log1p(self._popular[:count])
        worth[self.seen(slice(None), count)] -= 6.0
        worth[:, withdrawn] = -np.inf
        self._popular *= _FADES
        return np.argsort(-worth, axis=1, kind="stable")[:, :SHOWN]
