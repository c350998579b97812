"""Surges: more than is usual at that time of the day, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from streamsim.consumers.monitor.feed_alerts import FeedStates, feed_alerts
from streamsim.consumers.monitor.feed_counts import FeedCounts
from streamsim.consumers.monitor.surges import CALM, Usual
from streamsim.simulator.report.surge_alerts import surge_quality
from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Events, as_objects
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.spec.feed_watch import FeedWatch, Surge
from tests.snapshots import restored

SURGE = Surge(period=DAY, learn=5 * DAY, half_life=7 * DAY, times=2.0, sure=6.0, least=30)
MONDAY = 19_723 * DAY
"""2024-01-01."""


def evening(at: int) -> int:
    """Ten an hour by day, a hundred at eight in the evening, none at night."""
    return {20: 100}.get(at // HOUR % 24, 10) if at // HOUR % 24 >= 8 else 0


def changes(
    counts: Callable[[int], int], days: int, surge: Surge = SURGE, start: int = MONDAY
) -> list[tuple[int, int, bool]]:
    """Day, hour and what is the case from then on, of each change."""
    usual, found = Usual(surge, HOUR), []
    for at in range(start, start + days * DAY, HOUR):
        units = counts(at)
        if units and usual.take(at, units):
            found.append(((at - start) // DAY, at // HOUR % 24, usual.surging))
    return found


def test_an_evening_is_no_surge() -> None:
    assert changes(evening, 30) == []


def test_four_times_the_evening_is_one_and_it_ends() -> None:
    def premiere(at: int) -> int:
        return evening(at) * (4 if at in range(MONDAY + 12 * DAY, MONDAY + 13 * DAY) else 1)

    # Four times ten are more than is usual and more than chance: by day it begins.
    assert changes(premiere, 20) == [(12, 8, True), (13, 8, False)]


def test_what_would_be_usual_in_the_evening_is_a_surge_in_the_morning() -> None:
    def early(at: int) -> int:
        return 100 if at == MONDAY + 10 * DAY + 9 * HOUR else evening(at)

    assert changes(early, 15) == [(10, 9, True), (10, 9 + CALM, False)]


@pytest.mark.parametrize(
    ("surge", "count"),
    [
        (SURGE, 199),  # not twice as many
        (Surge(learn=5 * DAY, times=1.1, sure=20.0), 290),  # by chance, for all that is known
        (Surge(learn=5 * DAY, least=500), 500),  # not worth a word
        (Surge(learn=11 * DAY), 1_000),  # not learnt yet
    ],
)
def test_what_is_no_surge(surge: Surge, count: int) -> None:
    def counts(at: int) -> int:
        return count if at == MONDAY + 10 * DAY + 20 * HOUR else evening(at)

    assert changes(counts, 15, surge) == []


def test_a_saturday_is_usual_where_the_week_is_the_period() -> None:
    def busy(at: int) -> int:
        return evening(at) * (5 if at // DAY % 7 == MONDAY // DAY % 7 else 1)

    weekly = Surge(period=7 * DAY, learn=14 * DAY, half_life=28 * DAY)
    assert changes(busy, 60, weekly) == []
    assert changes(busy, 60)


def test_a_feed_that_scatters_is_believed_less() -> None:
    """What is three times the mean once a fortnight at random is seen to be its way."""
    draw = np.random.default_rng(3)
    wild = {at: int(draw.negative_binomial(1.2, 0.012)) for at in range(0, 400 * DAY, HOUR)}
    surge = Surge(times=1.5, sure=8.0, learn=7 * DAY, half_life=28 * DAY)
    told = changes(lambda at: wild[at - MONDAY], 400, surge)
    began = sum(surging for *_, surging in told)
    assert began < 40  # of 9,600 buckets, of which 1,200 are more than twice the mean
    calm = {at: int(draw.poisson(98)) for at in range(0, 400 * DAY, HOUR)}
    assert changes(lambda at: calm[at - MONDAY], 400, surge) == []


def test_a_surge_that_stays_becomes_usual() -> None:
    found = changes(lambda at: evening(at) * (4 if at >= MONDAY + 10 * DAY else 1), 60)
    assert found[0] == (10, 8, True)
    assert found[-1][2] is False
    assert 12 < found[-1][0] < 40


def test_after_a_long_silence_what_is_usual_is_learnt_anew() -> None:
    def counts(at: int) -> int:
        day = (at - MONDAY) // DAY
        return 0 if 10 <= day < 20 else evening(at) * (1 if day < 10 else 9)

    assert changes(counts, 40) == []


def test_a_short_silence_is_part_of_what_is_usual() -> None:
    """Nothing for two days makes less usual of those hours, not nothing."""

    def counts(at: int) -> int:
        return 0 if 10 <= (at - MONDAY) // DAY < 12 else evening(at)

    assert changes(counts, 20) == []
    usual = Usual(SURGE, HOUR)
    for at in range(MONDAY, MONDAY + 14 * DAY, HOUR):
        if counts(at):
            usual.take(at, counts(at))
    assert usual.expected < 10  # the last was at eleven at night, when ten are usual


WATCH = FeedWatch(column="", unit="opens", surge=SURGE)


def hourly(hours: Iterable[tuple[int, int]]) -> list[tuple[str, str, int, str]]:
    """What is told, of whom, at which hour, of counts by hours in two partitions."""
    counts, states = FeedCounts("shop", WATCH, 2), FeedStates(WATCH, 2)
    found = []
    for hour, n in hours:
        time = np.full(2 * n, MONDAY + hour * HOUR)
        columns = {"opens": np.arange(2 * n) % 2}
        ids = as_objects(map(str, range(2 * n)))
        p = np.arange(2 * n) // 2 % 2
        events = Events("views", p, p, time, time, time, ids, ids, columns)  # type: ignore[arg-type]
        counts.add(events, time)
        for record in counts.close(np.full(2, MONDAY + (hour + 1) * HOUR)):
            assert record.value is not None
            found += states.apply(record.value)
        if hour % 24 == 0:
            states = restored(FeedStates(WATCH, 2), states)
    for alert in found:
        (record,) = feed_alerts("shop", alert)
        assert dict(record.headers)["ce_subject"] == b"views"
    return [(a.trouble.value, a.feed, (a.at - MONDAY) // HOUR, a.seen) for a in found]


def test_all_partitions_together_are_one_feed_and_units_are_counted() -> None:
    told = hourly((hour, 160 if hour == 200 else 40) for hour in range(210))
    assert told == [
        ("traffic_spike", "views", 201, "160 came within 1 h, when 40 are usual"),
        ("feed_recovered", "views", 204, "as much comes as is usual again"),
    ]


@pytest.mark.parametrize(
    "options", [{"times": 1.0}, {"sure": 0.0}, {"learn": HOUR}, {"period": 0}, {"least": -1}]
)
def test_a_surge_that_could_not_be_told_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Surge(**options)  # type: ignore[arg-type]


def test_a_period_has_whole_buckets() -> None:
    with pytest.raises(UsageError, match="must be a multiple of the bucket"):
        FeedWatch("vendor", "opens", bucket=7 * HOUR, surge=SURGE)


def test_surges_are_judged_by_what_was_planted_once_it_could_be_known() -> None:
    technology = load_domain("technology")
    epoch = technology.world.epoch

    def times(*days: float) -> list[str]:
        return format_times(np.array([epoch + int(day * DAY) for day in days]))

    truth = encode_objects(
        {
            "kind": ["spike", "spike", "spike", "spike", "drifting_away"],
            "onset": times(3, 10, 20, 39, 15),
            "until": times(4, 11, 21, 41, 18),
        }
    )
    alerts = encode_objects(
        {
            "rule": ["traffic_spike"] * 4 + ["feed_recovered", "engagement_drop"],
            "event_time": times(3.9, 10.8, 10.9, 16, 10.95, 10.5),
        }
    )
    found = surge_quality(technology, alerts, truth, epoch + 40 * DAY)
    # The first was too early to be found, the last is not over; of the two between one was.
    assert found == {
        "alerts": 4,
        "planted": 2,
        "precision": 0.75,
        "recall": 0.5,
        "chance_precision": 0.1,
    }
    assert surge_quality(load_domain("retail"), alerts, truth, epoch) is None
    nothing = surge_quality(technology, [], [], epoch)
    assert nothing is not None
    assert (nothing["alerts"], nothing["precision"], nothing["recall"]) == (0, None, None)
