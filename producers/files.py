"""File source: a file's rows as events, in the order of the file, with the file's own clock."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd

from streamsim.producers.encode import Written, encode_rows
from streamsim.producers.file_kinds import without_ending
from streamsim.producers.ordered import read_ordered
from streamsim.streams.events import LATEST_CLOCK, NO_TIME, Ints
from streamsim.streams.reading.flags import flag_of
from streamsim.streams.reading.identifiers import text_of
from streamsim.streams.spec import DAY, Inputs
from streamsim.streams.spec.input_maps import FILE, PART, ROW, FileMap
from streamsim.streams.spec.world import Emission, RowNote, Slice
from streamsim.streams.tables.opening import open_table
from streamsim.streams.tables.row_readers import read_chunks
from streamsim.streams.tables.table import Chunk

log = logging.getLogger(__name__)
LOOK_AHEAD = 16
"""How many following rows decide whether a row's time is plausible."""
MOST_HELD = 50_000
"""Most rows that are held back because their heartbeat may go on."""
KINDS = 50
"""Most kinds of rows that are counted separately."""
LATEST = LATEST_CLOCK - 1000 * DAY
"""The highest clock of a file (ms): labels and the final heartbeats must still fit after it."""


class FileSource:
    """One file of a domain, as slices.

    Parameters
    ----------
    file
        Maps the file's columns to events.
    longest_delay
        Longest delay of a label after its event (ms): later labels after the last event belong to
        no event of the file.
    name
        Name of the file among several, without its ending; by default it is the only one.

    Attributes
    ----------
    unused
        Number of rows that have not become events, by kind.

    Notes
    -----
    The source's clock is the highest plausible event time so far. A time is implausible if most of
    the following rows are older by more than the source's ``max_ahead``. So one absurd date makes
    only its own row dead. The clock does not start before 1970.
    """

    def __init__(
        self, inputs: Inputs, path: Path, file: FileMap, longest_delay: int, name: str = ""
    ) -> None:
        self._inputs, self._path, self._file = inputs, path, file
        self._name, self._part = name or without_ending(path.name), f"{name}/" if name else ""
        self._longest_delay = longest_delay
        self._pending: list[Emission] = []
        self._clock = NO_TIME
        self._until = NO_TIME
        self._row = 0
        self._to_events = file.begin() if file.begin else file.convert
        self._leading = inputs.source(file.leads) if file.leads else inputs.trigger
        self.unused: Counter[str] = Counter()

    def slices(self) -> Iterator[Slice]:
        """Read the file once, from beginning to end; implied labels are emitted when due."""
        table = open_table(self._path, self._file.dialect, self._file.columns_are_in)
        optional: Iterable[str] = self._file.optional
        if table.fixed:
            optional = (name for name in optional if name in table.names)
        columns = [*self._file.columns, *optional]
        leading = self._leading.name
        rest: Emission | None = None
        order = self._file.order
        chunks = read_ordered(table, columns, order) if order else read_chunks(table, columns)
        for chunk in chunks:
            emissions = dict(self._convert(chunk))
            led = emissions.pop(leading)
            self._pending += [e for e in emissions.values() if len(e)]
            rest = led if rest is None else _join(rest, led)
            done = yield from self._cut(rest, max(0, len(rest) - LOOK_AHEAD))
            rest = rest.take(slice(done, None))
        if rest is not None:
            yield from self._cut(rest, len(rest), whole=True)
        self._log_unused()
        yield from self._drain()

    def _convert(self, chunk: Chunk) -> Iterator[tuple[str, Emission]]:
        chunk.frame.attrs |= {FILE: self._name, PART: self._part, ROW: self._row}
        self._row += len(chunk.frame)
        used = np.zeros(len(chunk.frame), bool)
        file = self._path.name
        bad = {**_unclear(chunk.frame, self._file.flags, self._file.dialect.missing), **chunk.bad}
        written = Written(
            chunk.original,
            lambda row: f"{file}:{chunk.numbers[row]}",
            chunk.frame,
            self._file.written,
            bad,
            self._file.dialect.missing,
            private=bool(self._inputs.pseudonyms),
        )
        for name, frame in self._to_events(chunk.frame).items():
            used[chunk.frame.index.get_indexer(frame.index)] = True
            source = self._inputs.source(name)
            yield name, encode_rows(source, frame, written, in_order=source is not self._leading)
        self._count(chunk.frame[~used])

    def _count(self, rows: pd.DataFrame) -> None:
        """Count rows that have not become events, by kind, so that no row is lost silently."""
        if self._file.kinds:
            kinds = (str(text).partition("//")[0][:40] for text in rows[self._file.kinds])
        else:
            kinds = (self._file.name for _ in range(len(rows)))
        for kind, count in Counter(kinds).items():
            known = kind in self.unused or len(self.unused) < KINDS
            self.unused[kind if known else "other"] += count

    def _log_unused(self) -> None:
        if self.unused:
            kinds = ", ".join(f"{kind} {n:,}" for kind, n in self.unused.most_common())
            log.info(
                "%s: %d of %d rows are no event of any source: %s",
                self._path.name, self.unused.total(), self._row, kinds,
            )  # fmt: skip

    def _cut(
        self, events: Emission, count: int, *, whole: bool = False
    ) -> Generator[Slice, None, int]:
        """Yield the first ``count`` events in slices, with the pending events that fall due.

        A heartbeat that may go on behind them is held back, unless they are the ``whole`` rest: so
        the chunks in which a file is read make no difference. Return how many have been yielded.
        """
        if not count:
            return 0
        clock = self._believe(events.event_time)[:count]
        step = self._inputs.heartbeat
        edges = np.flatnonzero(np.diff(clock // step, prepend=NO_TIME))
        if not whole and (edges[-1] or count < MOST_HELD):
            count = int(edges[-1])
            clock, edges = clock[:count], edges[:-1]
        if not count:
            return 0
        self._clock = int(clock[-1])
        for low, high in zip(edges, [*edges[1:], count], strict=True):
            start = int(clock[low] // step * step)
            if start > self._until:
                yield from self._fall_due(start, ())
            rows = slice(int(low), int(high))
            part = Emission(
                events.source, events.event_time[rows], clock[rows], events.keys[rows],
                events.values[rows], events.notes[rows] if events.notes is not None else None,
            )  # fmt: skip
            yield from self._fall_due(start + step, (part,))
        return count

    def _believe(self, times: Ints) -> Ints:
        """Return the source's clock at each row."""
        ahead = self._leading.max_ahead
        padded = np.append(times, np.full(LOOK_AHEAD, np.iinfo(np.int64).max))
        window = np.lib.stride_tricks.sliding_window_view(padded, LOOK_AHEAD + 1)[:, 1:]
        known = times != NO_TIME
        younger = (window >= np.where(known, times, 0)[:, None] - ahead).sum(axis=1)
        true = known & (younger * 2 >= (window != NO_TIME).sum(axis=1))
        return np.maximum.accumulate(np.where(true, times, NO_TIME)).clip(
            max(self._clock, 0), LATEST
        )

    def _fall_due(self, until: int, emissions: tuple[Emission, ...]) -> Iterator[Slice]:
        """Yield a slice with the pending events that are due before ``until``.

        When the clock leaps, they come before the leap in slices of their own.
        """
        due = []
        for i, pending in enumerate(self._pending):
            count = int(np.searchsorted(pending.event_time, until))
            if count:
                due.append(pending.take(slice(0, count)))
                self._pending[i] = pending.take(slice(count, None))
        self._pending = [p for p in self._pending if len(p)]
        self._until = until
        yield Slice(until, (*emissions, *due))

    def _drain(self) -> Iterator[Slice]:
        """Yield what is still pending at the end, heartbeat by heartbeat."""
        step, end = self._inputs.heartbeat, self._clock + self._longest_delay
        if self._file.order:
            end = LATEST  # rows that were sorted by another number may be of any time
        while self._pending:
            first = min(int(p.event_time[0]) for p in self._pending)
            if first > end:
                # A label that belongs to no plausible event: sent now, and rejected as dead.
                last = [replace(p, clock=np.full(len(p), self._until)) for p in self._pending]
                self._pending = []
                yield Slice(self._until + step, tuple(last))
                return
            yield from self._fall_due(max(first // step * step + step, self._until), ())


def together(sources: Iterable[Iterator[Slice]]) -> Iterator[Slice]:
    """Merge the slices of several files in order of their clocks; slices of equal end become one.

    No file's clock is published before all files have reached it.
    """
    slices = list(sources)
    heads = [next(own, None) for own in slices]
    while left := [head.until for head in heads if head is not None]:
        until = min(left)
        emissions: list[Emission] = []
        for i, head in enumerate(heads):
            if head is not None and head.until == until:
                emissions += head.emissions
                heads[i] = next(slices[i], None)
        yield Slice(until, tuple(emissions))


def _unclear(frame: pd.DataFrame, flags: Sequence[str], missing: frozenset[str]) -> dict[int, str]:
    """Return why rows are refused in which a flag says neither yes nor no."""
    found: dict[int, str] = {}
    for name in flags:
        if name not in frame:
            continue
        said = frame[name].map(flag_of)
        for row in np.flatnonzero(said.isna().to_numpy()).tolist():
            value = text_of(frame[name].iloc[row])
            if value is not None and value.strip() and value not in missing:
                found.setdefault(row, f"{name}: neither yes nor no: {value!r}")
    return found


def _join(a: Emission, b: Emission) -> Emission:
    return Emission(
        a.source,
        np.concatenate([a.event_time, b.event_time]),
        np.concatenate([a.clock, b.clock]),
        a.keys + b.keys,
        a.values + b.values,
        None if a.notes is b.notes is None else [*_notes(a), *_notes(b)],
    )


def _notes(events: Emission) -> Iterable[RowNote | None]:
    return repeat(None, len(events)) if events.notes is None else events.notes
