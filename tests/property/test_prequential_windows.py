"""Windows over labelled scores hold what a plain reading of their definition says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.prequential.prequential_windows import (
    NO_ROWS,
    Rows,
    Window,
    still_needed,
)
from streamsim.consumers.state.store import Parts
from streamsim.streams.errors import UsageError
from streamsim.streams.stored.packing import pack, unpack

ROW = st.tuples(
    st.integers(0, 40),
    st.sampled_from([0, 250_000, 1_000_000]),
    st.integers(-1, 1),
    st.integers(0, 1),
    st.integers(0, 1),
)
ROWS = st.lists(ROW, max_size=25)
KINDS = ("time", "count", "fading")


def rows_of(rows: list[tuple[int, ...]]) -> Rows:
    return NO_ROWS.joined(Rows(*np.array(rows, np.int64).reshape(-1, 5).T))


def tuples(rows: Rows) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in rows.columns), strict=True))


@given(ROWS, st.integers(1, 12), st.integers(0, 45))
def test_a_window_holds_what_its_definition_says(
    given_rows: list[tuple[int, ...]], size: int, at: int
) -> None:
    rows = rows_of(given_rows)
    before = [row for row in tuples(rows) if row[0] < at]
    time = Window("time", size).of(rows, at)
    assert tuples(time.rows) == [row for row in before if row[0] >= at - size]
    assert tuples(Window("count", size).of(rows, at).rows) == before[-size:]
    fading = Window("fading", size).of(rows, at)
    assert tuples(fading.rows) == [row for row in before if row[0] >= at - 10 * size]
    assert fading.weights is not None
    halved = [0.5 ** ((at - row[0]) / size) for row in tuples(fading.rows)]
    assert fading.weights.tolist() == pytest.approx(halved)


@given(ROWS, ROWS, st.integers(1, 12), st.integers(0, 30))
def test_what_is_forgotten_is_missed_by_no_later_window(
    first: list[tuple[int, ...]], second: list[tuple[int, ...]], size: int, at: int
) -> None:
    windows = [Window(kind, size) for kind in KINDS]  # type: ignore[arg-type]
    old = rows_of([row for row in first if row[0] < at])
    new = rows_of([row for row in second if row[0] >= at])
    whole, kept = old.joined(new), still_needed(old, windows, at).joined(new)
    for later in (at, at + 3, 60):
        for window in windows:
            assert tuples(window.of(kept, later).rows) == tuples(window.of(whole, later).rows)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_in_which_partitions_are_read_does_not_matter(
    rows: list[tuple[int, ...]], order: object
) -> None:
    mixed = list(rows)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    assert tuples(rows_of(mixed)) == tuples(rows_of(rows)) == sorted_by_time(rows)


def sorted_by_time(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return sorted(rows, key=lambda row: (row[0], row[1], row[2], row[3], row[4]))


@given(ROWS)
def test_rows_live_through_a_restart(rows: list[tuple[int, ...]]) -> None:
    before = rows_of(rows)
    after = Rows.restored(Parts([unpack(pack(before.snapshot()))]))
    assert tuples(after) == tuples(before)


def test_a_snapshot_that_is_none_and_a_window_that_is_none_are_refused() -> None:
    assert len(Rows.restored(Parts([]))) == 0
    with pytest.raises(ValueError, match="different length"):
        Rows.restored(Parts([{"time": np.arange(3)}]))
    for kind, size in (("hourly", 5), ("time", 0), ("count", -1)):
        with pytest.raises(UsageError, match="no window"):
            Window(kind, size)  # type: ignore[arg-type]
