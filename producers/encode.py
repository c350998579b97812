"""Encoding of a source's rows, read from a file or a table, as an emission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.streams.codec import encode_objects, format_times
from streamsim.streams.events import NO_TIME, Ints
from streamsim.streams.spec import Kind, Role, SourceSpec
from streamsim.streams.spec.world import Emission

if TYPE_CHECKING:
    import pandas as pd


def encode_rows(
    source: SourceSpec, frame: pd.DataFrame, original: Callable[[int], bytes]
) -> Emission:
    """Encode a frame's rows; a row that lacks a required field keeps its original bytes.

    Parameters
    ----------
    frame
        ``event_id``, ``event_time`` (ms, ``NO_TIME`` if missing) and the source's fields, as far
        as they are known.
    original
        ``label of a row in the frame's index -> its original bytes``.

    Returns
    -------
    In the order of the frame for a trigger, in order of event time for other sources; the clock is
    the event time.
    """
    times: Ints = frame["event_time"].to_numpy(np.int64)
    fields = [f for f in source.fields if f.name in frame]
    optional = source.key if source.entity_optional else None
    required = [f.name for f in fields if f.required and f.name != optional]
    unknown = frame[required].isna().any(axis=1).to_numpy()
    for name in ("event_time", *(f.name for f in fields if f.kind is Kind.TIME)):
        unknown = unknown | (frame[name].to_numpy(np.int64) == NO_TIME)
    readable = np.where(times == NO_TIME, 0, times)
    values = encode_objects(
        {
            "event_id": frame["event_id"],
            "event_time": format_times(readable),
            **{f.name: _plain(frame[f.name], f.kind) for f in fields},
        }
    )
    keys = [k.encode() if isinstance(k, str) else None for k in frame[source.key]]
    positions = frame.index.to_numpy()
    for row in np.flatnonzero(unknown).tolist():
        values[row] = original(int(positions[row]))
    order = np.arange(len(times))
    if source.role is not Role.TRIGGER:
        order = np.argsort(times, kind="stable")
    return Emission(source.name, times, times, keys, values).take(order)


def _plain(column: pd.Series, kind: Kind) -> Sequence[Any]:
    """Return a column as JSON types."""
    if kind is Kind.TIME:
        return format_times(column.to_numpy(np.int64))
    return column.astype(object).where(column.notna(), None).tolist()
