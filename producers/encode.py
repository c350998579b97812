"""Encoding of a source's rows, read from a file or a table, as an emission."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import NO_TIME, Ints, Mask
from streamsim.streams.spec import Field, Kind, Role, SourceSpec
from streamsim.streams.spec.world import Emission, RowNote
from streamsim.streams.tables.json_rows import dump_row

if TYPE_CHECKING:
    import pandas as pd

_WANTED = {
    Kind.STRING: "a text",
    Kind.INTEGER: "an integer",
    Kind.NUMBER: "a number",
    Kind.TIME: "an instant",
}
_SHOWN = 60
"""Characters of a value that a reason shows."""


@dataclass(frozen=True, slots=True)
class Written:
    """Rows as they were written, for the reasons of those that are no events.

    Attributes
    ----------
    original
        ``row -> its original bytes``.
    found_at
        ``row -> its file and its line``; ``None`` if the rows come from no file.
    values
        The columns as they were written.
    names
        Fields of events to these columns, where the names differ.
    bad
        Row to reason, for the rows that could not be read at all.
    missing
        What stands for a value that is not there.
    private
        Whether values may be personal: then no reason shows one.
    """

    original: Callable[[int], bytes]
    found_at: Callable[[int], str] | None = None
    values: pd.DataFrame | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    bad: Mapping[int, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    private: bool = False

    def column(self, name: str, rows: pd.Index) -> tuple[str, pd.Series | None]:
        """Return the name of a field's column, and its values in these rows."""
        theirs = self.names.get(name, name)
        if self.values is None or theirs not in self.values:
            return theirs, None
        return theirs, self.values[theirs].loc[rows]


def encode_rows(
    source: SourceSpec, frame: pd.DataFrame, written: Written, *, in_order: bool | None = None
) -> Emission:
    """Encode a frame's rows; a row that is no event says why, and keeps its original bytes.

    Parameters
    ----------
    frame
        ``event_id``, ``event_time`` (ms, ``NO_TIME`` if missing) and the source's fields, as far
        as they are known. Its index says which of the written rows each was made from.
    in_order
        Whether to return the events in order of event time, not in that of the frame; by default,
        unless the source is the trigger.

    Returns
    -------
    The events; the clock is the event time.
    """
    times: Ints = frame["event_time"].to_numpy(np.int64)
    fields = [f for f in source.fields if f.name in frame]
    readable = np.where(times == NO_TIME, 0, times)
    values = encode_objects(
        {
            "event_id": frame["event_id"],
            "event_time": format_times(readable),
            **{f.name: _plain(frame[f.name], f.kind) for f in fields},
        }
    )
    keys = [k.encode() if isinstance(k, str) else None for k in frame[source.key]]
    refused = _refused(source, frame, written)
    notes = _notes(source, frame, written, refused)
    positions = frame.index.to_numpy()
    private = written.private or source.sensitive
    for row, own in refused.items():
        original = written.original(int(positions[row]))
        # The record shows the fields as they are written, unless they may be personal.
        shown = own.values is not None and written.values is not None and not private
        values[row] = _as_written(values[row], own.values or {}) if shown else original
        if shown and notes is not None and (note := notes[row]) is not None:
            notes[row] = note._replace(original=original)
    order = np.arange(len(times))
    if source.role is not Role.TRIGGER if in_order is None else in_order:
        order = np.argsort(times, kind="stable")
    return Emission(source.name, times, times, keys, values, notes).take(order)


@dataclass(slots=True)
class _Refusal:
    """Why a row is no event, and its unreadable fields as they are written, if it has fields."""

    reason: str
    values: dict[str, Any] | None = None


def _as_written(value: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return an encoded row with these fields as they are written."""
    return dump_row({**orjson.loads(value), **fields})


def _refused(source: SourceSpec, frame: pd.DataFrame, written: Written) -> dict[int, _Refusal]:
    """Return the rows of a frame that are no events."""
    found: dict[int, _Refusal] = {}
    if written.bad:
        for row, position in enumerate(frame.index.tolist()):
            if why := written.bad.get(position):
                found[row] = _Refusal(why)
    optional = source.key if source.entity_optional else None
    checked = [_TIME, _ID, *(f for f in source.fields if f.name in frame)]
    for own in checked:
        absent = _absent(frame[own.name], own.kind)
        if not absent.any():
            continue
        required = own.required and own.name != optional
        rows = np.flatnonzero(absent)
        theirs, raw = written.column(own.name, frame.index[rows])
        values = _there(raw, written.missing) if raw is not None else {}
        for place, row in enumerate(rows.tolist()):
            if required or place in values:
                value = values.get(place)
                why = _reason(own, theirs, value, private=written.private or source.sensitive)
                refusal = found.setdefault(row, _Refusal(why, {}))
                if refusal.values is not None:
                    refusal.values[own.name] = value
    return found


_TIME = Field("event_time", Kind.TIME, "when it happened")
_ID = Field("event_id", Kind.STRING, "unique per source", required=False)


def _absent(column: pd.Series, kind: Kind) -> Mask:
    if kind is Kind.TIME:
        return np.asarray(column.to_numpy(np.int64) == NO_TIME)
    return column.isna().to_numpy()


def _there(raw: pd.Series, missing: frozenset[str]) -> dict[int, Any]:
    """Return the values that a column as it was written has, by place."""
    places = np.flatnonzero(raw.notna().to_numpy()).tolist()
    found = {place: raw.iloc[place] for place in places}
    return {
        place: value
        for place, value in found.items()
        if not isinstance(value, str) or (value.strip() and value.strip() not in missing)
    }


def _reason(own: Field, theirs: str, value: Any, *, private: bool) -> str:
    """Say what is wrong with a field: its value too, unless it may be personal."""
    where = "" if theirs == own.name else f", in {theirs}"
    if value is None:
        return f"{own.name}: missing{where}"
    text = repr(value)
    shown = "" if private else f": {text[:_SHOWN]}{'...' * (len(text) > _SHOWN)}"
    return f"{own.name}: not {_WANTED[own.kind]}{where}{shown}"


def _notes(
    source: SourceSpec, frame: pd.DataFrame, written: Written, refused: Mapping[int, _Refusal]
) -> list[RowNote | None] | None:
    """Return a note about each row that is no event, or that the cleaner will not take for one."""
    import pandas as pd

    found_at = written.found_at
    if found_at is None:
        return None
    doubtful = np.zeros(len(frame), bool)
    for own in source.fields:
        if own.name in frame and own.kind in (Kind.INTEGER, Kind.NUMBER):
            numbers = pd.to_numeric(frame[own.name], errors="coerce").to_numpy(
                np.float64, na_value=np.nan
            )
            low = -np.inf if own.low is None else own.low
            high = np.inf if own.high is None else own.high
            doubtful |= (numbers < low) | (numbers > high)
    doubtful |= frame["event_id"].isna().to_numpy()
    doubtful[list(refused)] = True
    if not doubtful.any():
        return None
    notes: list[RowNote | None] = [None] * len(frame)
    for row in np.flatnonzero(doubtful).tolist():
        why = refused[row].reason if row in refused else ""
        notes[row] = RowNote(found_at(int(frame.index[row])), why)
    return notes


def _plain(column: pd.Series, kind: Kind) -> Sequence[Any]:
    """Return a column as JSON types."""
    if kind is Kind.TIME:
        return format_times(column.to_numpy(np.int64))
    return column.astype(object).where(column.notna(), None).tolist()
