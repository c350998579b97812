"""Small files of payments in every format, and the cleaner's results for them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from streamsim.consumers.clean.cleaner import decode
from streamsim.consumers.collect.records import collect
from streamsim.producers import files
from streamsim.producers.batches import Batch
from streamsim.producers.file_kinds import find_files
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import as_records
from streamsim.streams.codec import format_times
from streamsim.streams.spec import DAY, HOUR
from streamsim.streams.tables.row_readers import read_chunks
from tests.property.logs import SPEC, START

Row = Mapping[str, Any]
REQUIRED = ("event_id", "event_time", "card_id", "terminal_id", "amount_cents")
COLUMNS = (*REQUIRED, "currency", "category")
DEAD = "dead"
GOOD: Row = {
    "event_id": "e",
    "event_time": "2025-01-06T00:00:00.000Z",
    "card_id": "c",
    "terminal_id": "t",
    "amount_cents": 1,
    "currency": None,
    "category": None,
}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(list(rows[0]))
        writer.writerows([row[name] for name in rows[0]] for row in rows)


def write_json_lines(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in rows[0]}), path)


def write_xml(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<payments>\n')
        for row in rows:
            cells = ((name, "" if row[name] is None else str(row[name])) for name in row)
            written = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in cells)
            file.write(f"  <row>{written}</row>\n")
        file.write("</payments>\n")


FORMATS: dict[str, Callable[[Path, Sequence[Row]], None]] = {
    ".csv": write_csv,
    ".jsonl": write_json_lines,
    ".parquet": write_parquet,
    ".xml": write_xml,
}


def batches_of(path: Path, chunk: int) -> Iterator[Batch]:
    """Send a file, read in chunks of rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "read_chunks", partial(read_chunks, rows=chunk))
        ((file, kind),) = find_files(SPEC.inputs, path)
        source = files.FileSource(SPEC.inputs, file, kind, SPEC.longest_delay)
        yield from wire(SPEC, source.slices())


def events_of(path: Path, chunk: int = 50_000) -> dict[str, list[Any]]:
    """Return the cleaner's results for a file: its events, and ``dead`` for other rows.

    Per source, in the order of sending; each event comes with its source's clock. Every
    heartbeat has to be one.
    """
    found: dict[str, list[Any]] = {source.name: [] for source in SPEC.inputs.sources}
    for batch in batches_of(path, chunk):
        for records in as_records(SPEC, [batch]):
            collected = collect(records)
            assert collected.heartbeat.sum() == sum(
                beat
                for beat, source in zip(batch.heartbeat, batch.source, strict=True)
                if source == records.source
            )
            if collected.heartbeat.all():
                continue
            collected = collect(records.take(~collected.heartbeat))
            events, rows, dead = decode(collected, SPEC.source(records.source))
            fates: list[Any] = [DEAD] * len(collected.records)
            for i, row in enumerate(rows.tolist()):
                fates[row] = {name: column[i] for name, column in events.columns.items()} | {
                    "event_id": events.event_id[i],
                    "event_time": int(events.event_time[i]),
                    "clock": int(events.source_time[i]),
                }
            assert fates.count(DEAD) == len(dead)
            found[records.source] += fates
    return found


# No spaces around a word, and no number: what happens to these has a test of its own.
WORDS = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=5
).map(lambda word: f"x{word}x")
GAPS = st.sampled_from([0, 1, HOUR, 5 * HOUR, DAY, 9 * DAY])
SHIFTS = (0, 0, 0, 0, -HOUR, 400 * DAY)


@st.composite
def payments(
    draw: st.DrawFn,
    *,
    times: st.SearchStrategy[str | None] | None = None,
    shifts: Sequence[int] = SHIFTS,
    first_is_right: bool = True,
    max_size: int = 24,
    **columns: st.SearchStrategy[Any],
) -> list[dict[str, Any]]:
    """Draw rows with the topic's own columns.

    Parameters
    ----------
    times
        What else there may be instead of a time.
    shifts
        By how much a time may be wrong.
    first_is_right
        Whether the first row's time is not too late, or it would be taken for wrong.
    columns
        What there may be in other columns.
    """
    rows, time = [], START
    strategies = {
        "event_id": WORDS,
        "card_id": WORDS,
        "terminal_id": WORDS,
        "amount_cents": st.integers(-1, 10**6),
        "currency": st.none() | st.sampled_from(["EUR", "CHF"]),
        "category": st.none() | WORDS,
    } | columns
    for gap, shift in draw(
        st.lists(st.tuples(GAPS, st.sampled_from(shifts)), min_size=1, max_size=max_size)
    ):
        time += gap
        if first_is_right and not rows:
            shift = min(shift, 0)
        text: str | None = format_times(np.array([time + shift]))[0]
        if times is not None and draw(st.integers(0, 3)) == 0:
            text = draw(times)
        row = {name: draw(strategy) for name, strategy in strategies.items()}
        rows.append({name: text if name == "event_time" else row[name] for name in COLUMNS})
    return rows
