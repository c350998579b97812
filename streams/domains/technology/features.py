"""Technology: features of a viewing event, from its user's plays.

The first columns are the user's history: numbers of titles, the newest first, -1 for none. The
recommender ranks titles by them. The other columns predict how likely anything is played.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.streams.calendar import weekday
from streamsim.streams.events import NO_TIME, Events, Floats, Matrix
from streamsim.streams.feature_columns import coded, numbers, ratio, versions
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.feature_vector import UNKNOWN, Aggregates, FeatureSpec

from .catalogue import GENRES
from .history import TITLES
from .schema import ACTIONS, SPANS

HISTORY = tuple(f"title_{i}" for i in range(1, TITLES + 1))
OFFERED = "catalogue_size"

_OF_ALL = (OFFERED, "hour", "weekend")
"""Features that are the same for all users."""
_COUNTED = ("plays", "sessions", "finished_trend", "watched_trend", "on_file")
"""Features that are 0 for a new user; the others are unknown."""

_MONTH = len(SPANS) - 1
_DAYS = tuple(f"{span // DAY}d" for span in SPANS)
_SPOKEN = tuple(f"{span // DAY} days" for span in SPANS)
_CODES: Mapping[str, Mapping[Any, float]] = {
    "action": {name: i for i, name in enumerate(ACTIONS)},
    "device": {"tv": 0, "phone": 1, "tablet": 2, "web": 3},
    "origin": {"home": 0, "search": 1, "browse": 2},
    "favourite": {name: i for i, name in enumerate(GENRES)},
    "language": {"en": 0, "es": 1, "fr": 2, "de": 3, "ja": 4},
}

_HELP = {
    **{name: f"number of the title that was played {i} before, -1 for none"
       for i, name in enumerate(HISTORY)},
    OFFERED: "titles on offer",
    "action": "what was done: 0 start, 1 progress, 2 stop, 3 rating, 4 search",
    "device": "0 television, 1 phone, 2 tablet, 3 browser, -1 if not known",
    "origin": "where it was found: 0 home page, 1 search, 2 elsewhere, -1 if not known",
    "share": "share of the title that has been watched, -1 if not told",
    "hour": "hour of the day, UTC",
    "weekend": "1 on Saturday and Sunday, UTC",
    **{f"plays_{d}": f"titles that the user began in the last {d}" for d in _DAYS},
    **{f"finished_{d}": f"share of these that was finished, -1 without one ({d})" for d in _DAYS},
    **{f"pace_{d}": f"plays a day in {d} over those in 28 days, -1 without one"
       for d in _DAYS[:_MONTH]},
    "finished_trend": "finished_3d less finished_28d, 0 if not known",
    "watched_fast": "mean share watched of the last few titles, -1 if not known",
    "watched_slow": "the same of the last twenty or so",
    "watched_trend": "watched_fast less watched_slow",
    "gap": "days since the user began a title before, -1 if none",
    "gap_fast": "mean days between the last few plays, -1 if not known",
    "gap_slow": "the same of the last twenty or so",
    "gap_trend": "gap_fast over gap_slow, -1 if not known",
    "sessions": "sessions so far",
    "plays": "titles begun so far",
    "on_file": "1 if the user has set preferences",
    "favourite": "favourite genre as the user says, -1 if not known",
    "language": "of the menus, -1 if not known",
    "household": "how many watch on the account, -1 if not known",
    "autoplay": "1 if the next title begins by itself, 0 if not, -1 if not known",
}  # fmt: skip


def assemble(events: Events, aggregates: Aggregates) -> Floats:
    """Compute the features, shape ``(n_events, n_features)``."""
    plays, finishes = (aggregates.windows[name] for name in ("plays", "finishes"))
    history = aggregates.tracked["history"]
    said = aggregates.joins["preferences"]
    time, count = events.event_time, plays.total
    finished = ratio(finishes.total, count)
    per_day = count / np.array([span / DAY for span in SPANS])
    fast, slow, gap_fast, gap_slow = history["averages"].T
    share = np.asarray(events.columns["share"], np.float64)
    known = (count[:, 0] > 0) & (count[:, _MONTH] > 0)
    return np.column_stack(
        [
            history["titles"],
            events.integers("catalogue_size"),
            *(coded(events.strings(name), _CODES[name]) for name in ("action", "device", "origin")),
            np.where(np.isnan(share), UNKNOWN, share),
            time // HOUR % 24,
            weekday(time) >= 5,
            count,
            finished,
            ratio(per_day[:, :_MONTH], per_day[:, _MONTH, None]),
            np.where(known, finished[:, 0] - finished[:, _MONTH], 0.0),
            fast,
            slow,
            fast - slow,
            history["gap"],
            gap_fast,
            gap_slow,
            ratio(gap_fast, gap_slow),
            history["counts"],
            said.time != NO_TIME,
            *(coded(said.columns[name], _CODES[name]) for name in ("favourite", "language")),
            *(numbers(said.columns[name]) for name in ("household", "autoplay")),
        ]
    )


def cold_start(rows: Matrix) -> Matrix:
    """Return the features of a new user at the same times."""
    found = np.full_like(rows, UNKNOWN)
    for place, name in enumerate(_HELP):
        if name in _OF_ALL:
            found[:, place] = rows[:, place]
        elif name.startswith(_COUNTED):
            found[:, place] = 0.0
    return found


def lineage(aggregates: Aggregates) -> list[dict[str, Any]]:
    """Return the version of the user's preferences that each event was joined to."""
    return [{"preferences": at} for at in versions(aggregates.joins)["preferences"]]


def _all(prefix: str, days: tuple[str, ...] = _DAYS) -> tuple[str, ...]:
    return tuple(f"{prefix}_{d}" for d in days)


FEATURES = FeatureSpec(
    names=tuple(_HELP),
    assemble=assemble,
    lineage=lineage,
    help=_HELP,
    groups={
        "pace of plays": ("gap_trend", *_all("pace", _DAYS[:_MONTH]), "gap_fast", "gap_slow",
                          "gap", *_all("plays")),
        "watched to the end": ("watched_trend", "finished_trend", "watched_fast", "watched_slow",
                               *_all("finished")),
        "how long known": ("plays", "sessions", "on_file"),
        "preferences": ("favourite", "language", "household", "autoplay"),
        "this event": ("action", "share", "device", "origin"),
        "time": ("hour", "weekend"),
    },
    phrases={
        "gap_trend": "{value:.1f} times as long between plays as before, usually {usual:.1f}",
        "gap_fast": "{value:.1f} days between the last plays, usually {usual:.1f}",
        "gap": "{value:.1f} days since the play before, usually {usual:.1f}",
        "watched_trend": "{value:+.0%} in the share of a title that is watched, against before",
        "watched_fast": "{value:.0%} watched of the last titles, usually {usual:.0%}",
        "finished_trend": "{value:+.0%} in the share of titles finished, 3 days against 28",
        "hour": "at {value:.0f} h UTC, usually at {usual:.0f} h",
        "weekend": "at the weekend",
        "plays": "{value:,.0f} titles so far, usually {usual:,.0f}",
        **{f"pace_{d}": f"{{value:.1f}} times as many plays in {s} as in 28, usually {{usual:.1f}}"
           for d, s in zip(_DAYS[:_MONTH], _SPOKEN, strict=False)},
        **{f"plays_{d}": f"{{value:,.0f}} plays in {s}, usually {{usual:,.0f}}"
           for d, s in zip(_DAYS, _SPOKEN, strict=True)},
        **{f"finished_{d}": f"{{value:.0%}} finished in {s}, usually {{usual:.0%}}"
           for d, s in zip(_DAYS, _SPOKEN, strict=True)},
    },
    unknown={
        "gap": "no play before",
        "gap_fast": "no two plays yet",
        "gap_slow": "no two plays yet",
        "gap_trend": "no two plays yet",
        "watched_fast": "nothing watched yet",
        "watched_slow": "nothing watched yet",
        **{f"finished_{d}": f"nothing played in {s}"
           for d, s in zip(_DAYS, _SPOKEN, strict=True)},
        **{f"pace_{d}": "nothing played in 28 days" for d in _DAYS[:_MONTH]},
    },
)  # fmt: skip
