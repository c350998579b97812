"""Wire format: turn slices of a source into records with keys, partitions, clocks and heartbeats.

Pure functions: the same slices give the same records, for a broker or a test.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat

import numpy as np

from streamsim.producers.batches import Batch, Leaps, heartbeats
from streamsim.streams.clock import Clock
from streamsim.streams.events import (
    as_objects,
)
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Emission, Slice


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
