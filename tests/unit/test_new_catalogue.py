"""A catalogue that turns over at a known time, and a cohort of users that turns with it."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import orjson
import pytest

from streamsim.streams.calendar import EPOCH
from streamsim.streams.codec import parse_times
from streamsim.streams.domains.technology.catalogue import ALL, GENRES, Offer, genres, on_offer
from streamsim.streams.domains.technology.simulate import OPTIONS, world
from streamsim.streams.domains.technology.viewers import FASHION, Viewers
from streamsim.streams.spec import DAY
from streamsim.streams.spec.world_changes import WorldChange

AT = 6
CHANGE = WorldChange("new_catalogue", "", float(AT))


def test_titles_go_and_as_many_others_come_at_its_day() -> None:
    offer = Offer(1, CHANGE, {**OPTIONS, "change_titles": 0.6})
    assert [offer.count(day) for day in range(AT)] == [on_offer(day) for day in range(AT)]
    assert not offer.withdrawn(AT - 1).any()
    there = on_offer(AT)
    assert offer.count(AT) - there == int(0.6 * there)
    gone = offer.withdrawn(AT)
    assert len(gone) == offer.count(AT)
    assert 0.5 < gone[:there].mean() < 0.7
    assert not gone[there:].any()
    assert (offer.age(AT)[there:] == 0).all()
    assert (offer.age(AT + 9)[there : there + 100] == 9).all()
    assert (offer.age(AT)[:there] == Offer(1, CHANGE, OPTIONS).age(AT)[:there]).all()


def test_the_ramp_withdraws_title_after_title() -> None:
    offer = Offer(1, WorldChange("", "", 6.0, 10.0), OPTIONS)
    gone = [set(np.flatnonzero(offer.withdrawn(day)).tolist()) for day in range(6, 18)]
    assert gone[0] == set()
    assert all(a < b for a, b in pairwise(gone[:11]))
    assert gone[10] == gone[11]


@pytest.mark.parametrize("day", [0, 100, 2_000])
def test_an_offer_that_stays_is_that_of_the_catalogue(day: int) -> None:
    offer = Offer(1, WorldChange("", "", 0.0), {**OPTIONS, "months_ago": 2.0})
    assert offer.count(day) == on_offer(day - 60) <= ALL
    assert not offer.withdrawn(day).any()


def test_nobody_plays_a_title_that_has_gone_and_new_ones_are_told_before_they_are_played() -> None:
    made = world(4, {"users": 120.0, "defects": 0.0, "change_day": float(AT)})
    slices = list(islice(made.slices(), 12 * 24))
    views, titles = (
        [
            orjson.loads(value)
            for piece in slices
            for emission in piece.emissions
            if emission.source == source
            for value in emission.values
        ]
        for source in ("views", "catalogue")
    )
    told = dict(
        zip(
            (body["title_no"] for body in titles),
            parse_times([body["event_time"] for body in titles]).tolist(),
            strict=True,
        )
    )
    onset = EPOCH + AT * DAY
    assert sum(at == onset for at in told.values()) > 250
    gone = set((np.flatnonzero(made.offer.withdrawn(AT)) + 1).tolist())
    begun = [body for body in views if body["action"] == "start"]
    times = parse_times([body["event_time"] for body in begun]).tolist()
    early = [body["title_no"] for body, at in zip(begun, times, strict=True) if at < onset]
    # Who began late in the evening goes on after midnight: those plays are of the day before.
    late = [
        body["title_no"] for body, at in zip(begun, times, strict=True) if at >= onset + DAY // 2
    ]
    assert gone & set(early)
    assert not gone & set(late)
    assert max(late) > on_offer(AT) + 1
    assert all(told[body["title_no"]] <= at for body, at in zip(begun, times, strict=True))


def test_the_cohort_turns_to_the_genres_of_the_fashion_and_the_others_stay() -> None:
    still = Viewers(5, 400, 0.0)
    turning = Viewers(5, 400, 0.0, CHANGE, 0.5)
    for day in range(AT + 1):
        assert (turning.taste == still.taste).all()
        still.begin(day)
        turning.begin(day)
    turned = (turning.taste != still.taste).any(axis=1)
    assert 0.42 < turned.mean() < 0.58
    wanted = [GENRES.index(name) for name in FASHION]
    liked = (turning.taste @ genres().T).argmax(axis=1)
    assert np.isin(liked[turned], wanted).mean() > 0.8 > np.isin(liked[~turned], wanted).mean()
    tastes = turning.taste.copy()
    turning.begin(AT + 1)
    assert (turning.taste == tastes).all()
