"""Windows over a key's past: every answer is compared with a scan of all that came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.featurize.history import History
from streamsim.consumers.featurize.key_index import KeyIndex
from streamsim.streams.events import NO_TIME

Event = tuple[int, int, int]  # key, time, value


def scan(events: list[Event], key: int, start: int, end: int) -> list[int]:
    return [value for k, time, value in events if k == key and start <= time < end]


@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 99)), max_size=12),
        max_size=25,
    ),
    length=st.integers(1, 120),
)
def test_windows_equal_a_scan(batches: list[list[Event]], length: int) -> None:
    history = History(columns=1, span=120)
    events: list[Event] = []
    now = 0
    for batch in batches:
        batch = sorted((key, now + time, value) for key, time, value in batch)
        now += 31
        if batch:
            keys, times, values = (np.array(column) for column in zip(*batch, strict=True))
            history.append(keys, times, values[:, None])
        events += batch
        asked = np.arange(4)
        for at in (now - 31, now - 15, now):
            here = history.before(asked, np.full(4, at))
            start = history.before(asked, np.full(4, at - length))
            inside = [scan(events, key, at - length, at) for key in range(4)]
            assert (here - start).tolist() == [len(i) for i in inside]
            sums = (history.sums(here) - history.sums(start))[:, 0]
            assert sums.tolist() == [sum(i) for i in inside]


@given(st.permutations(list(range(40))))
def test_order_of_insertion_does_not_matter(order: list[int]) -> None:
    history = History(columns=1, span=1_000)
    for time in order:
        history.insert(np.array([0]), np.array([time]), np.array([[time * time]]))
    slots = np.zeros(41, np.intp)
    positions = history.before(slots, np.arange(41))
    assert history.sums(positions)[:, 0].tolist() == [
        sum(t * t for t in range(until)) for until in range(41)
    ]


def test_many_keys_growing_at_different_paces_do_not_disturb_each_other() -> None:
    rng = np.random.default_rng(5)
    history, total = History(columns=2, span=10**9), np.zeros((50, 2), np.int64)
    for step in range(60):
        keys = np.sort(rng.zipf(1.3, 200).clip(max=50) - 1)
        values = rng.integers(0, 1000, (200, 2))
        history.append(keys, np.full(200, step), values)
        np.add.at(total, keys, values)
        slots = np.arange(50)
        sums = history.sums(history.before(slots, np.full(50, step + 1)))
        assert (sums == total).all()


def test_what_no_window_can_reach_is_forgotten() -> None:
    history = History(columns=1, span=100)
    for time in range(0, 50_000, 10):
        history.append(np.array([0]), np.array([time]), np.array([[1]]))
    assert history.rows < 64


def test_a_hot_key_keeps_only_its_latest_rows() -> None:
    history = History(columns=1, span=10**12, keep=100)
    for time in range(5_000):
        history.append(np.array([0]), np.array([time]), np.array([[1]]))
    assert history.rows < 1_000
    end = history.before(np.array([0]), np.array([5_000]))
    assert history.times(end - 99).tolist() == [4_900]


def test_an_unknown_key_has_no_past() -> None:
    history = History(columns=1, span=100)
    slots = np.array([7])
    assert history.newest(slots).tolist() == [NO_TIME]
    assert (history.before(slots, np.array([50])) == history.before(slots, np.array([0]))).all()


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "b", "a"]])
def test_key_index_numbers_keys_once(keys: list[str]) -> None:
    index = KeyIndex()
    first = index.slots(keys)
    assert index.slots(keys).tolist() == first.tolist()
    assert index.find([*keys, "never"]).tolist() == [*first.tolist(), -1]
