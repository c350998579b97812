"""Cleaner: decode records into columns of events; reject dead, late and duplicate records.

A record belongs to the first class that fits, in this order: dead (it is no valid event), late (it
is older than its source's clock by more than the allowed lateness), duplicate (its id has been
received before).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from streamsim.consumers.clean.deduplication import Deduplication
from streamsim.consumers.clean.hints import envelope_hints, key_reason, not_json
from streamsim.consumers.collect.records import Clocks, Collected, advance
from streamsim.streams.codec import decode_columns, parse_times
from streamsim.streams.events import (
    NO_TIME,
    Columns,
    Dead,
    Events,
    Ints,
    Objects,
    as_objects,
)
from streamsim.streams.spec import Field, Kind, SourceSpec

_ID = Field("event_id", Kind.STRING, "unique per source")
_TIME = Field("event_time", Kind.TIME, "when it happened")


@dataclass(slots=True)
class Cleaned:
    """A cleaned batch; rows are row numbers of the batch as it was received.

    Attributes
    ----------
    clock
        The clock of each event's partition when the event was received (ms, shape
        ``(n_events,)``).
    clocks
        The same for every record of the batch.
    late, duplicate
        Rows of the batch.
    lateness
        By how much each late row exceeds the allowed lateness (ms).
    """

    events: Events
    clock: Ints
    clocks: Ints
    dead: list[Dead]
    late: Ints
    lateness: Ints
    duplicate: Ints


def clean(batch: Collected, spec: SourceSpec, known_ids: Deduplication, clocks: Clocks) -> Cleaned:
    """Decode, validate and classify a batch of one source.

    Heartbeats are left out. The events keep the order of the records.

    Parameters
    ----------
    clocks
        The partitions' clocks; they are advanced in place.
    """
    events, rows, dead = decode(batch, spec)
    claimed = batch.source_time.copy()
    claimed[rows] = events.source_time
    after, leaps = advance(batch, claimed, clocks, spec.max_ahead)
    now = after[rows]
    ahead = (events.event_time - events.source_time > spec.max_ahead) | leaps[rows]
    for row in rows[ahead].tolist():
        of = "source" if leaps[row] and batch.source_time[row] != NO_TIME else "event"
        dead.append(Dead(row, f"{of}_time is ahead of its source's clock"))
    behind = events.source_time - spec.allowed_lateness - events.event_time
    is_late = (behind > 0) & ~ahead
    keep = np.flatnonzero(~is_late & ~ahead)
    fresh = known_ids.first_time(
        events.partition[keep], events.event_id[keep], events.event_time[keep], now[keep]
    )
    return Cleaned(
        events if fresh.all() and len(keep) == len(events) else events.take(keep[fresh]),
        now[keep[fresh]],
        after,
        sorted(dead, key=lambda d: d.row),
        rows[is_late],
        behind[is_late],
        rows[keep[~fresh]],
    )


def decode(batch: Collected, spec: SourceSpec) -> tuple[Events, Ints, list[Dead]]:
    """Turn records into columns.

    Returns
    -------
    events
        The records that match the source's schema.
    rows
        The row of the batch that each event was decoded from.
    dead
        The other records, with the reason: ``field: what is wrong with it``.
    """
    records = batch.records
    judged = ~batch.heartbeat
    judged[list(batch.refused)] = False
    rows = np.flatnonzero(judged)
    values = (
        records.value if len(rows) == len(records) else [records.value[r] for r in rows.tolist()]
    )
    fields = (_ID, _TIME, *spec.fields)
    cells, bad = decode_columns(values, [field.name for field in fields])
    good = rows
    dead = [
        Dead(int(rows[i]), not_json(values[i]) if reason == "not JSON" else reason)
        for i, reason in bad.items()
    ]
    dead += [Dead(row, reason) for row, reason in batch.refused.items() if not batch.heartbeat[row]]
    if bad:
        good = np.delete(rows, list(bad))
    columns: Columns = {}
    wrong: dict[int, str] = {}
    for field, raw in zip(fields, cells, strict=True):
        optional = field.name == spec.key and spec.entity_optional
        column, faults = _READERS[field.kind](field, raw, field.required and not optional)
        columns[field.name] = column
        for i, reason in faults.items():
            wrong.setdefault(i, f"{field.name}: {reason}")
    entities, keys = columns[spec.key].tolist(), [records.key[r] for r in good.tolist()]
    for i in _misplaced(entities, keys):
        wrong.setdefault(i, key_reason(spec.key, entities[i], keys[i]))
    lost = [i for i, reason in wrong.items() if reason == "event_id: missing"]
    if lost:
        hints = envelope_hints(lost, [records.value[r] for r in good.tolist()])
        wrong |= {i: wrong[i] + hint for i, hint in hints.items()}
    if wrong:
        dead += [Dead(int(good[i]), reason) for i, reason in wrong.items()]
        fine_mask = np.ones(len(good), bool)
        fine_mask[list(wrong)] = False
        good = good[fine_mask]
        columns = {name: column[fine_mask] for name, column in columns.items()}
    for name, derive in spec.derived.items():
        columns[name] = derive(columns)
    event_time = cast(Ints, columns.pop("event_time"))
    stamped = batch.source_time[good]
    events = Events(
        spec.name,
        records.partition[good],
        records.offset[good],
        event_time,
        np.where(stamped == NO_TIME, event_time, stamped),
        batch.ingest_time[good],
        cast(Objects, columns.pop("event_id")),
        cast(Objects, columns[spec.key]),
        columns,
    )
    return events, good, dead


def _misplaced(entities: Sequence[str | None], keys: Sequence[bytes | None]) -> list[int]:
    """Find events whose key is not their entity: their partition lacks the entity's past."""
    if None in entities:
        expected = [None if entity is None else entity.encode() for entity in entities]
    else:
        expected = list(map(str.encode, entities))  # type: ignore[arg-type]
    if expected == keys:
        return []
    pairs = enumerate(zip(expected, keys, strict=True))
    return [i for i, (entity, key) in pairs if entity is not None and entity != key]


Faults = dict[int, str]


def _read_strings(field: Field, raw: Sequence[Any], required: bool) -> tuple[Any, Faults]:
    faults: Faults = {}
    lengths = set(map(len, raw)) if set(map(type, raw)) == {str} else {0}
    if 0 in lengths or max(lengths) > field.max_length:
        for i, value in enumerate(raw):
            if value is None or value == "":
                if required:
                    faults[i] = "missing"
            elif type(value) is not str:
                faults[i] = "not a string"
            elif len(value) > field.max_length:
                faults[i] = f"longer than {field.max_length} characters"
        raw = [v if type(v) is str and v else None for v in raw]
    return as_objects(raw), faults


def _read_integers(field: Field, raw: Sequence[Any], required: bool) -> tuple[Any, Faults]:
    faults: Faults = {}
    if set(map(type, raw)) - {int}:
        for i, value in enumerate(raw):
            if value is None:
                faults[i] = "missing"
            elif type(value) is not int:
                faults[i] = "not an integer"
        raw = [0 if i in faults else v for i, v in enumerate(raw)]
    try:
        column = np.array(raw, np.int64)
    except OverflowError:
        for i, value in enumerate(raw):
            if not -(2**63) <= value < 2**63:
                faults.setdefault(i, "too large")
        column = np.array([0 if i in faults else v for i, v in enumerate(raw)], np.int64)
    return column, faults | _out_of_bounds(field, column, faults)


def _read_numbers(field: Field, raw: Sequence[Any], required: bool) -> tuple[Any, Faults]:
    faults: Faults = {}
    kinds = set(map(type, raw)) - {int, float}
    # numpy reads None as NaN itself.
    if kinds and (required or kinds != {type(None)}):
        for i, value in enumerate(raw):
            if value is None:
                if required:
                    faults[i] = "missing"
            elif type(value) not in (int, float):
                faults[i] = "not a number"
        raw = [v if type(v) in (int, float) else np.nan for v in raw]
    column = np.array(raw, np.float64)
    for i in np.flatnonzero(np.isinf(column)).tolist():
        faults[i] = "too large"
    return column, faults | _out_of_bounds(field, column, faults)


def _read_times(field: Field, raw: Sequence[Any], required: bool) -> tuple[Any, Faults]:
    column = parse_times(raw)
    faults = {
        i: "missing" if raw[i] is None else "not an RFC 3339 instant with an offset"
        for i in np.flatnonzero(column == NO_TIME).tolist()
    }
    return column, faults | _out_of_bounds(field, column, faults)


_READERS = {
    Kind.STRING: _read_strings,
    Kind.INTEGER: _read_integers,
    Kind.NUMBER: _read_numbers,
    Kind.TIME: _read_times,
}


def _out_of_bounds(field: Field, column: Any, known: Faults) -> Faults:
    if field.low is None and field.high is None:
        return {}
    low = -np.inf if field.low is None else field.low
    high = np.inf if field.high is None else field.high
    outside = np.flatnonzero((column < low) | (column > high)).tolist()
    return {i: f"not between {low:g} and {high:g}" for i in outside if i not in known}
