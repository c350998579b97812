"""Profile counts: what is published is what a plain count of the sampled rows gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.monitor.drift.profile_counts import ProfileCounts, read_profiles
from streamsim.consumers.monitor.drift.profile_window import ProfileWindow
from streamsim.consumers.monitor.estimation.score_counts import (
    SCORE_BINS,
    bins_of,
    read_score_counts,
)
from streamsim.consumers.state.store import Parts
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Events, Ints, as_objects
from streamsim.streams.statistics.reference_profile import CELLS, Reference
from streamsim.streams.stored.packing import pack, unpack
from tests.property.examples import examples
from tests.snapshots import restored

STEP, SPAN, PARTITIONS, EVERY = 10, 30, 2, 2
DRAW = np.random.default_rng(3)
TRAINED = np.column_stack([DRAW.random(500), DRAW.integers(0, 3, 500)]).astype(np.float32)
REFERENCE = Reference.fit(["amount", "kind"], TRAINED, DRAW.random(500))
VALUES = st.sampled_from([-1.0, np.nan, -5.0, 0.0, 0.25, 1.0, 2.0, 7.0])
ROW = st.tuples(st.integers(0, PARTITIONS - 1), st.integers(0, 120), VALUES, VALUES, VALUES)
Row = tuple[int, int, float, float, float]


def new(every: int = EVERY) -> ProfileCounts:
    return ProfileCounts("shop", REFERENCE, PARTITIONS, step=STEP, every=every, journal=True)


def told(rows: list[Row], first: int) -> tuple[Events, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    partition, time, *columns = (np.array(c) for c in zip(*rows, strict=True))
    n = len(rows)
    nothing, ids = np.full(n, NO_TIME), as_objects(map(str, range(n)))
    events = Events(
        "tills", partition, first + np.arange(n), time, time, nothing, ids, ids, {}
    )  # fmt: skip
    return events, np.column_stack(columns[:2]).astype(np.float32), columns[2]


class Life:
    """A store that crashes, and is restored from what it wrote."""

    def __init__(self) -> None:
        self.store = new()
        self.parts: list[list[bytes]] = [[] for _ in range(PARTITIONS)]

    def write(self, whole: bool) -> None:
        if whole:
            self.parts = [[pack(self.store.snapshot(p))] for p in range(PARTITIONS)]
            return
        for p, columns in self.store.delta().items():
            self.parts[p].append(pack(columns))

    def crash(self) -> None:
        self.write(whole=False)
        self.store = new()
        for p, parts in enumerate(self.parts):
            self.store.restore(p, Parts([unpack(part) for part in parts]))


@examples(2)
@given(
    st.lists(ROW, min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 140),
                       st.sampled_from(["delta", "snapshot", "crash", ""])), max_size=8),
)  # fmt: skip
def test_each_bucket_is_published_once_whole_at_any_crash(
    rows: list[Row], stops: list[tuple[int, int, str]]
) -> None:
    # Like a worker, release rows in order of time; ``final`` is behind all that are to come.
    rows.sort(key=lambda row: row[1])
    life, at, published, records = Life(), 0, {}, []
    window = ProfileWindow(REFERENCE, PARTITIONS, span=SPAN, step=STEP)
    sums: list[tuple[int, list[int]]] = []
    scores: dict[tuple[int, int], list[int]] = {}
    for count, _, what in [*sorted(stops), (len(rows), 0, "crash")]:
        if rows[at:count]:
            life.store.add(*told(rows[at:count], at))
            at = max(at, count)
        final = rows[at][1] if at < len(rows) else 1_000
        for record in life.store.close(np.full(PARTITIONS, final)):
            records.append(record)
            p, since, until, counts = read_profiles(record.value, REFERENCE.fingerprint())
            assert all(since <= bucket < until for bucket in counts)
            p, end, bins = read_score_counts(record.value)
            assert end == until
            assert not {(p, bucket) for bucket in bins} & scores.keys()
            scores |= {(p, bucket): own.tolist() for bucket, own in bins.items()}
            for bucket, own in counts.items():
                assert (p, bucket) not in published
                published[p, bucket] = own
            sums += [(w.end, w.counts.sum(axis=1).tolist()) for w in window.apply(record.value)]
            assert window.apply(record.value) == []  # a repeat says nothing new
            window = restored(ProfileWindow(REFERENCE, PARTITIONS, span=SPAN, step=STEP), window)
        if what == "crash":
            life.crash()
        elif what:
            life.write(what == "snapshot")
    sampled = [row for offset, row in enumerate(rows) if offset % EVERY == 0]
    assert {key: own.tolist() for key, own in published.items()} == plain(sampled)
    assert scores == plain_scores(rows)
    per = Counter(time // STEP * STEP for _, time, *_ in sampled)
    expected = []
    for bucket in sorted(per):
        end = bucket + STEP
        inside = sum(n for start, n in per.items() if end - SPAN <= start < end)
        expected.append((end, [inside] * 3))
    assert sums == expected


def plain(rows: list[Row]) -> dict[tuple[int, int], list[list[int]]]:
    """Count row by row, by the definition of the cells."""
    found: dict[tuple[int, int], Ints] = {}
    for p, time, *values in rows:
        own = found.setdefault((p, time // STEP * STEP), np.zeros((3, CELLS), np.int64))
        for place, value in enumerate(values):
            own[place, cell(place, float(np.float32(value)))] += 1
    return {key: own.tolist() for key, own in found.items()}


def plain_scores(rows: list[Row]) -> dict[tuple[int, int], list[int]]:
    """Count the scores of all rows, one by one."""
    found: dict[tuple[int, int], list[int]] = {}
    for p, time, *_, score in rows:
        own = found.setdefault((p, time // STEP * STEP), [0] * SCORE_BINS)
        own[int(bins_of(np.array([score]))[0])] += 1
    return found


def cell(place: int, value: float) -> int:
    column = REFERENCE.columns[place]
    if np.isnan(value) or (value == -1 and place < 2):
        return 0
    if column.by_value:
        return column.borders.index(value) + 2 if value in column.borders else 1
    if value < column.borders[0]:
        return 1
    if value > column.borders[-1]:
        return 22
    inside = [i for i, border in enumerate(column.borders[:-1]) if border <= value]
    return inside[-1] + 2


def test_what_does_not_depend_on_batches() -> None:
    rows: list[Row] = [(0, i, 0.1 * (i % 9), float(i % 4), 0.5) for i in range(50)]
    whole, parts = new(every=7), new(every=7)
    whole.add(*told(rows, 0))
    for i in range(50):
        parts.add(*told(rows[i : i + 1], i))
    final = np.full(PARTITIONS, 50)
    assert [r.value for r in whole.close(final)] == [r.value for r in parts.close(final)]


@pytest.mark.parametrize("value", [None, b"", b"x", pack({"span": np.array([0, 1, 2])})])
def test_other_records_are_refused(value: bytes | None) -> None:
    with pytest.raises(ForeignRecordError):
        read_profiles(value, REFERENCE.fingerprint())


@pytest.mark.parametrize("whole", [True, False])
def test_counts_of_other_bins_are_not_restored(whole: bool) -> None:
    other, store = Reference.fit(["amount"], TRAINED[:, :1], TRAINED[:, 0]), new()
    store.add(*told([(0, 5, 0.5, 1.0, 0.5), (1, 25, 0.5, 1.0, 0.5)], 0))
    store.close(np.full(PARTITIONS, 10))
    store.add(*told([(0, 15, 0.5, 1.0, 0.5)], 2))
    written = store.snapshot(0) if whole else store.delta()[0]
    for reference, rows in ((other, 0), (REFERENCE, 3)):
        again = ProfileCounts("shop", reference, PARTITIONS, step=STEP, every=EVERY)
        again.restore(0, Parts([unpack(pack(written))]))
        assert again.until.tolist() == [10, NO_TIME]
        (record,) = again.close(np.array([20, NO_TIME]))
        _, since, until, counts = read_profiles(record.value, reference.fingerprint())
        assert (since, until, sum(own.sum() for own in counts.values())) == (10, 20, rows)


def test_what_was_behind_its_watermark_is_left_out_also_after_a_restart() -> None:
    store = new(every=1)
    events, features, scores = told([(0, 5, 0.5, 1.0, 0.5), (0, 15, 0.5, 1.0, 0.5)], 0)
    store.leave_out(events, np.array([10, 10]))
    again = new(every=1)
    again.restore(0, Parts([unpack(pack(store.delta()[0]))]))
    for one in (store, again):
        one.add(events, features, scores)
        (record,) = one.close(np.array([20, NO_TIME]))
        assert list(read_profiles(record.value, REFERENCE.fingerprint())[3]) == [10]
    assert again.snapshot(0)["astray"].tolist() == []  # type: ignore[union-attr]


def test_counts_of_other_bins_are_refused() -> None:
    store = new()
    store.add(*told([(0, 5, 0.5, 1.0, 0.5)], 0))
    (record, _) = store.close(np.full(PARTITIONS, 20))
    with pytest.raises(ForeignRecordError, match="other bins"):
        read_profiles(record.value, "another")


@pytest.mark.parametrize("partition", [-1, PARTITIONS, 2**62])
def test_counts_of_a_partition_that_is_not_there_are_refused(partition: int) -> None:
    store = new()
    store.add(*told([(0, 5, 0.5, 1.0, 0.5)], 0))
    (record, _) = store.close(np.full(PARTITIONS, 20))
    columns = unpack(record.value)
    window = ProfileWindow(REFERENCE, PARTITIONS, span=STEP, step=STEP)
    with pytest.raises(ForeignRecordError, match="no partition"):
        window.apply(pack({**columns, "span": np.array([partition, 0, 20])}))
    assert window.apply(record.value) == []
