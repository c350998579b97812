"""Positions: next offset and clock of every source, per partition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Ints, Mask, Records


class Positions:
    """Offsets and clocks of all sources of a domain.

    Parameters
    ----------
    lateness
        Per source, by how much its events may be late (ms).

    Attributes
    ----------
    clocks
        Per source, its partitions' clocks: the latest source time (ms).
    heard
        Per source and partition, what the last heartbeat said (ms).
    next
        Per source and partition, the offset of the next record to process; -1 before the first.
    """

    def __init__(
        self, lateness: Mapping[str, int], partitions: int, *, journal: bool = False
    ) -> None:
        self._lateness = lateness
        self.clocks = {name: np.full(partitions, NO_TIME) for name in lateness}
        self.heard = {name: np.full(partitions, NO_TIME) for name in lateness}
        self.next = {name: np.full(partitions, -1) for name in lateness}
        self._changes = Changes(partitions, kept=journal)

    def known(self, records: Records) -> Mask:
        """Say which records have been processed before."""
        return records.offset < self.next[records.source][records.partition]

    def watermark(self, source: str) -> Ints:
        """Return the watermark of a source per partition: older records are late (ms)."""
        return self.watermark_at(source, self.clocks[source])

    def watermark_at(self, source: str, clock: Ints) -> Ints:
        """Return the watermarks of a source at these clocks (ms)."""
        return np.where(clock == NO_TIME, NO_TIME, clock - self._lateness[source])

    def advance(self, records: Records) -> None:
        """Advance the offsets past records that are processed."""
        np.maximum.at(self.next[records.source], records.partition, records.offset + 1)
        self._changes.touch(records.partition)

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        return self._columns(partition)

    def delta(self) -> dict[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return {p: self._columns(p) for p in self._changes.take()}

    def restore(self, partition: int, parts: Parts) -> None:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        for column, own in self._named():
            for by_partition, value in zip(own.values(), parts.last(column).tolist(), strict=True):
                by_partition[partition] = value

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return [*self.clocks, *(column for column, _ in self._named())]

    def _columns(self, partition: int) -> Columns:
        return {
            column: np.array([by_partition[partition] for by_partition in own.values()])
            for column, own in self._named()
        }

    def _named(self) -> tuple[tuple[str, dict[str, Ints]], ...]:
        return ("next", self.next), ("clock", self.clocks), ("heard", self.heard)
