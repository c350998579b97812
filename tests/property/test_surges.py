"""Surges: for any daily profile, only a count far above it is a surge."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.surges import Usual
from streamsim.streams.spec import HOUR
from streamsim.streams.spec.feed_watch import Surge
from tests.property.examples import examples

SURGE = Surge()
PROFILES = st.lists(st.integers(0, 300), min_size=24, max_size=24)
STARTS = st.integers(0, 1_000_000).map(lambda hour: hour * HOUR)


@examples(0.5)
@given(profile=PROFILES, start=STARTS, seed=st.integers(0, 2**32), more=st.integers(4, 30))
def test_a_days_own_shape_is_none_and_far_more_is_one(
    profile: list[int], start: int, seed: int, more: int
) -> None:
    draw, usual = np.random.default_rng(seed), Usual(SURGE, HOUR)
    busiest = int(np.argmax(profile))
    moment = 20 * 24 + (busiest - start // HOUR) % 24
    for hour in range(moment):
        mean = profile[(start // HOUR + hour) % 24]
        assert not usual.take(start + hour * HOUR, int(draw.poisson(mean)))
    came = profile[busiest] * more
    told = usual.take(start + moment * HOUR, came)
    assert told or profile[busiest] < SURGE.least


@examples(0.5)
@given(counts=st.lists(st.integers(0, 400), min_size=30 * 24, max_size=30 * 24), start=STARTS)
def test_buckets_in_which_nothing_came_need_not_be_told(counts: list[int], start: int) -> None:
    """The exception is a surge that ends in a skipped bucket: the next bucket reports its end."""
    told, left = Usual(SURGE, HOUR), Usual(SURGE, HOUR)
    for hour, units in enumerate(counts):
        at = start + hour * HOUR
        told.take(at, units)
        if units:
            left.take(at, units)
            assert left.surging is told.surging
