"""Context source in a database table: changed rows as events within a domain's slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import orjson

from streamsim.producers.changes import changes_as_emission
from streamsim.producers.database import ChangePoller
from streamsim.producers.upsert import Update, UpsertTable
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import SourceSpec
from streamsim.streams.spec.input_maps import TableMap
from streamsim.streams.spec.world import Emission, Slice


def with_changes(
    slices: Iterable[Slice], poller: ChangePoller, source: SourceSpec
) -> Iterator[Slice]:
    """Add the changes of a table to the slices of their times.

    Changes before the first slice are part of it; later changes are in the slice of their time.
    """
    waiting: Emission | None = None
    for piece in slices:
        if waiting is None:
            waiting = _all(poller, source)
        known = waiting.event_time != NO_TIME
        due = np.flatnonzero(~known | (waiting.event_time < piece.until))
        rest = np.flatnonzero(known & (waiting.event_time >= piece.until))
        now, waiting = waiting.take(due), waiting.take(rest)
        clock = np.maximum.accumulate(now.event_time.clip(0, piece.until - 1))
        yield Slice(piece.until, (*piece.emissions, replace(now, clock=clock)))


def _all(poller: ChangePoller, source: SourceSpec) -> Emission:
    rows = []
    while page := poller.poll():
        rows += page
    return changes_as_emission(rows, source)


def through_table(
    slices: Iterable[Slice],
    table: TableMap,
    source: SourceSpec,
    writer: UpsertTable,
    poller: ChangePoller,
) -> Iterator[Slice]:
    """Write a world's changes into a table, and replace them by the changes polled from it."""
    for piece in slices:
        emissions = []
        for emission in piece.emissions:
            if emission.source == table.source and len(emission):
                writer.upsert([_update(table, v) for v in _bodies(emission, source)])
                changed = _all(poller, source)
                clock = np.maximum(changed.event_time, emission.clock[0])
                emission = replace(changed, clock=np.minimum(clock, piece.until - 1))
            emissions.append(emission)
        yield Slice(piece.until, tuple(emissions))


def _bodies(emission: Emission, source: SourceSpec) -> Iterator[tuple[str, int, dict[str, object]]]:
    for value, time in zip(emission.values, emission.event_time.tolist(), strict=True):
        body = orjson.loads(value)
        yield body[source.key], time, body


def _update(table: TableMap, row: tuple[str, int, dict[str, object]]) -> Update:
    key, time, body = row
    version = next((f for f, column in table.columns.items() if column == table.version), None)
    values = {f: body.get(f) for f in table.columns if f != version}
    return Update(key, time, values)
