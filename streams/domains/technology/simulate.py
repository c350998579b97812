"""Technology: seeded world of a video service: users, views and premieres.

Users watch mostly in the evening. They choose titles from the home page, by browsing or by a
search, and finish the titles that suit them. New titles are released; some are premieres with
several times the usual traffic. Planted, each with its onset on ``technology.truth``: the changes
of users (:mod:`streamsim.streams.domains.technology.viewers`), and ``spike`` for premieres.

At a known time the catalogue can turn over (:mod:`streamsim.streams.domains.technology.catalogue`),
and a cohort of users with it (:mod:`streamsim.streams.domains.technology.viewers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from streamsim.streams.calendar import EPOCH, weekday
from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import Floats, Ints, as_objects
from streamsim.streams.outgoing import Outgoing, between
from streamsim.streams.seeds import stream
from streamsim.streams.spec import DAY, HOUR, MINUTE
from streamsim.streams.spec.world import Emission, Slice
from streamsim.streams.spec.world_changes import CHANGE, WorldChange

from .catalogue import Catalogue, Offer, catalogue, released
from .home import SHOWN, HomePage
from .playing import Plays, views_of
from .profiles import Profiles
from .schema import VIEWS
from .viewers import KINDS, Change, Viewers

OPTIONS: Mapping[str, float] = {
    "users": 600,
    "changes": 1.0,
    "feedback": 0.5,
    "defects": 1.0,
    "months_ago": 0.0,
    **CHANGE,
    "change_titles": 0.6,
    "change_tastes": 0.5,
}
"""Size of the world, rate of user changes (0: none), weight of the home page in choices (0 to 1),
rate of feed defects (0: none), and how much younger the catalogue is (months of 30 days).

When the world changes (:data:`streamsim.streams.spec.world_changes.CHANGE`), the share of the
titles that go in the end, as many others having come, and the share of the users whose tastes turn
(0 to 1)."""

_WEEK = np.array([0.9, 0.85, 0.9, 0.95, 1.15, 1.3, 1.2])
_MOST = 6
"""Most titles that a user begins on one day."""
_PREMIERE = 1 / 9
"""Chance per day that the newest title is a premiere."""
_TRAFFIC = 2.5
_LIKING, _SAGA, _AGAIN = 6.0, 2.5, -5.0
_SEARCHES = 0.15
_TWICE, _LATE, _TOO_LATE, _BROKEN = 0.003, 0.01, 0.0003, 0.0008


@dataclass(slots=True)
class TechnologyWorld:
    """The world of one seed; iterate over :meth:`slices` once."""

    seed: int
    options: Mapping[str, float]
    change: WorldChange = field(init=False)
    viewers: Viewers = field(init=False)
    offer: Offer = field(init=False)
    titles: Catalogue = field(init=False)
    _home: HomePage = field(init=False)
    _profiles: Profiles = field(init=False)
    _free_at: Ints = field(init=False)
    _boost: Floats = field(init=False)
    _waiting: list[Outgoing] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        users = int(self.options["users"])
        self.change = WorldChange.of(
            "new_catalogue",
            "many titles go and others come, and a cohort of users turns to other genres",
            self.options,
            whole_days=True,
        )
        self.viewers = Viewers(
            self.seed, users, self.options["changes"], self.change, self.options["change_tastes"]
        )
        self.offer = Offer(self.seed, self.change, self.options)
        self.titles = catalogue()
        self._home = HomePage(users, self.titles)
        self._profiles = Profiles(self.seed, self.viewers, EPOCH)
        self._free_at = np.zeros(users, np.int64)
        self._boost = np.zeros(len(self.titles))

    def slices(self) -> Iterator[Slice]:
        """Yield the events without end, an hour at a time; outcomes are added by ``collect``."""
        day, listed = 0, 0
        while True:
            start = EPOCH + day * DAY
            count = self.offer.count(day)
            changes, premiere = self.viewers.begin(day), self._premiere(day, count)
            self._waiting.append(self._views(day, start, count, premiere))
            others = (
                released(listed, count, start),
                self._profiles.changes(day),
                self._truth(start, changes, count if premiere else None),
            )
            listed = count
            for hour in range(24):
                until = start + (hour + 1) * HOUR
                lines, rest = Outgoing.concat(self._waiting).split(until)
                self._waiting = [rest]
                views = lines.emission(VIEWS.name)
                events = (between(e, until - HOUR, until) for e in others)
                changed = self.change.truth(EPOCH, until - HOUR, until)
                yield Slice(until, (views, *events, *changed))
            day += 1

    def _premiere(self, day: int, count: int) -> bool:
        """Return whether the newest title has its premiere today; its appeal fades by the day."""
        self._boost *= 0.6
        premiere = bool(stream(self.seed, "premieres", day).random() < _PREMIERE)
        if premiere:
            self._boost[count - 1] = 5.0
        return premiere

    def _views(self, day: int, start: int, count: int, premiere: bool) -> Outgoing:
        """Simulate the views of a day, one title after the other per user."""
        viewers, home = self.viewers, self._home
        draw = stream(self.seed, "sessions", day)
        factor = _WEEK[weekday(start)] * (_TRAFFIC if premiere else 1.0)
        plays = np.minimum(draw.poisson(viewers.pace(day) * factor), _MOST)
        hour = draw.normal(viewers.evening, 1.0)
        early = draw.random(viewers.users) < 0.25
        hour = np.where(early, draw.uniform(9, 18, viewers.users), hour)
        if premiere:
            hour = np.where(draw.random(viewers.users) < 0.6, draw.normal(20.2, 0.3), hour)
        begin = start + (np.clip(hour, 0.5, 23.5) * HOUR).astype(np.int64)
        now = np.maximum(begin, self._free_at + 10 * MINUTE)
        pages = home.pages(self.offer.withdrawn(day))
        rounds = []
        for turn in range(_MOST):
            users = np.flatnonzero(plays > turn)
            if not len(users):
                break
            rounds.append(self._play(day, turn, users, now, pages[users], count))
            now[users] = rounds[-1].end + draw.integers(MINUTE, 12 * MINUTE, len(users))
            self._free_at[users] = rounds[-1].end
        played = Plays.concat(rounds)
        time, user, values = views_of(played, self.titles, viewers, self.seed, day, count)
        key = as_objects(u.encode() for u in viewers.user_id[user])
        return self._sent(day, Outgoing(time, time.copy(), key, as_objects(values)))

    def _play(self, day: int, turn: int, users: Ints, now: Ints, pages: Ints, count: int) -> Plays:
        """Simulate a play of each of these users: the choice of a title and the view."""
        viewers, titles, n = self.viewers, self.titles, len(users)
        draw = stream(self.seed, "choices", day, turn)
        taste = viewers.tastes(users, draw.random(n) < 0.5)
        liking = taste @ titles.traits[:count].T
        fresh = 1.2 * np.exp(-self.offer.age(day) / 10) + self._boost[:count]
        last = np.where(self._home.last[users] >= 0, titles.saga[self._home.last[users]], -1)
        worth = _LIKING * viewers.focus[users, None] * liking + titles.appeal[:count] + fresh
        worth += _SAGA * ((titles.saga[:count] == last[:, None]) & (last[:, None] >= 0))
        worth += _AGAIN * self._home.seen(users, count)
        worth += draw.gumbel(size=worth.shape)
        worth[:, self.offer.withdrawn(day)] = -np.inf
        anywhere = worth.argmax(axis=1)
        shown = np.take_along_axis(worth, pages, axis=1) - 0.1 * np.arange(SHOWN)
        best = np.take_along_axis(pages, shown.argmax(axis=1)[:, None], axis=1)[:, 0]
        at_home = draw.random(n) < self.options["feedback"] * viewers.suggestible[users] * 1.6
        title = np.where(at_home, best, anywhere)
        searched = ~at_home & (draw.random(n) < _SEARCHES)
        fit = liking[np.arange(n), title] - 1.8 * viewers.decline(day)[users]
        done = draw.random(n) < 1 / (1 + np.exp(-(0.2 + 3.0 * fit)))
        share = np.where(done, draw.uniform(0.92, 1.0, n), draw.beta(1.2, 2.0, n) * 0.9)
        self._home.watched(users, title, share)
        watched = np.maximum(titles.length_min[title] * share * MINUTE, MINUTE).astype(np.int64)
        rated = draw.random(n) < 0.12
        stars = np.clip(np.round(3 + 2.2 * fit + draw.normal(0, 0.7, n)), 1, 5).astype(np.int64)
        return Plays(
            users, title, now[users], watched, share, at_home, searched, np.where(rated, stars, 0)
        )

    def _sent(self, day: int, lines: Outgoing) -> Outgoing:
        """Make some events late, duplicate or broken."""
        n, bad = len(lines.time), self.options["defects"]
        draw = stream(self.seed, "defects", day)
        late, chance = draw.random(n) ** 2 * HOUR, draw.random(n)
        delay = np.where(chance < _LATE * bad, late, 0.0)
        delay = np.where(chance < _TOO_LATE * bad, HOUR + MINUTE + late, delay)
        lines.clock = lines.clock + delay.astype(np.int64)
        for row in np.flatnonzero(draw.random(n) < _BROKEN * bad).tolist():
            lines.value[row] = lines.value[row][: len(lines.value[row]) // 2]
            lines.key[row] = None
        twice = lines.take(np.flatnonzero(draw.random(n) < _TWICE * bad))
        twice.clock = twice.clock + draw.integers(1, 20 * MINUTE, len(twice.time))
        return Outgoing.concat([lines, twice])

    def _truth(self, start: int, changes: list[Change], premiere: int | None) -> Emission:
        """Write the truth of a day: changes of users that begin, and a premiere."""
        rows = [
            (KINDS[c.kind], str(self.viewers.user_id[c.user]), None, EPOCH + c.until * DAY)
            for c in changes
        ]
        if premiere is not None:
            rows.append(("spike", None, f"t{premiere:04d}", start + DAY))  # type: ignore[arg-type]
        kind, user, title, until = zip(*rows, strict=True) if rows else ((),) * 4
        time = np.full(len(rows), start, np.int64)
        about = [u or t for u, t in zip(user, title, strict=True)]
        values = encode_objects(
            {
                "event_id": [f"truth-{k}-{a}-{start}" for k, a in zip(kind, about, strict=True)],
                "event_time": format_times(time),
                "kind": kind,
                "user_id": user,
                "title_id": title,
                "onset": format_times(time),
                "until": format_times(np.array(until, np.int64)),
            }
        )
        return Emission("truth", time, time, [a.encode() for a in about], values)


def world(seed: int, options: Mapping[str, float]) -> TechnologyWorld:
    """Return the world of that seed; options that are not given have their defaults."""
    return TechnologyWorld(seed, {**OPTIONS, **options})
