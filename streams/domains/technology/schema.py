"""Technology: schemas of viewing events, titles, preferences and outcomes."""

from __future__ import annotations

import numpy as np

from streamsim.streams.events import Columns, Ints
from streamsim.streams.spec import DAY, HOUR, MINUTE, Field, Kind, Role, SourceSpec
from streamsim.streams.spec.features import AsOfJoin, Windows
from streamsim.streams.spec.feed_watch import FeedWatch, Surge

HORIZON = DAY
"""Time after an event within which the next watched title must begin (ms)."""

WATCHED = 0.5
"""Least share of a title for it to count as watched."""

LONGEST = 4 * HOUR
"""Longest view of a title (ms)."""

LATENESS = HOUR
"""Allowed lateness of a viewing event (ms)."""

LABEL_DELAY = HORIZON + LONGEST + LATENESS
"""Time after an event when its next watched title is known at the latest (ms)."""

SPANS = (3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY)
"""Lengths of the windows over a user's events (ms)."""

PAUSE = 30 * MINUTE
"""Inactivity after which a user's next event begins a new session (ms)."""

FINISHED = 0.9
"""Share of a title from which it counts as finished."""

START, PROGRESS, STOP, RATE, SEARCH = "start", "progress", "stop", "rate", "search"
ACTIONS = (START, PROGRESS, STOP, RATE, SEARCH)

_USER = Field("user_id", Kind.STRING, "user", max_length=40)
HIGHEST = 1 << 24
"""Highest number of a title: features are float32, which holds no higher one exactly."""
_TITLE = Field("title_no", Kind.INTEGER, "number of the title, 0 for none", low=0, high=HIGHEST)


def is_start(views: Columns) -> Ints:
    """Return 1 where a title begins to play: their sum counts plays."""
    return np.equal(views["action"], START).astype(np.int64)


def is_finish(views: Columns) -> Ints:
    """Return 1 where a finished title stops."""
    share = np.asarray(views["share"], np.float64)
    done = np.equal(views["action"], STOP) & (np.nan_to_num(share, nan=0.0) >= FINISHED)
    return done.astype(np.int64)


VIEWS = SourceSpec(
    name="views",
    role=Role.TRIGGER,
    key="user_id",
    help="what users do: start, progress and stop of titles, ratings and searches",
    fields=(
        _USER,
        Field("action", Kind.STRING, ", ".join(ACTIONS), max_length=20),
        _TITLE,
        Field("watched_s", Kind.INTEGER, "watched of the title so far", low=0, unit="s"),
        Field("share", Kind.NUMBER, "the same as a share of its length", False, low=0, high=1),
        Field("rating", Kind.NUMBER, "stars, of a rating", False, low=0, high=10),
        Field("catalogue_size", Kind.INTEGER, "titles on offer, numbered from 1", low=0),
        Field("genre", Kind.STRING, "of the title", required=False, max_length=40),
        Field("length_min", Kind.INTEGER, "of the title, 0 without one", low=0, unit="min"),
        Field("device", Kind.STRING, "what it is watched on", required=False, max_length=20),
        Field("origin", Kind.STRING, "where it was found", required=False, max_length=20),
        Field("query", Kind.STRING, "of a search", required=False, max_length=100),
        Field("session_id", Kind.STRING, "evening of a user", required=False, max_length=60),
    ),
    allowed_lateness=LATENESS,
    max_ahead=DAY,
    remember=DAY,
    derived={"is_start": is_start, "is_finish": is_finish},
)

CATALOGUE = SourceSpec(
    name="catalogue",
    role=Role.CONTEXT,
    key="title_id",
    help="titles as they come on offer; views carry what is needed of them",
    fields=(
        Field("title_id", Kind.STRING, "title", max_length=40),
        Field("title_no", Kind.INTEGER, "its number, from 1, in order of release", low=1),
        Field("genre", Kind.STRING, "what it mostly is", max_length=40),
        Field("second_genre", Kind.STRING, "and what else", required=False, max_length=40),
        Field("year", Kind.INTEGER, "when it was made", low=1880, high=2200),
        Field("length_min", Kind.INTEGER, "how long it is", low=1, unit="min"),
    ),
    max_ahead=DAY,
    remember=DAY,
)

PREFERENCES = SourceSpec(
    name="preferences",
    role=Role.CONTEXT,
    key="user_id",
    help="what users say of themselves, and change",
    fields=(
        _USER,
        Field("language", Kind.STRING, "of the menus", required=False, max_length=10),
        Field("favourite", Kind.STRING, "genre that they say they like", required=False),
        Field("household", Kind.INTEGER, "how many watch on the account", low=1, high=20),
        Field("autoplay", Kind.INTEGER, "1 if the next title begins by itself", low=0, high=1),
    ),
    allowed_lateness=HOUR,
    max_ahead=DAY,
    remember=DAY,
)

OUTCOMES = SourceSpec(
    name="outcomes",
    role=Role.LABEL,
    key="user_id",
    help="what was watched next after a viewing event: begun within a day, and half of it seen",
    fields=(
        _USER,
        Field("view_id", Kind.STRING, "event_id of the viewing event"),
        Field("next_title", Kind.INTEGER, "number of the title, 0 if nothing was watched", low=0),
    ),
    max_ahead=DAY,
    remember=DAY,
)

PLAYS = Windows("plays", "user_id", "is_start", SPANS)
FINISHES = Windows("finishes", "user_id", "is_finish", SPANS)

TRAFFIC = FeedWatch(
    column="",
    unit="is_start",
    surge=Surge(kinds=("spike",)),
)
"""All views: more in the evening and at the weekend is usual."""

PREFERENCE = AsOfJoin(
    "preferences",
    ("language", "favourite", "household", "autoplay"),
    # Preferences count three hours later, so that no event waits for them.
    delay=3 * HOUR,
)
