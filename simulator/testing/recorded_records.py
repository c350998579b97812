"""The records of a recording by column, in the order in which a run would send them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np

from streamsim.consumers.collect.records import usual_stamps
from streamsim.producers.batches import finale
from streamsim.producers.recording import ROWS as STEP
from streamsim.producers.recording import Recorded, Recording
from streamsim.simulator.in_process import as_records
from streamsim.streams.events import NO_TIME, Ints, Records, stretches
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stamps import Stamps
from streamsim.streams.topics import TRUTH, topic


def recorded_records(spec: DomainSpec, recording: Recording, rows: int) -> Iterator[Records]:
    """Yield a recording's records, about ``rows`` or more at once, and then final heartbeats.

    They are those that :func:`~streamsim.simulator.in_process.as_records` makes of the recording's
    batches. Offsets begin at 0 and have no holes.
    """
    names = [topic(spec.name, source.name) for source in spec.inputs.sources]
    number = {name: n for n, name in enumerate([*names, topic(spec.name, TRUTH)])}
    # In one pass: each record is in the processor's cache for all of its columns.
    topics, *columns = _columns(recording)
    source = np.array([number.get(name, -1) for name in topics], np.int64)
    if len(source) and source.min() < 0:
        known = (source >= 0).tolist()
        source, columns = source[known], [tuple(compress(column, known)) for column in columns]
    stamps = usual_stamps(columns[-1]) if recording.is_announced else None
    if stamps is None or not len(stamps) or (stamps.source_time == NO_TIME).any():
        yield from _row_by_row(spec, recording, rows)
        return
    yield from _by_column(spec, source, columns, stamps, rows)


def _columns(recording: Recording) -> list[Sequence[Any]]:
    return list(zip(*recording.records, strict=True)) or [()] * len(Recorded._fields)


def _row_by_row(spec: DomainSpec, recording: Recording, rows: int) -> Iterator[Records]:
    """Yield the records of another producer, whose headers have any layout."""
    batches = list(recording.batches(spec))
    if batches:
        batches.append(finale(spec, max(batch.latest() for batch in batches)))
    yield from as_records(spec, batches, rows)


def _by_column(
    spec: DomainSpec, source: Ints, columns: Sequence[Sequence[Any]], stamps: Stamps, rows: int
) -> Iterator[Records]:
    partitions, _, times, keys, values, _ = columns
    partition = np.array(partitions, np.int64)
    place = source * spec.partitions + partition
    clock, offset = _clocks(stamps.source_time, place)
    step = -(-rows // STEP) * STEP
    sent = np.empty(len(clock), np.int64)
    sent[np.argsort(clock, kind="stable")] = np.arange(len(clock)) // step
    # Within a partition, the order of the recording is that of the clock.
    order = np.lexsort((place, sent))
    truth = len(spec.inputs.sources)
    group = (sent * (truth + 1) + source)[order]
    ingest = np.where(stamps.heartbeat, NO_TIME, clock)
    stamps = Stamps(stamps.source_time, ingest, stamps.heartbeat)
    for n, part in stretches(group):
        if n % (truth + 1) == truth:
            continue
        own = order[part]
        chosen = own.tolist()
        yield Records(
            spec.inputs.sources[n % (truth + 1)].name,
            partition[own],
            offset[own],
            [times[row] for row in chosen],
            [keys[row] for row in chosen],
            [values[row] for row in chosen],
            stamps.take(own),
        )
    counts = np.bincount(place, minlength=truth * spec.partitions)
    yield from _heartbeats(spec, max(int(clock.max()), max(times)), counts)


def _clocks(stamped: Ints, place: Ints) -> tuple[Ints, Ints]:
    """Return each record's clock, which never runs backwards in a partition, and its offset."""
    clock, offset = np.empty_like(stamped), np.empty_like(stamped)
    order = np.argsort(place, kind="stable")
    for _, rows in stretches(place[order]):
        own = order[rows]
        clock[own] = np.maximum.accumulate(stamped[own])
        offset[own] = np.arange(len(own))
    return clock, offset


def _heartbeats(spec: DomainSpec, latest: int, counts: Ints) -> Iterator[Records]:
    counts = counts.copy()
    beats, n, all_sources = finale(spec, latest), spec.partitions, spec.inputs.sources
    for start in range(0, len(beats), n):
        rows, number = slice(start, start + n), start // n % len(all_sources)
        offsets = counts[number * n : (number + 1) * n]
        stamps = Stamps(beats.due[rows], np.full(n, NO_TIME), np.ones(n, bool))
        columns = (beats.timestamp[rows], beats.key[rows], beats.value[rows])
        yield Records(all_sources[number].name, np.arange(n), offsets.copy(), *columns, stamps)
        offsets += 1
