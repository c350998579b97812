"""Technology: events of simulated plays: start, progress, stop, rating, search."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.seeds import stream
from streamsim.streams.spec import MINUTE

from .catalogue import GENRES, Catalogue
from .schema import ACTIONS, PROGRESS, RATE, SEARCH, START, STOP
from .viewers import Viewers

_DEVICES = ("tv", "phone", "tablet", "web")
_LONG = 25 * MINUTE
"""Length of a view from which it has a progress event (ms)."""


@dataclass(frozen=True, slots=True)
class Plays:
    """Plays, one row each: user, title, begin, length, and where the title was found.

    ``stars`` is 0 without a rating; ``begin`` and ``watched`` are in ms.
    """

    user: Ints
    title: Ints
    begin: Ints
    watched: Ints
    share: Floats
    at_home: Mask
    searched: Mask
    stars: Ints

    @property
    def end(self) -> Ints:
        """When each stopped (ms)."""
        return self.begin + self.watched

    @classmethod
    def concat(cls, parts: list[Plays]) -> Plays:
        """Concatenate plays."""
        if not parts:
            none, no = np.empty(0, np.int64), np.empty(0, bool)
            return cls(none, none, none, none, np.empty(0), no, no, none)
        names = (field.name for field in fields(cls))
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def views_of(
    plays: Plays, titles: Catalogue, viewers: Viewers, seed: int, day: int, count: int
) -> tuple[Ints, Ints, list[bytes]]:
    """Write the events of a day's plays, in order of time.

    Returns
    -------
    Time (ms), user and JSON of each event.
    """
    draw = stream(seed, "events", day)
    n = len(plays.user)
    device = draw.choice(4, n, p=[0.55, 0.25, 0.08, 0.12])
    part = draw.uniform(0.3, 0.8, n)
    before, after = draw.integers(5_000, 50_000, n), draw.integers(2_000, 40_000, n)
    all_, long = np.arange(n), np.flatnonzero(plays.watched > _LONG)
    rated, searched = np.flatnonzero(plays.stars > 0), np.flatnonzero(plays.searched)
    so_far = (plays.watched * part).astype(np.int64)
    blocks: list[tuple[str, Ints, Ints, Ints]] = [
        (SEARCH, searched, plays.begin - before, np.zeros(n, np.int64)),
        (START, all_, plays.begin, np.zeros(n, np.int64)),
        (PROGRESS, long, plays.begin + so_far, so_far),
        (STOP, all_, plays.end, plays.watched),
        (RATE, rated, plays.end + after, plays.watched),
    ]
    play = np.concatenate([rows for _, rows, _, _ in blocks])
    code = np.repeat([ACTIONS.index(a) for a, *_ in blocks], [len(b[1]) for b in blocks])
    time = np.concatenate([at[rows] for _, rows, at, _ in blocks])
    watched = np.concatenate([w[rows] for *_, rows, _, w in blocks])
    order = np.lexsort((code, plays.user[play], time))
    play, code, time, watched = play[order], code[order], time[order], watched[order]
    search = code == ACTIONS.index(SEARCH)
    title = np.where(search, -1, plays.title[play])
    length = np.where(search, 0, titles.length_min[plays.title[play]])
    share = np.where(code == ACTIONS.index(PROGRESS), (plays.share * part)[play], plays.share[play])
    has_share = (code == ACTIONS.index(PROGRESS)) | (code == ACTIONS.index(STOP))
    origin = np.where(plays.at_home, 0, np.where(plays.searched, 1, 2))[play]
    genre = [GENRES[g] for g in titles.genre[plays.title[play]].tolist()]
    hidden = search.tolist()
    who = viewers.user_id[plays.user[play]]
    columns: dict[str, Any] = {
        "event_id": [f"v-{day:05d}-{i:06d}" for i in range(len(play))],
        "event_time": format_times(time),
        "user_id": who,
        "action": [ACTIONS[c] for c in code.tolist()],
        "title_no": (title + 1).tolist(),
        "watched_s": (watched // 1000).tolist(),
        "share": _where(has_share, np.round(share, 3).tolist()),
        "rating": _where(code == ACTIONS.index(RATE), plays.stars[play].tolist()),
        "catalogue_size": [count] * len(play),
        "genre": [None if no else g for no, g in zip(hidden, genre, strict=True)],
        "length_min": length.tolist(),
        "device": [_DEVICES[d] for d in device[play].tolist()],
        "origin": [("home", "search", "browse")[o] for o in origin.tolist()],
        "query": [g if no else None for no, g in zip(hidden, genre, strict=True)],
        "session_id": [f"{u}-{day}" for u in who],
    }
    return time, plays.user[play], encode_objects(columns)


def _where(mask: Mask, values: list[Any]) -> list[Any]:
    return [v if t else None for t, v in zip(mask.tolist(), values, strict=True)]
