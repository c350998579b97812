"""Confirmed records: keeps in a file how far the broker has confirmed what a producer sent.

A mark is set now and then, and written once the broker has confirmed all that was sent before it.
The sender never waits for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from streamsim.producers.batch_producer import is_confirmed, offset_after
from streamsim.producers.resume import Place, Progress

SAVE_MS = 1_000
"""Least time between two marks."""


class _Mark(NamedTuple):
    """What was sent at one moment: events by source, and the newest batch of each partition.

    Of a batch, the records count that it held then; it may be filled further.
    """

    rows: Mapping[str, int]
    newest: Mapping[Place, tuple[Any, int]]
    at_ms: int
    behind_ms: int
    latest_ms: int


class Confirmed:
    """The progress of one producer.

    Parameters
    ----------
    file
        Where it is kept; ``None`` keeps none.
    offsets
        The offsets that an earlier producer of the same records has reached.
    """

    def __init__(self, file: Path | None, offsets: Mapping[Place, int]) -> None:
        self._file = file
        self.offsets = dict(offsets)
        """Topic and partition to the offset after the confirmed records."""
        self._newest: dict[Place, Any] = {}
        self._mark: _Mark | None = None
        self._due_ms = 0

    def appended(self, place: Place, begun: Sequence[Any]) -> None:
        """Note the batches that were begun for records of a partition."""
        if begun:
            self._newest[place] = begun[-1]

    def look(self, now_ms: int, rows: Counter[str], behind_ms: int, latest_ms: int) -> bool:
        """Set or write a mark, if it is time; return whether one was written.

        Parameters
        ----------
        rows
            Events sent so far, by source.
        behind_ms
            By how much the producer has fallen behind on purpose (ms).
        latest_ms
            Latest clock or event time sent so far (ms).
        """
        if self._mark is None:
            if now_ms >= self._due_ms:
                newest = {p: (batch, batch.record_count) for p, batch in self._newest.items()}
                self._mark = _Mark(dict(rows), newest, now_ms, behind_ms, latest_ms)
                self._due_ms = now_ms + SAVE_MS
            return False
        mark = self._mark
        if not all(is_confirmed(batch) for batch, _ in mark.newest.values()):
            return False
        self._mark = None
        for place, (batch, count) in mark.newest.items():
            # Of a batch that had been written before, the broker does not say where.
            self.offsets[place] = max(self.offsets.get(place, 0), offset_after(batch, count))
            if self._newest.get(place) is batch:
                del self._newest[place]  # it is full: later records begin another
        if self._file is not None:
            with suppress(OSError):  # a full disk: the next producer skips fewer by number
                Progress(mark.rows, self.offsets, mark.at_ms, mark.behind_ms, mark.latest_ms).save(
                    self._file
                )
        return True
