"""Feed alerts: feeds that are silent, late, disagree or surge, by the counts of all partitions.

Every worker reads all counts and computes the same states; the worker that owns the first partition
publishes the alerts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.monitor.cloud_event import cloud_event
from streamsim.consumers.monitor.feed_counts import Counts, Disagreement, read_counts
from streamsim.consumers.monitor.surges import Usual
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.codec import format_times
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Outbound
from streamsim.streams.spec.feed_watch import FeedWatch
from streamsim.streams.spec.spans import HOUR

KEPT = 200
"""How many of the latest alerts a worker publishes again when it takes over."""
MOST = 1_000
"""Most feeds that are tracked; of more, those with the least weight are dropped."""
ALONE = 0.95
"""A feed with a larger share of all units cannot be found silent: the others are too few to
compare."""


class Trouble(StrEnum):
    """The rule of a feed's alert."""

    SILENT = "feed_silent"
    LATE = "feed_late"
    DISAGREES = "feed_disagrees"
    SURGES = "traffic_spike"
    RECOVERED = "feed_recovered"


@dataclass(frozen=True, slots=True)
class FeedAlert:
    """One alert: its rule, feed, clock (ms), sentence and figures."""

    trouble: Trouble
    feed: str
    at: int
    seen: str
    facts: dict[str, Any]


@dataclass(slots=True)
class _Feed:
    """State of a feed: units with exponential decay, last clock, and which alerts are raised."""

    weight: float = 0.0
    last: int = NO_TIME
    missed: float = 0.0
    silent: bool = False
    late: bool = False
    usual: Usual | None = None


class FeedStates:
    """All feeds of a domain, up to the clock that all partitions have published."""

    def __init__(self, watch: FeedWatch, partitions: int) -> None:
        self._watch = watch
        self._covered = np.full(partitions, NO_TIME)
        self._counts: Counts = {}
        self._sure: list[Disagreement] = []
        self._feeds: dict[str, _Feed] = {}
        self._now = NO_TIME
        self._learnt = 0
        self.alerts: deque[FeedAlert] = deque(maxlen=KEPT)

    @property
    def complete(self) -> int:
        """The clock up to which all partitions have published (ms)."""
        return int(self._covered.min())

    def apply(self, value: bytes | None) -> list[FeedAlert]:
        """Apply a record of feed counts; return the alerts that it completes.

        Raises
        ------
        ForeignRecordError
            If it is none.
        """
        p, until, counts, sure = read_counts(value)
        if not 0 <= p < len(self._covered):
            raise ForeignRecordError(f"no partition {p}")
        covered = int(self._covered[p])
        if until <= covered:
            return []
        for key, own in counts.items():
            if key[0] >= covered:
                sums = self._counts.setdefault(key, [0, 0, 0])
                self._counts[key] = [a + b for a, b in zip(sums, own, strict=True)]
        self._sure += [one for one in sure if one[0] > covered]
        self._covered[p] = until
        complete = self.complete
        found: list[FeedAlert] = []
        for at in sorted({at for at, _ in self._counts if at < complete}):
            found += self._bucket(at)
        found += self._disagreeing(complete)
        self.alerts.extend(found)
        return found

    def snapshot(self) -> Columns:
        """Return the whole state: empty states that restore it are equal to these."""
        feeds = {
            name: (f.weight, f.last, f.missed, f.silent, f.late, f.usual and f.usual.snapshot())
            for name, f in self._feeds.items()
        }
        counts = [(at, name, *sums) for (at, name), sums in self._counts.items()]
        return {
            "covered": self._covered,
            "clock": np.array([self._now, self._learnt]),
            "rest": [
                orjson.dumps(what).decode()
                for what in (feeds, counts, self._sure, [astuple(one) for one in self.alerts])
            ],
        }

    def restore(self, parts: Parts) -> None:
        """Restore empty states from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is no snapshot of these states.
        """
        self._covered[:] = parts.ints("covered")
        self._now, self._learnt = parts.ints("clock").tolist()
        feeds, counts, sure, alerts = map(orjson.loads, parts.texts("rest"))
        for name, (*own, usual) in feeds.items():
            self._feeds[name] = feed = _Feed(*own)
            if usual is not None and self._watch.surge is not None:
                feed.usual = Usual(self._watch.surge, self._watch.bucket)
                feed.usual.restore(usual)
        self._counts = {(at, name): sums for at, name, *sums in counts}
        self._sure = [tuple(one) for one in sure]
        self.alerts.extend(FeedAlert(Trouble(rule), *own) for rule, *own in alerts)

    def _bucket(self, at: int) -> list[FeedAlert]:
        """Process the counts of all feeds in one bucket."""
        watch, end = self._watch, at + self._watch.bucket
        own = {name: self._counts.pop((at, name)) for t, name in list(self._counts) if t == at}
        for name in sorted(own):
            if name not in self._feeds:
                usual = Usual(watch.surge, watch.bucket) if watch.surge else None
                self._feeds[name] = _Feed(usual=usual)
        total = sum(units for units, _, _ in own.values())
        weights = sum(feed.weight for feed in self._feeds.values())
        found: list[FeedAlert] = []
        for name, feed in self._feeds.items():
            units, events, late = own.get(name, (0, 0, 0))
            if feed.usual is not None and feed.usual.take(at, units):
                found += self._surge(name, feed.usual, end, units)
            if events:
                found += self._sent(name, feed, end)
                found += self._lateness(name, feed, end, events, late)
            elif self._learnt >= watch.learn and feed.weight < ALONE * weights:
                feed.missed += total * feed.weight / (weights - feed.weight)
                found += self._missing(name, feed, end)
        fade = 0.5 ** ((at - self._now) / watch.half_life) if self._now != NO_TIME else 1.0
        for name, feed in self._feeds.items():
            feed.weight = feed.weight * fade + own.get(name, (0,))[0]
        self._now, self._learnt = at, self._learnt + total
        if len(self._feeds) > MOST:
            heaviest = sorted(self._feeds.items(), key=lambda item: (-item[1].weight, item[0]))
            self._feeds = dict(sorted(heaviest[:MOST]))
        return found

    def _sent(self, name: str, feed: _Feed, end: int) -> list[FeedAlert]:
        was, feed.silent, feed.missed, feed.last = feed.silent, False, 0.0, end
        return [_recovered(name, end, "it sends again")] if was else []

    def _missing(self, name: str, feed: _Feed, end: int) -> list[FeedAlert]:
        if feed.silent or feed.missed < self._watch.expected:
            return []
        feed.silent = True
        since = _spelled(feed.last)
        seen = f"nothing since {since}, when {feed.missed:.0f} were to be expected"
        facts = {"since": since, "expected": round(feed.missed, 1)}
        return [FeedAlert(Trouble.SILENT, name, end, seen, facts)]

    def _lateness(
        self, name: str, feed: _Feed, end: int, events: int, late: int
    ) -> list[FeedAlert]:
        watch, share = self._watch, late / events
        if not feed.late and events >= watch.late_least and share >= watch.late_share:
            feed.late = True
            hours = watch.behind / HOUR
            seen = f"{late:,} of {events:,} events were older than {hours:g} hours as they came"
            facts = {"events": events, "late": late}
            return [FeedAlert(Trouble.LATE, name, end, seen, facts)]
        if feed.late and share < watch.late_share / 2:
            feed.late = False
            return [_recovered(name, end, "what it sends is in time again")]
        return []

    def _surge(self, name: str, usual: Usual, end: int, units: int) -> list[FeedAlert]:
        if not usual.surging:
            return [_recovered(name, end, "as much comes as is usual again")]
        hours, expected = self._watch.bucket / 3_600_000, usual.expected
        seen = f"{units:,} came within {hours:g} h, when {expected:,.0f} are usual"
        facts = {"units": units, "usual": round(expected, 1)}
        return [FeedAlert(Trouble.SURGES, name, end, seen, facts)]

    def _disagreeing(self, complete: int) -> list[FeedAlert]:
        due = sorted(one for one in self._sure if one[0] <= complete)
        self._sure = [one for one in self._sure if one[0] > complete]
        grouped: dict[tuple[int, str, str], list[Disagreement]] = {}
        for row in due:
            grouped.setdefault((row[0], row[2], row[3]), []).append(row)
        found = []
        for (at, one, other), rows in grouped.items():
            _, about, _, _, own, its = rows[0]
            more = f", and {len(rows) - 1:,} more" if len(rows) > 1 else ""
            seen = f"{about}: {own:,} by {one} and {its:,} by {other}{more}"
            facts = {"with": one, "example": about, "own": its, "other": own, "differ": len(rows)}
            found.append(FeedAlert(Trouble.DISAGREES, other, at, seen, facts))
        return found


def _recovered(name: str, end: int, seen: str) -> FeedAlert:
    return FeedAlert(Trouble.RECOVERED, name, end, seen, {})


def _spelled(time: int) -> str:
    return str(format_times(np.array([time]))[0])[:16].replace("T", " ")


def feed_alerts(domain: str, alert: FeedAlert) -> list[Outbound]:
    """Write an alert as a CloudEvent."""
    at = format_times(np.array([alert.at]))[0]
    body: dict[str, Any] = {
        "rule": alert.trouble,
        "severity": "resolved" if alert.trouble is Trouble.RECOVERED else "warning",
        "feed": alert.feed,
        "seen": alert.seen,
        "facts": alert.facts,
        "why": [],
        "event_time": at,
    }
    place = f"{domain}:{alert.feed}:{alert.facts.get('with', '')}:{alert.at}"
    return [cloud_event(domain, alert.trouble, place, alert.feed, max(alert.at, 0), body)]
