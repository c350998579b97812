"""Global table: independent of the order of its records and of repeats after a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.featurize.contributions import read_closed, record_key
from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.streams.events import NO_TIME, as_objects
from streamsim.streams.spec import DAY, HOUR
from tests.property.examples import examples
from tests.property.logs import SOURCES, SPEC, START
from tests.snapshots import restored

(TABLE,) = SPEC.features.tables
PARTITIONS = 2
KEYS = ("t0", "t1")
ORIGINS = [(source, p) for source in SOURCES for p in range(PARTITIONS)]


@dataclass
class PartitionCounts:
    """The counts of one partition of a source, and the ends of its closed buckets."""

    source: str
    partition: int
    closed: list[int]
    counts: Counter[tuple[str, int]]

    def record(self, first: int, last: int) -> bytes:
        """Publish the buckets between two of its steps."""
        since = self.closed[first - 1] if first else None
        until = self.closed[last]
        rows = sorted(
            (key, bucket, count)
            for (key, bucket), count in self.counts.items()
            if (since is None or bucket >= since) and bucket < until
        )
        body: dict[str, Any] = {
            "source": self.source,
            "partition": self.partition,
            "from": since,
            "until": until,
            "safe": since,
            "keys": [key for key, _, _ in rows],
            "buckets": [bucket for _, bucket, _ in rows],
            "counts": [count for _, _, count in rows],
        }
        return orjson.dumps(body)


BUCKETS = st.integers(0, 100).map(lambda day: START + day * DAY)
COUNTS = st.dictionaries(st.tuples(st.sampled_from(KEYS), BUCKETS), st.integers(1, 5), max_size=20)
CLOSED = st.lists(BUCKETS, min_size=1, max_size=8, unique=True).map(sorted)


@st.composite
def contributions(draw: st.DrawFn) -> list[PartitionCounts]:
    return [PartitionCounts(*origin, draw(CLOSED), Counter(draw(COUNTS))) for origin in ORIGINS]


@st.composite
def readings(draw: st.DrawFn, counted: Sequence[PartitionCounts]) -> list[bytes]:
    """Draw an order in which a worker may read the records.

    Each partition's come in order; one may begin again at what was published before it, as
    after a restart, and go further at once.
    """
    records: dict[int, list[bytes]] = {}
    for number, one in enumerate(counted):
        at, own = 0, []
        while at < len(one.closed):
            last = draw(st.integers(at, len(one.closed) - 1))
            own.append(one.record(draw(st.integers(0, at)), last))
            at = last + 1
        if draw(st.booleans()):
            own.append(one.record(0, draw(st.integers(0, len(one.closed) - 1))))
        records[number] = own
    turns = [number for number, own in records.items() for _ in own]
    return [records[number].pop(0) for number in draw(st.permutations(turns))]


def naive_watermark(counted: Iterable[PartitionCounts]) -> int:
    return min(one.closed[-1] for one in counted)


def naive_counts(counted: Sequence[PartitionCounts], key: str, time: int) -> dict[str, list[int]]:
    """Count in ``[b - length, b)`` with ``b = floor(t - delay)``."""
    end = (time - TABLE.delay) // TABLE.bucket * TABLE.bucket
    return {
        name: [
            sum(
                count
                for one in counted
                if one.source == source
                for (k, bucket), count in one.counts.items()
                if k == key and end - length <= bucket < end
            )
            for length in TABLE.lengths
        ]
        for name, source in TABLE.counts.items()
    }


@examples(1)
@given(counted=contributions(), data=st.data())
def test_a_table_counts_what_was_told_in_any_order_and_once(
    counted: list[PartitionCounts], data: st.DataObject
) -> None:
    table = GlobalTable(TABLE, PARTITIONS)
    watermark = NO_TIME
    for record in data.draw(readings(counted)):
        body = orjson.loads(record)
        place = record_key(body["source"], body["partition"]), body["until"]
        known = table.has(*place)
        advanced = table.apply(read_closed(record))
        assert advanced == (table.watermark > watermark)
        assert not (known and advanced)
        assert table.has(*place)
        watermark = table.watermark
        if data.draw(st.booleans()):
            table = restored(GlobalTable(TABLE, PARTITIONS), table)
        check_questions(table, counted)
    assert table.watermark == naive_watermark(counted)


def check_questions(table: GlobalTable, counted: Sequence[PartitionCounts]) -> None:
    """Look up what ready events look up: complete buckets, within the table's reach."""
    if table.watermark == NO_TIME:
        return
    latest = table.watermark + TABLE.delay
    for time in (latest + HOUR - 1, latest, latest - 1, latest - DAY, latest - TABLE.delay):
        asked = np.full(len(KEYS) + 1, time)
        if table.asks_for(asked)[0] > table.watermark:
            continue
        found = table.windows(as_objects([*KEYS, "never"]), asked)
        for row, key in enumerate([*KEYS, "never"]):
            assert {name: counts[row].tolist() for name, counts in found.items()} == naive_counts(
                counted, key, time
            )
