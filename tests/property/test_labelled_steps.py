"""Steps of labelled scores: the same for any order of partitions and any cut into buckets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.labelled_scores import NO_SHADOW, LabelledScores
from streamsim.consumers.monitor.prequential.labelled_steps import LabelledSteps
from streamsim.consumers.monitor.prequential.prequential_windows import Rows
from streamsim.consumers.state.store import Parts
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.stored.packing import pack, unpack

STEP, SPAN, PARTITIONS, END = 10, 30, 2, 80
Row = tuple[int, int, int, int, int, int]
"""Partition, time, score, label, shadow's score, segment."""
ROW = st.tuples(
    st.integers(0, PARTITIONS - 1), st.integers(0, END - 1), st.integers(0, 3),
    st.integers(-1, 1), st.sampled_from([NO_SHADOW, 0, 1, 2, 3]), st.integers(0, 1),
)  # fmt: skip
ROWS = st.lists(ROW, max_size=40)
CUTS = st.lists(st.integers(1, END - 1), max_size=6, unique=True).map(sorted)


def bucket(rows: Iterable[Row], p: int, since: int, until: int) -> LabelledScores:
    own = [row for row in rows if row[0] == p and since <= row[1] < until]
    _, time, score, label, shadow, segment = (
        np.array(column, np.int64) for column in (zip(*own, strict=True) if own else [[]] * 6)
    )
    version = np.full(len(own), 7)
    return LabelledScores(
        p, since, until, 0, tuple({f"s{row[5]}" for row in own}),
        time, score, label, version, shadow, segment,
    )  # fmt: skip


def buckets(rows: Sequence[Row], cuts: Sequence[int], p: int) -> list[LabelledScores]:
    return [bucket(rows, p, since, until) for since, until in pairwise([0, *cuts, END])]


def steps_of() -> LabelledSteps:
    return LabelledSteps(PARTITIONS, step=STEP, span=SPAN, most=1000)


def listed(rows: Rows) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in rows.columns), strict=True))


def said(own: LabelledSteps, told: Iterable[LabelledScores]) -> list[Any]:
    """Return each step with all that is known at its end."""
    return [
        (end, *map(listed, (own.rows, own.shadows, own.answered)))
        for part in told
        for end in own.apply(part)
    ]


def plainly(rows: Sequence[Row]) -> list[tuple[int, list[tuple[int, ...]]]]:
    """Return the end of each step that has rows, with the rows of the span before it."""
    ends = sorted({row[1] // STEP * STEP + STEP for row in rows})
    return [
        (end, sorted((t, s, y, 7, g) for _, t, s, y, _, g in rows if end - SPAN <= t < end))
        for end in ends
    ]


@given(ROWS, st.lists(CUTS, min_size=2, max_size=2), st.randoms(use_true_random=False))
def test_any_cut_and_any_order_of_partitions_say_the_same(
    rows: list[Row], cuts: list[list[int]], draw: Any
) -> None:
    whole = said(steps_of(), [bucket(rows, p, 0, END) for p in range(PARTITIONS)])
    assert [(end, own) for end, own, _, _ in whole] == plainly(rows)
    waiting = [buckets(rows, own, p) for p, own in enumerate(cuts)]
    told = []
    while any(waiting):
        told.append(draw.choice([own for own in waiting if own]).pop(0))
        if draw.random() < 0.3:
            told.append(draw.choice(told))  # one that was taken before
    assert said(steps_of(), told) == whole


@given(ROWS)
def test_a_shadow_s_score_stays_beside_the_score_that_counts(rows: list[Row]) -> None:
    own = steps_of()
    said(own, [bucket(rows, p, 0, END) for p in range(PARTITIONS)])
    since = own.complete - SPAN
    expected = sorted((t, s, y, h) for _, t, s, y, h, _ in rows if h != NO_SHADOW and t >= since)
    pairs = zip(
        own.answered.time.tolist(), own.answered.score.tolist(), own.answered.label.tolist(),
        own.shadows.score.tolist(), strict=True,
    )  # fmt: skip
    assert sorted(pairs) == expected


@given(ROWS, CUTS, st.integers(0, 6))
def test_a_longer_bucket_after_a_crash_brings_only_what_is_new(
    rows: list[Row], cuts: list[int], at: int
) -> None:
    first = buckets(rows, cuts, 0)[: at + 1]
    told = [*first, bucket(rows, 0, 0, END), bucket(rows, 1, 0, END)]
    whole = said(steps_of(), [bucket(rows, p, 0, END) for p in range(PARTITIONS)])
    assert said(steps_of(), told) == whole


@given(ROWS, CUTS, st.integers(0, 12))
def test_it_goes_on_from_a_snapshot(rows: list[Row], cuts: list[int], at: int) -> None:
    told = [part for p in range(PARTITIONS) for part in buckets(rows, cuts, p)]
    whole = said(steps_of(), told)
    first, again = steps_of(), steps_of()
    before = said(first, told[:at])
    again.restore(Parts([unpack(pack(first.snapshot()))]))
    assert before + said(again, told[at:]) == whole
    assert again.complete == (whole[-1][0] if whole else first.complete)
    assert again.names == {f"s{row[5]}" for row in rows}


def test_no_more_rows_are_kept_than_wanted() -> None:
    own = LabelledSteps(1, step=STEP, span=SPAN, most=3)
    rows: list[Row] = [(0, t, 0, 1, t, 0) for t in range(END)]
    list(own.apply(bucket(rows, 0, 0, END)))
    assert own.rows.time.tolist() == own.shadows.score.tolist() == [END - 3, END - 2, END - 1]


def test_a_snapshot_of_other_partitions_and_a_partition_that_is_not_there_are_refused() -> None:
    own = LabelledSteps(3, step=STEP, span=SPAN, most=10)
    with pytest.raises(ValueError, match="partitions"):
        own.restore(Parts([steps_of().snapshot()]))
    with pytest.raises(ForeignRecordError, match="no partition 5"):
        list(own.apply(bucket([], 5, 0, END)))
