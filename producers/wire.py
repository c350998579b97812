"""Wire format: turn slices of a source into records with keys, partitions, clocks and heartbeats.

Pure functions: the same slices give the same records, for a broker or a test.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate, chain, repeat

import numpy as np

from streamsim.streams.clock import Clock
from streamsim.streams.events import (
    FOUND_AT,
    HEARTBEAT,
    LATEST_CLOCK,
    NO_TIME,
    ORIGINAL,
    REFUSED,
    SOURCE_TIME,
    Headers,
    Ints,
    as_objects,
)
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Emission, RowNote, Slice


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one domain in the order in which they are to be sent.

    Attributes
    ----------
    source
        Name of each record's source.
    due
        Event time at which each is due (ms, not decreasing): the clock of its source.
    timestamp
        Kafka timestamp of each (ms).
    heartbeat
        Whether each is a heartbeat.
    recorded
        Headers to send unchanged, for the records of a recording.
    notes
        Notes about records, by row.
    """

    source: Sequence[str]
    partition: Sequence[int]
    due: Ints
    timestamp: Sequence[int]
    key: Sequence[bytes | None]
    value: Sequence[bytes | None]
    heartbeat: Sequence[bool]
    recorded: Sequence[Headers] | None = None
    notes: Mapping[int, RowNote] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source)

    def latest(self) -> int:
        """Return the latest time of all records (ms).

        It is a clock, or the timestamp of an event that was recorded without a clock.
        """
        return max(int(self.due.max()), max(self.timestamp))

    def take(self, rows: slice) -> Batch:
        """Return adjacent records."""
        start, end, _ = rows.indices(len(self))
        return Batch(
            self.source[rows],
            self.partition[rows],
            self.due[rows],
            self.timestamp[rows],
            self.key[rows],
            self.value[rows],
            self.heartbeat[rows],
            None if self.recorded is None else self.recorded[rows],
            {row - start: note for row, note in self.notes.items() if start <= row < end},
        )

    def headers(self, row: int) -> list[tuple[str, bytes | None]]:
        """Return the headers of one record; the sender adds ``ingest_time``."""
        if self.recorded is not None:
            return list(self.recorded[row])
        clock: tuple[str, bytes | None] = (SOURCE_TIME, b"%d" % self.due[row])
        if note := self.notes.get(row):
            more = ((REFUSED, note.refused.encode()), (ORIGINAL, note.original))
            return [clock, (FOUND_AT, note.found_at.encode()), *(own for own in more if own[1])]
        return [clock, (HEARTBEAT, b"1")] if self.heartbeat[row] else [clock]


def joined(batches: Iterable[Batch], rows: int, wait_ms: int, clock: Clock) -> Iterator[Batch]:
    """Join batches to about ``rows`` records each; none waits longer than ``wait_ms`` for others.

    The records stay in order.
    """
    waiting: list[Batch] = []
    since = count = 0
    for batch in batches:
        since = since if waiting else clock.now_ms()
        waiting.append(batch)
        count += len(batch)
        if count >= rows or clock.now_ms() >= since + wait_ms:
            yield concat(waiting)
            waiting, count = [], 0
    if waiting:
        yield concat(waiting)


def concat(batches: Sequence[Batch]) -> Batch:
    """Return the records of several batches as one."""
    if len(batches) == 1:
        return batches[0]
    recorded = None
    if any(batch.recorded is not None for batch in batches):
        recorded = [tuple(b.headers(row)) for b in batches for row in range(len(b))]
    starts = accumulate((len(batch) for batch in batches), initial=0)
    notes = {
        start + row: note
        for start, batch in zip(starts, batches, strict=False)
        for row, note in batch.notes.items()
    }
    return Batch(
        list(chain.from_iterable(b.source for b in batches)),
        list(chain.from_iterable(b.partition for b in batches)),
        np.concatenate([b.due for b in batches]),
        list(chain.from_iterable(b.timestamp for b in batches)),
        list(chain.from_iterable(b.key for b in batches)),
        list(chain.from_iterable(b.value for b in batches)),
        list(chain.from_iterable(b.heartbeat for b in batches)),
        recorded,
        notes,
    )


def wire(spec: DomainSpec, slices: Iterable[Slice]) -> Iterator[Batch]:
    """Turn slices into batches: all sources' events by clock, then a heartbeat of each source."""
    leaps = Leaps(spec)
    for piece in slices:
        yield from map(leaps.announced, _wired(spec, [piece]))


def wire_at_once(
    spec: DomainSpec, slices: Iterable[Slice], rows: int, wait_ms: int, clock: Clock
) -> Iterator[Batch]:
    """Turn slices into batches of about ``rows`` events, with one heartbeat of each source behind.

    The events are those of :func:`wire`, in the same order. No slice waits for others for longer
    than ``wait_ms``. A file of few events over years has a hundred heartbeats for each event: of
    these only the last of each batch is left.
    """
    leaps = Leaps(spec)
    group: list[Slice] = []
    since = count = 0
    for piece in slices:
        since = since if group else clock.now_ms()
        group.append(piece)
        count += sum(map(len, piece.emissions))
        if count >= rows or clock.now_ms() >= since + wait_ms:
            yield from map(leaps.announced, _wired(spec, group))
            group, count = [], 0
    if group:
        yield from map(leaps.announced, _wired(spec, group))


def _wired(spec: DomainSpec, slices: Sequence[Slice]) -> Iterator[Batch]:
    """Return the events of slices that follow each other as one batch, and the heartbeats."""
    emissions = [(n, e) for n, piece in enumerate(slices) for e in piece.emissions if len(e)]
    if emissions:
        yield _merge(emissions, spec.partitions)
    names = [source.name for source in spec.inputs.sources]
    yield heartbeats(names, spec.partitions, slices[-1].until)


class Leaps:
    """Announces leaps of the clocks: consumers believe a leap that two heartbeats agree on.

    A clock leaps if it advances by more than the source's ``max_ahead`` from one record of a
    partition to the next.

    Parameters
    ----------
    beats_only
        Announce those of heartbeats only: an event's stamp may be another program's.
    """

    def __init__(self, spec: DomainSpec, *, beats_only: bool = False) -> None:
        self._beats_only = beats_only
        sources = spec.inputs.sources
        self._partitions = spec.partitions
        self._place = {s.name: n * spec.partitions for n, s in enumerate(sources)}
        self._ahead = np.repeat([s.max_ahead for s in sources], spec.partitions)
        self._clock = np.full(len(self._ahead), NO_TIME)

    def announced(self, batch: Batch) -> Batch:
        """Return a batch with the heartbeats that announce its leaps."""
        places = [
            self._place.get(name, -1) if beat or not self._beats_only else -1
            for name, beat in zip(batch.source, batch.heartbeat, strict=True)
        ]  # the truth has no clock
        place = np.array(places, np.int64) + batch.partition
        rows = np.flatnonzero(np.array(places, np.int64) >= 0)
        if not len(rows):
            return batch
        rows = rows[np.argsort(place[rows].astype(np.int16), kind="stable")]
        own, due = place[rows], batch.due[rows]
        first = np.flatnonzero(np.diff(own, prepend=-1))
        last = np.append(first[1:], len(own)) - 1
        before = np.concatenate([due[:1], due[:-1]])
        before[first] = self._clock[own[first]]
        self._clock[own[last]] = np.maximum(due[last], self._clock[own[last]])
        leaping = rows[(before != NO_TIME) & (due - before > self._ahead[own])]
        return batch if not len(leaping) else _with_beats(batch, np.sort(leaping).tolist())


def _with_beats(batch: Batch, leaping: Sequence[int]) -> Batch:
    """Put two heartbeats before each of these events, and one before each of these heartbeats."""
    parts, start = [], 0
    for row in leaping:
        beat = heartbeats([batch.source[row]], 1, int(batch.due[row]))
        beat = replace(beat, partition=[batch.partition[row]])
        parts += [batch.take(slice(start, row)), beat, *([] if batch.heartbeat[row] else [beat])]
        start = row
    return concat([part for part in (*parts, batch.take(slice(start, None))) if len(part)])


def heartbeats(sources: Sequence[str], partitions: int, clock: int) -> Batch:
    """Return heartbeats with the sources' clock (ms) on all partitions."""
    n = len(sources) * partitions
    return Batch(
        [source for source in sources for _ in range(partitions)],
        list(range(partitions)) * len(sources),
        np.full(n, clock),
        [clock] * n,
        [None] * n,
        [None] * n,
        [True] * n,
    )


def finale(spec: DomainSpec, latest: int) -> Batch:
    """Return the final heartbeats, after the latest event time (ms).

    They set the clocks of all sources so far ahead that all waiting events are released: that is a
    leap, so there are two of each.
    """
    step = spec.inputs.heartbeat
    lateness = max(s.allowed_lateness for s in spec.inputs.sources)
    ahead = max(s.max_ahead for s in spec.inputs.sources)
    clock = min(((latest + ahead + lateness) // step + 2) * step, LATEST_CLOCK)
    beats = heartbeats([s.name for s in spec.inputs.sources], spec.partitions, clock)
    return concat([beats, beats])


def _merge(numbered: Sequence[tuple[int, Emission]], partitions: int) -> Batch:
    """Put the events of slices in order, by the number of the slice and then by clock."""
    emissions = [emission for _, emission in numbered]
    clock = np.concatenate([e.clock for e in emissions])
    piece = np.repeat([n for n, _ in numbered], [len(e) for e in emissions])
    order = np.lexsort((clock, piece))
    key = as_objects(k for e in emissions for k in e.keys)[order].tolist()
    value = as_objects(v for e in emissions for v in e.values)[order].tolist()
    notes = {}
    if any(e.notes is not None for e in emissions):
        noted = [note for e in emissions for note in (e.notes or repeat(None, len(e)))]
        notes = {row: note for row, i in enumerate(order.tolist()) if (note := noted[i])}
    return Batch(
        as_objects(e.source for e in emissions for _ in e.values)[order].tolist(),
        [partition_of(k, partitions) if k else zlib.crc32(v) % partitions
         for k, v in zip(key, value, strict=True)],
        clock[order],
        # Kafka has no time before 1970, and a row of a file may have no time.
        np.concatenate([e.event_time for e in emissions])[order].clip(0).tolist(),
        key,
        value,
        [False] * len(order),
        notes=notes,
    )  # fmt: skip


@lru_cache(maxsize=1 << 17)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key as every Kafka client's default partitioner does.

    >>> partition_of(b"c000042", 8)
    0
    """
    from kafka.partitioner.default import murmur2  # the client takes a fifth of a second to load

    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
