"""Stamps: the headers that our producers write, by column.

Most records carry the same two headers. A reader that knows so keeps two arrays instead of a list
of pairs for every record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import overload

from streamsim.streams.events import (
    HEARTBEAT,
    INGEST_TIME,
    SOURCE_TIME,
    HeaderColumns,
    Headers,
    Ints,
    Mask,
)


@dataclass(frozen=True, slots=True, eq=False)
class Stamps(HeaderColumns):
    """Headers of records: the source's clock, and the time of sending or the mark of a heartbeat.

    Times are in ms. A heartbeat has no time of sending: its ``ingest_time`` is ``NO_TIME``.

    >>> import numpy as np
    >>> times = np.array([5, 6])
    >>> stamps = Stamps(times, times, np.array([False, True]))
    >>> stamps[0]
    [('source_time', b'0000000000005'), ('ingest_time', b'0000000000005')]
    >>> list(stamps.take(np.array([1])))
    [[('source_time', b'0000000000006'), ('heartbeat', b'1')]]
    """

    source_time: Ints
    ingest_time: Ints
    heartbeat: Mask

    def __len__(self) -> int:
        return len(self.source_time)

    def __iter__(self) -> Iterator[Headers]:
        return map(self._of, range(len(self)))

    @overload
    def __getitem__(self, row: int) -> Headers: ...

    @overload
    def __getitem__(self, row: slice) -> Stamps: ...

    def __getitem__(self, row: int | slice) -> Headers | Stamps:
        return self._of(row) if isinstance(row, int) else self.take(row)

    def take(self, rows: Ints | Mask | slice) -> Stamps:
        """Return the stamps of the given records, in the given order."""
        return Stamps(self.source_time[rows], self.ingest_time[rows], self.heartbeat[rows])

    def _of(self, row: int) -> Headers:
        clock = (SOURCE_TIME, b"%013d" % self.source_time[row])
        if self.heartbeat[row]:
            return [clock, (HEARTBEAT, b"1")]
        return [clock, (INGEST_TIME, b"%013d" % self.ingest_time[row])]
