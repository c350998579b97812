"""Feeds: silent where others send, late, or of another opinion; and well again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsim.consumers.monitor.feed_alerts import MOST, FeedStates, feed_alerts
from streamsim.consumers.monitor.feed_counts import MOST_FEEDS, MOST_SURE, FeedCounts, read_counts
from streamsim.consumers.state.store import Parts
from streamsim.streams.events import Events, as_objects
from streamsim.streams.spec.feed_watch import FeedWatch
from tests.snapshots import restored

HOUR = 3_600_000
WATCH = FeedWatch(
    "vendor", "opens", learn=50, expected=7.5, same=("basket",), value="cents", settle=2 * HOUR
)
Line = tuple[int, int, int, str, str, int]
"""Partition, clock, how much older the event is, vendor, basket, cents."""


def lines(rows: Sequence[Line]) -> tuple[Events, np.ndarray]:  # type: ignore[type-arg]
    p, clock, age, vendor, basket, cents = zip(*rows, strict=True)
    time, nothing = np.array(clock), np.array(p)
    columns = {
        "vendor": as_objects(vendor),
        "basket": as_objects(basket),
        "opens": np.ones(len(rows), np.int64),
        "cents": np.array(cents),
    }
    ids = as_objects(map(str, range(len(rows))))
    found = Events(
        "tills", np.array(p), nothing, time - np.array(age), time, time, ids, ids, columns
    )
    return found, time


def told(rows: Sequence[Line], hours: int, partitions: int = 2) -> list[tuple[str, str, int]]:
    """Return the alerts: what, of which feed, at which hour."""
    counts, states = FeedCounts("shop", WATCH, partitions), FeedStates(WATCH, partitions)
    found = []
    for hour in range(hours + 1):
        due = [row for row in rows if hour * HOUR <= row[1] < (hour + 1) * HOUR]
        if due:
            counts.add(*lines(due))
        for record in counts.close(np.full(partitions, (hour + 1) * HOUR)):
            assert record.value is not None
            found += states.apply(record.value)
            assert states.apply(record.value) == []  # a repeat says nothing new
        latest, states = list(states.alerts), restored(FeedStates(WATCH, partitions), states)
        assert list(states.alerts) == latest
    return [(alert.trouble.value, alert.feed, alert.at // HOUR) for alert in found]


def steady(hours: range, vendors: str, each: int = 4) -> list[Line]:
    return [
        (n % 2, hour * HOUR + n, 0, vendor, f"{vendor}{hour}-{n}", 100)
        for hour in hours
        for vendor in vendors
        for n in range(each)
    ]


def test_all_is_well() -> None:
    assert told(steady(range(40), "abc"), 40) == []


def test_nobody_misses_anything_at_night() -> None:
    assert told(steady(range(10), "abc") + steady(range(30, 40), "abc"), 40) == []


def test_a_feed_is_silent_while_the_others_send() -> None:
    rows = steady(range(20), "abc") + steady(range(20, 26), "ab") + steady(range(26, 30), "abc")
    # Four an hour are usual: after two hours nearly eight were to be expected.
    assert told(rows, 30) == [("feed_silent", "c", 22), ("feed_recovered", "c", 27)]


def test_a_feed_alone_is_not_missed() -> None:
    assert told(steady(range(20), "a") + steady(range(60, 64), "a"), 64) == []


def test_a_feed_that_sends_what_it_held_back_is_late() -> None:
    held: list[Line] = [(0, 20 * HOUR + n, 3 * HOUR, "c", f"h{n}", 100) for n in range(12)]
    rows = steady(range(20), "abc") + steady(range(20, 21), "ab") + held
    rows += steady(range(21, 25), "abc")
    assert told(rows, 25) == [("feed_late", "c", 21), ("feed_recovered", "c", 22)]


def test_two_feeds_disagree_about_a_basket() -> None:
    rows = steady(range(8), "abc")
    rows += [(1, 3 * HOUR, 0, "a", "x", 250), (1, 3 * HOUR, 0, "a", "x", 50)]
    rows += [(1, 4 * HOUR, 0, "b", "x", 310), (1, 3 * HOUR, 0, "a", "y", 70)]
    rows += [(1, 4 * HOUR, 0, "b", "y", 70)]
    assert told(rows, 9) == [("feed_disagrees", "b", 6)]


def test_the_alert_says_what_each_told() -> None:
    counts, states = FeedCounts("shop", WATCH, 1), FeedStates(WATCH, 1)
    counts.add(*lines([(0, 0, 0, "a", "x", 250), (0, 1, 0, "b", "x", 310)]))
    (record,) = counts.close(np.array([5 * HOUR]))
    assert record.value is not None
    (alert,) = states.apply(record.value)
    (event,) = feed_alerts("shop", alert)
    assert alert.seen == "x: 250 by a and 310 by b"
    assert event.topic == "shop.alerts"
    assert dict(event.headers)["ce_id"] == b"feed_disagrees:shop:b:a:10800000"


def test_what_comes_after_all_was_told_is_another_matter() -> None:
    """A basket of the same name, a day later: the tills count from one again."""
    rows: list[Line] = [(0, 0, 0, "a", "x", 250), (0, 30 * HOUR, 0, "b", "x", 310)]
    assert told(rows, 40, partitions=1) == []


def test_what_is_kept_goes_on_to_the_same_end() -> None:
    rows = [*steady(range(4), "ab"), (0, HOUR, 0, "a", "x", 1), (0, 2 * HOUR, 0, "b", "x", 2)]
    counts = FeedCounts("shop", WATCH, 2)
    counts.add(*lines(sorted(rows, key=lambda row: row[1])))
    counts.close(np.array([2 * HOUR, 3 * HOUR]))
    again = FeedCounts("shop", WATCH, 2)
    for p in range(2):
        again.restore(p, Parts([counts.snapshot(p)]))
    ends = np.full(2, 9 * HOUR)
    one, other = counts.close(ends), again.close(ends)
    assert [read_counts(r.value or b"") for r in one] == [
        read_counts(r.value or b"") for r in other
    ]


def test_feeds_with_any_names_take_no_more_than_their_room() -> None:
    """A sender may give itself any name and any numbers."""
    counts, states = FeedCounts("shop", WATCH, 1), FeedStates(WATCH, 1)
    for hour in range(12):
        counts.add(*lines([(0, hour * HOUR, 0, f"v{hour}-{n}", "x", n) for n in range(500)]))
    rows = [(0, 12 * HOUR, 0, v, f"b{n}", i) for n in range(500) for i, v in enumerate("ab")]
    counts.add(*lines(rows))
    for record in counts.close(np.array([20 * HOUR])):
        _, _, counted, sure = read_counts(record.value or b"")
        assert len(counted) == 12 * MOST_FEEDS + 2
        assert all(len([s for s in sure if s[0] == at]) <= MOST_SURE for at, *_ in sure)
        states.apply(record.value or b"")
    assert len(states._feeds) == MOST
