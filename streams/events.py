"""Events on their way: fetched records, clean columns, and outgoing records.

A micro-batch mixes the partitions that a worker owns; every row keeps its partition and offset.
Within a partition the rows are in the order of the log, and no step changes that.

Times are milliseconds since 1970-01-01 UTC in ``int64``, called ``*_ms`` everywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = npt.NDArray[np.float32]
Slots: TypeAlias = npt.NDArray[np.intp]
Mask: TypeAlias = npt.NDArray[np.bool_]
Objects: TypeAlias = npt.NDArray[np.object_]
Columns: TypeAlias = dict[str, npt.NDArray[np.generic] | Objects]

# Header names. Numbers in headers are ASCII decimals: any Kafka tool can show them. They have
# the same width for all times between 2001 and 2286, so that a batch parses as one array.
INGEST_TIME = "ingest_time"
"""Wall clock when the record was handed to the broker; latency is measured from it."""
SOURCE_TIME = "source_time"
"""The source's clock: its highest event time when it sent the record."""
HEARTBEAT = "heartbeat"
"""Marks a record that carries the source's clock and no event."""
REASON = "reason"
REFUSED = "refused"
"""Why a reader could not make an event of a row."""
ORIGINAL = "original"
"""A refused row's bytes in its file, which its dead letter has as its value."""
RECORD = "record"
"""On a dead letter with a row's own bytes: the record that was sent for the row."""
ATTEMPTS = "attempts"
"""How often a record that was refused has been sent."""
FOUND_AT = "found_at"
"""Where a row of a file is: its file, and the line in it."""
ORIGINAL_HASH = "original_hash"
"""Keyed hash of the bytes that a masked dead letter stands for."""
SOURCE_TOPIC = "source_topic"
SOURCE_PARTITION = "source_partition"
SOURCE_OFFSET = "source_offset"
FEATURES = "features"
"""The features of a score, packed as little-endian float32."""
FEATURE_HASH = "feature_hash"
CORRECTS = "corrects"
"""On a correction: the id of the event that is scored again."""
MODEL = "model"
MODEL_VERSION = "model_version"
STANDS_IN_FOR = "stands_in_for"
"""On a score by a stand-in: the version that should have answered, and failed."""

LATEST_CLOCK = 10**13 - 1
"""The highest clock that fits in a header (ms): it has 13 digits."""
NO_TIME = np.iinfo(np.int64).min
"""Placeholder for an unknown time; smaller than every time."""


class HeaderColumns(Sequence[Headers], ABC):
    """Headers of records, kept by column: no step needs them record by record."""

    @abstractmethod
    def take(self, rows: Ints | Mask) -> HeaderColumns:
        """Return the headers of the given records, in the given order."""


@dataclass(slots=True)
class Records:
    """Fetched records of one source, from one partition or several.

    Attributes
    ----------
    source
        Name of the source within its domain (``transactions``).
    partition, offset
        Where each record lies, shape ``(n,)``.
    timestamp
        Kafka's own timestamp of each record (ms).
    key, value, headers
        The raw bytes, not validated yet.
    """

    source: str
    partition: Ints
    offset: Ints
    timestamp: Sequence[int]
    key: Sequence[bytes | None]
    value: Sequence[bytes | None]
    headers: Sequence[Headers]

    def __len__(self) -> int:
        return len(self.value)

    def by_partition(self) -> Records:
        """Return the records grouped by partition; each partition's order is kept."""
        if (np.diff(self.partition) >= 0).all():
            return self
        return self.take(np.argsort(self.partition, kind="stable"))

    def take(self, rows: Ints | Mask) -> Records:
        """Return the given records, in the given order."""
        chosen = (np.flatnonzero(rows) if rows.dtype == np.bool_ else rows).tolist()
        headers = self.headers
        return Records(
            self.source,
            self.partition[rows],
            self.offset[rows],
            [self.timestamp[r] for r in chosen],
            [self.key[r] for r in chosen],
            [self.value[r] for r in chosen],
            headers.take(rows)
            if isinstance(headers, HeaderColumns)
            else [headers[r] for r in chosen],
        )

    @classmethod
    def concat(cls, parts: Sequence[Records]) -> Records:
        """Join batches of the same source, in the order given."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            parts[0].source,
            np.concatenate([p.partition for p in parts]),
            np.concatenate([p.offset for p in parts]),
            [x for p in parts for x in p.timestamp],
            [x for p in parts for x in p.key],
            [x for p in parts for x in p.value],
            [x for p in parts for x in p.headers],
        )


@dataclass(slots=True)
class Events:
    """Clean events of one source, by column.

    Attributes
    ----------
    event_time, source_time, ingest_time
        When it happened, the source's clock, and when it was handed to the broker
        (ms, shape ``(n,)``; ``NO_TIME`` where a header was missing).
    event_id, entity
        The event's own id and its key (``str``, or ``None`` for an unknown entity).
    columns
        The fields of the source's schema, one array each.
    """

    source: str
    partition: Ints
    offset: Ints
    event_time: Ints
    source_time: Ints
    ingest_time: Ints
    event_id: Objects
    entity: Objects
    columns: Columns

    def __len__(self) -> int:
        return len(self.event_time)

    def strings(self, name: str) -> Objects:
        """Return a column that holds strings by its schema."""
        return cast(Objects, self.columns[name])

    def integers(self, name: str) -> Ints:
        """Return a column that holds integers or times by its schema."""
        return cast(Ints, self.columns[name])

    def take(self, rows: Ints | Mask | slice) -> Events:
        """Return the given rows, in the given order."""
        return Events(
            self.source,
            self.partition[rows],
            self.offset[rows],
            self.event_time[rows],
            self.source_time[rows],
            self.ingest_time[rows],
            self.event_id[rows],
            self.entity[rows],
            {name: column[rows] for name, column in self.columns.items()},
        )

    @classmethod
    def concat(cls, parts: Sequence[Events]) -> Events:
        """Join batches of the same source, in the order given."""
        if len(parts) == 1:
            return parts[0]
        names = parts[0].columns
        return cls(
            parts[0].source,
            np.concatenate([p.partition for p in parts]),
            np.concatenate([p.offset for p in parts]),
            np.concatenate([p.event_time for p in parts]),
            np.concatenate([p.source_time for p in parts]),
            np.concatenate([p.ingest_time for p in parts]),
            np.concatenate([p.event_id for p in parts]),
            np.concatenate([p.entity for p in parts]),
            {name: np.concatenate([p.columns[name] for p in parts]) for name in names},
        )


class Outbound(NamedTuple):
    """An outgoing record; its partition is always explicit, no partitioner chooses it."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: list[tuple[str, bytes]]


@dataclass(slots=True)
class OutboundBatch:
    """Outgoing records to one partition of a topic, by column and in order."""

    topic: str
    partition: int
    key: Sequence[bytes | None]
    value: Sequence[bytes | None]
    timestamp: Sequence[int]
    headers: Sequence[list[tuple[str, bytes]]]

    def __len__(self) -> int:
        return len(self.value)

    def records(self) -> Iterator[Outbound]:
        """Yield the records one by one."""
        place = repeat(self.topic), repeat(self.partition)
        # Only the columns end.
        return map(Outbound, *place, self.key, self.value, self.timestamp, self.headers)


@dataclass(slots=True)
class Dead:
    """A record that cannot be processed: the reason and its offset (its bytes stay in the log)."""

    row: int
    reason: str


@dataclass(slots=True)
class Outputs:
    """The outputs of a step.

    Attributes
    ----------
    records
        Records for topics, in order.
    batches
        Records in bulk, by column; they are sent before ``records``.
    latencies_from
        ``ingest_time`` of the events whose scores are among the records (ms); the driver
        measures latency from it when the broker has confirmed the records.
    """

    records: list[Outbound] = field(default_factory=list)
    batches: list[OutboundBatch] = field(default_factory=list)
    latencies_from: list[Ints] = field(default_factory=list)

    def each(self) -> list[Outbound]:
        """Return all of the records, one by one."""
        return [record for batch in self.batches for record in batch.records()] + self.records


def stretches(partition: Ints) -> Iterator[tuple[int, slice]]:
    """Yield each run of consecutive rows of one partition, with its slice.

    >>> list(stretches(np.array([3, 3, 0, 3])))
    [(3, slice(0, 2, None)), (0, slice(2, 3, None)), (3, slice(3, 4, None))]
    """
    edges = np.flatnonzero(np.diff(partition, prepend=-1, append=-1)).tolist()
    for first, last in pairwise(edges):
        yield int(partition[first]), slice(first, last)


def as_objects(values: Iterable[object]) -> Objects:
    """Return a one-dimensional object array of the values (strings, or ``None``)."""
    if isinstance(values, np.ndarray) and values.dtype == object:
        return values
    items = list(values)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def first_headers(headers: Headers) -> dict[str, bytes | None]:
    """Return the first value of each header; Kafka allows a repeated name."""
    return dict(headers[::-1])


def source_headers(topic: str, partition: int, offset: int) -> list[tuple[str, bytes]]:
    """Return headers with the topic, partition and offset that an output was made from."""
    return [
        (SOURCE_TOPIC, topic.encode()),
        (SOURCE_PARTITION, b"%d" % partition),
        (SOURCE_OFFSET, b"%d" % offset),
    ]
