"""Technology: simulated preferences of users, and their changes."""

from __future__ import annotations

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.world import Emission

from .catalogue import GENRES
from .schema import PREFERENCES
from .viewers import Viewers

LANGUAGES = ("en", "es", "fr", "de", "ja")
_CHANGE = 1 / 90
"""Chance per user and day of a change."""


class Profiles:
    """The preferences; call :meth:`changes` for each day in turn."""

    def __init__(self, seed: int, viewers: Viewers, epoch: int) -> None:
        self._seed, self._viewers, self._epoch = seed, viewers, epoch
        n, draw = viewers.users, stream(seed, "preferences")
        self._on_file = draw.random(n) < 0.6
        self._language = draw.choice(len(LANGUAGES), n, p=[0.5, 0.2, 0.12, 0.12, 0.06])
        honest = draw.random(n) < 0.75
        self._favourite = np.where(honest, viewers.favourite, draw.integers(len(GENRES), size=n))
        self._household = 1 + draw.binomial(4, 0.3, n)
        self._autoplay = draw.random(n) < 0.6

    def changes(self, day: int) -> Emission:
        """Return the changes of a day; the first day has all existing preferences."""
        n, start = self._viewers.users, self._epoch + day * DAY
        draw = stream(self._seed, "profiles", day)
        change, what = draw.random(n) < _CHANGE, draw.random(n)
        at = start + draw.integers(8 * HOUR, 23 * HOUR, n)
        other = draw.integers(len(GENRES), size=n)
        if day == 0:
            rows, at = np.flatnonzero(self._on_file), np.full(n, start)
        else:
            rows = np.flatnonzero(change)
            self._on_file[rows] = True
            flips, likes = rows[what[rows] < 0.5], rows[what[rows] >= 0.5]
            self._autoplay[flips] = ~self._autoplay[flips]
            self._favourite[likes] = other[likes]
        rows = rows[np.argsort(at[rows], kind="stable")]
        who, time = self._viewers.user_id[rows], at[rows]
        values = encode_objects(
            {
                "event_id": [f"profile-{u}-{day}" for u in who],
                "event_time": format_times(time),
                "user_id": who,
                "language": [LANGUAGES[x] for x in self._language[rows].tolist()],
                "favourite": [GENRES[g] for g in self._favourite[rows].tolist()],
                "household": self._household[rows].tolist(),
                "autoplay": self._autoplay[rows].astype(int).tolist(),
            }
        )
        return Emission(PREFERENCES.name, time, time, [u.encode() for u in who], values)
