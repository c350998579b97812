"""Batches of records that a producer sends, and the heartbeats among them.

Heartbeats tell the clocks of sources that have nothing to send, and announce where a clock leaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain

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
)
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import RowNote
from streamsim.streams.topics import TRUTH


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
        self._place[TRUTH] = -1  # it has no clock
        self._ahead = np.repeat([s.max_ahead for s in sources], spec.partitions)
        self._clock = np.full(len(self._ahead), NO_TIME)

    def announced(self, batch: Batch) -> Batch:
        """Return a batch with the heartbeats that announce its leaps."""
        first_place = np.fromiter(map(self._place.__getitem__, batch.source), np.int64, len(batch))
        place, counts = first_place + batch.partition, first_place >= 0
        if self._beats_only:
            counts &= batch.heartbeat
        rows = np.flatnonzero(counts)
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


def opened(spec: DomainSpec, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield two heartbeats on every partition, and all batches; a recording stays as it is.

    So each partition's clock is set before another program's record can set it. There are two,
    since the topics may have records of a producer whose clock is far behind.
    """
    for number, batch in enumerate(batches):
        if not number and batch.recorded is None:
            names = [source.name for source in spec.inputs.sources]
            beats = heartbeats(names, spec.partitions, int(batch.due[0]))
            yield concat([beats, beats])
        yield batch


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
