"""Windows of a key's history equal a scan of all its events, after any batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.featurize.windows import WindowState
from streamsim.streams.events import NO_TIME, as_objects
from streamsim.streams.spec.features import Windows
from tests.property.examples import examples

SLACK = 3
LENGTHS = (2, 9)
Row = tuple[str, int, int]  # key, how much later than the key's newest, value

ROWS = st.tuples(st.sampled_from("aab"), st.integers(-SLACK, 4), st.integers(-9, 9))
BATCHES = st.lists(st.lists(ROWS, max_size=12), max_size=12)


@examples(2.5)
@given(batches=BATCHES, keep=st.integers(1, 6) | st.just(900))
def test_windows_equal_a_scan_if_nothing_is_older_than_the_slack(
    batches: Sequence[Sequence[Row]], keep: int
) -> None:
    state = WindowState(Windows("w", "k", "v", LENGTHS, keep), SLACK, 2)
    came: list[Row] = []
    newest: dict[str, int] = {}
    for batch in batches:
        expected, rows = [], []
        for key, later, value in batch:
            time = newest.get(key, 0) + later
            newest[key] = max(newest.get(key, 0), time)
            expected.append(scan(came, key, time, keep))
            came.append((key, time, value))
            rows.append((key, time, value))
        keys, times, values = zip(*rows, strict=True) if rows else ((), (), ())
        place = np.zeros(len(rows), int)
        past = state.observe(place, as_objects(keys), np.array(times, int), np.array(values, int))
        found = zip(past.count, past.total, past.squares, past.last, strict=True)
        assert [(*(a.tolist() for a in sums), int(last)) for *sums, last in found] == expected


def scan(
    came: Sequence[Row], key: str, time: int, keep: int
) -> tuple[list[int], list[int], list[int], int]:
    past = sorted(((t, v) for k, t, v in came if k == key and t < time), key=lambda row: row[0])
    windows = [[v for t, v in past[-keep:] if t >= time - length] for length in LENGTHS]
    last = [t for t, _ in past if t >= time - max(LENGTHS)]
    return (
        [len(w) for w in windows],
        [sum(w) for w in windows],
        [sum(v * v for v in w) for w in windows],
        last[-1] if last else NO_TIME,
    )


JUMPS = st.lists(st.tuples(st.integers(0, 20), st.lists(ROWS, max_size=6)), max_size=20)


@examples(2.5)
@given(batches=JUMPS)
def test_keys_without_events_in_a_window_are_forgotten_and_nothing_else(
    batches: Sequence[tuple[int, Sequence[Row]]],
) -> None:
    state = WindowState(Windows("w", "k", "v", LENGTHS, 900), SLACK + 4, 2)
    came: list[Row] = []
    now = 0
    for jump, batch in batches:
        now += jump
        rows = [(key, now + later, value) for key, later, value in batch]
        expected = []
        for key, time, value in rows:
            expected.append(scan(came, key, time, 900))
            came.append((key, time, value))
        keys, times, values = zip(*rows, strict=True) if rows else ((), (), ())
        place = np.zeros(len(rows), int)
        past = state.observe(place, as_objects(keys), np.array(times, int), np.array(values, int))
        found = zip(past.count, past.total, past.squares, past.last, strict=True)
        assert [(*(a.tolist() for a in sums), int(last)) for *sums, last in found] == expected
        asks_from = now - SLACK
        state.forget(0, asks_from)
        newest = {key: max(t for k, t, _ in came if k == key) for key in {k for k, _, _ in came}}
        assert len(state) == sum(t >= asks_from - max(LENGTHS) for t in newest.values())


def test_what_an_event_may_still_need_is_not_forgotten() -> None:
    state = WindowState(Windows("w", "k", "v", LENGTHS, 900), SLACK, 1)
    state.observe(np.zeros(1, int), as_objects(["a"]), np.array([5]), np.array([1]))
    state.keep_from(6)
    state.forget(0, 1_000)
    assert len(state) == 1
    state.keep_from(None)
    state.forget(0, 1_000)
    assert len(state) == 0
