"""Slices to records: none is lost, in order of clocks, in the partitions of their keys."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from aiokafka.partitioner import DefaultPartitioner as AioPartitioner
from hypothesis import example, given
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner

from streamsim.consumers.collect.records import Clocks, advance, collect
from streamsim.producers.batches import Batch, finale, heartbeats, joined
from streamsim.producers.pace import ByRate, BySpeed, Pace
from streamsim.producers.wire import partition_of, wire, wire_at_once
from streamsim.simulator.in_process import as_records
from streamsim.streams.events import HEARTBEAT, SOURCE_TIME
from streamsim.streams.spec import DAY
from streamsim.streams.spec.world import Emission, Slice
from tests.property.examples import examples
from tests.property.logs import LATENESS, SOURCES, SPEC, START
from tests.virtual_clock import VirtualClock


class Cluster:
    """What kafka-python's partitioner asks of a cluster."""

    def __init__(self, partitions: int) -> None:
        self._partitions = set(range(partitions))

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return self._partitions

    available_partitions_for_topic = partitions_for_topic


@examples(4)
@given(st.binary(max_size=40), st.integers(1, 200))
@example(b"", 8)
def test_keys_lie_where_both_clients_put_them(key: bytes, partitions: int) -> None:
    found = partition_of(key, partitions)
    asked = "t", key, key, None, None, Cluster(partitions)
    assert found == DefaultPartitioner().partition(*asked)
    everything = list(range(partitions))
    assert found == AioPartitioner()(key, everything, everything)


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [  # from UtilsTest of Apache Kafka's Java client
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_lie_where_the_java_client_puts_them(key: bytes, murmur2: int) -> None:
    for partitions in (1, 7, 8, 1_000):
        assert partition_of(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


Row = tuple[int, int, bytes | None, bytes]  # gap of the clock, event time, key, value
KEYS = st.none() | st.binary(max_size=2)
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), KEYS, st.binary(max_size=3)), max_size=6
)
SLICES = st.lists(st.lists(st.tuples(st.sampled_from(SOURCES), ROWS), max_size=3), max_size=4)


def emission(source: str, rows: Sequence[Row]) -> Emission:
    gaps, times, keys, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    clock = START + np.cumsum(np.array(gaps, np.int64))
    return Emission(source, START + np.array(times, np.int64), clock, list(keys), list(values))


def slices_of(told: Sequence[Sequence[tuple[str, Sequence[Row]]]]) -> list[Slice]:
    return [
        Slice(START + number, tuple(emission(source, rows) for source, rows in piece))
        for number, piece in enumerate(told)
    ]


@examples(1)
@given(SLICES)
def test_every_event_is_sent_once_and_every_slice_ends_with_everyones_clock(
    told: Sequence[Sequence[tuple[str, Sequence[Row]]]],
) -> None:
    slices = slices_of(told)
    batches = list(wire(SPEC, slices))
    beats = [batch for batch in batches if any(batch.heartbeat)]
    assert len(beats) == len(slices)
    for batch, piece in zip(beats, slices, strict=True):
        check_heartbeats(batch, piece.until)
    sent: list[tuple[str, int, bytes | None, bytes | None, int]] = []
    for batch in batches:
        assert len(batch) > 0
        assert all(a <= b for a, b in pairwise(batch.due.tolist()))
        for row in range(len(batch)):
            key, value = batch.key[row], batch.value[row]
            if not batch.heartbeat[row]:
                clock = int(batch.due[row])
                sent.append((batch.source[row], clock, key, value, batch.timestamp[row]))
                where = partition_of(key, 3) if key else zlib.crc32(value or b"") % 3
                assert batch.partition[row] == where
                assert batch.headers(row) == [(SOURCE_TIME, b"%d" % clock)]
    for source in SOURCES:
        for piece, own in zip(slices, _split(sent, slices), strict=True):
            emitted = [
                (source, c, k, v, t)
                for e in piece.emissions
                if e.source == source
                for c, k, v, t in zip(
                    e.clock.tolist(), e.keys, e.values, e.event_time.tolist(), strict=True
                )
            ]
            assert [r for r in own if r[0] == source] == sorted(emitted, key=lambda r: r[1])


def _split(sent: Sequence[tuple], slices: Sequence[Slice]) -> list[Sequence[tuple]]:  # type: ignore[type-arg]
    """Give each slice as many of the records as it has events."""
    parts, start = [], 0
    for piece in slices:
        end = start + sum(len(e) for e in piece.emissions)
        parts.append(sent[start:end])
        start = end
    assert start == len(sent)
    return parts


def check_heartbeats(batch: Batch, clock: int, times: int = 1) -> None:
    """Every source sends one heartbeat, or more, on every partition."""
    places = Counter(zip(batch.source, batch.partition, strict=True))
    each = Counter((s, p) for s in SOURCES for p in range(SPEC.partitions))
    assert places == Counter(dict.fromkeys(each, times))
    assert batch.due.tolist() == [clock] * len(batch)
    for row in range(len(batch)):
        headers = batch.headers(row)
        assert (SOURCE_TIME, b"%d" % clock) in headers
        assert HEARTBEAT in dict(headers)
        assert batch.value[row] is None


DAYS = st.sampled_from([0, 0, 1, 2, 30, 4_000])


@examples(1)
@given(SLICES, st.lists(DAYS, min_size=4, max_size=4), st.integers(1, 8))
def test_consumers_believe_every_leap_of_a_producer(
    told: Sequence[Sequence[tuple[str, Sequence[Row]]]], days: Sequence[int], rows: int
) -> None:
    slices = [
        Slice(piece.until + shift, tuple(_later(emission, shift) for emission in piece.emissions))
        for piece, shift in zip(slices_of(told), np.cumsum(days) * DAY, strict=False)
    ]
    at_once = wire_at_once(SPEC, slices, rows, 1_000, VirtualClock())
    for batches in (list(wire(SPEC, slices)), list(at_once)):
        for source in SPEC.inputs.sources:
            clocks = Clocks.of(SPEC.partitions)
            for records in as_records(SPEC, batches, 1):
                if records.source == source.name:
                    batch = collect(records.by_partition())
                    after, leaps = advance(batch, batch.source_time, clocks, source.max_ahead)
                    assert not leaps.any()
                    events = ~batch.heartbeat
                    assert (after >= batch.source_time)[events].all()


def _later(events: Emission, ms: int) -> Emission:
    return replace(events, event_time=events.event_time + ms, clock=events.clock + ms)


@examples(1)
@given(st.lists(st.text(max_size=3), unique=True, max_size=4), st.integers(1, 20), st.integers(0))
def test_heartbeats_cover_all_partitions(sources: list[str], partitions: int, clock: int) -> None:
    clock %= 10**13
    batch = heartbeats(sources, partitions, clock)
    places = list(zip(batch.source, batch.partition, strict=True))
    assert sorted(places) == sorted((s, p) for s in sources for p in range(partitions))
    assert set(batch.due.tolist()) <= {clock}


@examples(1)
@given(st.integers(0, 10**13 - 10**9))
def test_the_finale_lets_everything_go_that_was_due(last_due: int) -> None:
    batch = finale(SPEC, last_due)
    clock = int(batch.due[0])
    check_heartbeats(batch, clock, 2)
    assert clock - LATENESS > last_due
    assert clock % SPEC.inputs.heartbeat == 0


def pieces(batch: Batch, cuts: Sequence[int]) -> list[Batch]:
    edges = [0, *sorted({cut % len(batch) for cut in cuts} - {0}), len(batch)]
    return [
        Batch(
            batch.source[a:b], batch.partition[a:b], batch.due[a:b], batch.timestamp[a:b],
            batch.key[a:b], batch.value[a:b], batch.heartbeat[a:b],
        )
        for a, b in pairwise(edges)
    ]  # fmt: skip


@examples(1)
@given(
    beats=st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 11), max_size=4),
    speed=st.sampled_from([0.5, 1.0, 60.0, 28_800.0]),
    rate=st.sampled_from([0.1, 1.0, 3.0, 5_000.0]),
)
def test_when_a_record_is_due_does_not_depend_on_its_batch(
    beats: list[tuple[int, bool]], cuts: list[int], speed: float, rate: float
) -> None:
    n = len(beats)
    clock = START + np.cumsum([gap for gap, _ in beats])
    beat = [b for _, b in beats]
    batch = Batch(["s"] * n, [0] * n, clock, [0] * n, [None] * n, [None] * n, beat)
    wall = 1_700_000_000_000
    events = np.cumsum([not b for b in beat])
    expected: dict[Pace, list[float]] = {
        BySpeed(wall, speed): [wall + (c - clock[0]) / speed for c in clock.tolist()],
        ByRate(wall, rate): [wall + max(e - 1, 0) * 1000 / rate for e in events.tolist()],
    }
    for pace, due in expected.items():
        found = [pace.due_ms(part) for part in pieces(batch, cuts)]
        together = np.concatenate([part for part in found if part is not None])
        np.testing.assert_allclose(together, due, rtol=0, atol=0.01)
        assert (np.diff(together) >= 0).all()


def each(batches: Sequence[Batch]) -> list[object]:
    """Return the records of batches, in order."""
    return [
        (b.source[i], b.partition[i], int(b.due[i]), b.timestamp[i], b.key[i], b.value[i],
         b.heartbeat[i], b.headers(i))
        for b in batches
        for i in range(len(b))
    ]  # fmt: skip


@examples(1)
@given(SLICES, st.integers(1, 20), st.sampled_from([0, 1_000]))
def test_at_full_speed_the_same_events_are_sent_with_fewer_heartbeats(
    told: Sequence[Sequence[tuple[str, Sequence[Row]]]], rows: int, wait_ms: int
) -> None:
    slices = slices_of(told)
    found = list(wire_at_once(SPEC, slices, rows, wait_ms, VirtualClock()))
    events = [batch for batch in found if not any(batch.heartbeat)]
    plain = [batch for batch in wire(SPEC, slices) if not any(batch.heartbeat)]
    assert each(events) == each(plain)
    sent = 0
    beats = [batch for batch in found if any(batch.heartbeat)]
    ends = [piece.until for piece in slices]
    assert [int(batch.due[-1]) for batch in beats[-1:]] == ends[-1:]
    if not wait_ms:
        assert len(beats) == len(slices)
    for batch in beats:
        check_heartbeats(batch, int(batch.due[0]))
    for batch in found:  # a heartbeat follows on the slice in which enough events have been sent
        sent = sent + len(batch) if not any(batch.heartbeat) else 0
        longest = max((sum(map(len, piece.emissions)) for piece in slices), default=0)
        assert sent < rows + longest


@pytest.mark.parametrize(
    ("rows", "wait_ms", "sizes"), [(8, 1_000, [8, 8, 4]), (99, 20, [8, 12]), (8, 0, [4] * 5)]
)
def test_batches_are_joined_in_order_and_none_waits_for_long(
    rows: int, wait_ms: int, sizes: list[int]
) -> None:
    clock = VirtualClock(5)

    def slow() -> Iterator[Batch]:
        for n, batch in enumerate(batches):
            clock.sleep(0.05 if n == 1 else 0.01)
            yield batch

    batches = [heartbeats(SOURCES[:2], 2, START + n) for n in range(5)]
    found = list(joined(slow(), rows, wait_ms, clock))
    assert each(found) == each(batches)
    assert [len(b) for b in found] == sizes


def test_recorded_headers_stay_with_their_records() -> None:
    plain = heartbeats(SOURCES[:1], 2, START)
    recorded = replace(plain, recorded=[(("a", b"1"),), (("b", None),)])
    (found,) = joined([plain, recorded, plain], 100, 1_000, VirtualClock())
    assert each([found]) == each([plain, recorded, plain])
