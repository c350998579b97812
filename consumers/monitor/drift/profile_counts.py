"""Profile counts: scored rows per bin of each feature and of the score, in buckets of event time.

Of each partition's rows every ``every``-th is counted, by its offset: which ones does not depend
on batches. Beside, the scores of all rows are counted in finer bins. Each bucket is published once
and complete.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from streamsim.consumers.monitor.astray import Astray
from streamsim.consumers.monitor.estimation.score_counts import ScoreCounts
from streamsim.consumers.monitor.sparse_counts import dense, sparse
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import ForeignRecordError, StateError
from streamsim.streams.events import NO_TIME, Events, Floats, Ints, Matrix, Outbound
from streamsim.streams.statistics.reference_profile import CELLS, Cells, Reference, tally
from streamsim.streams.stored.packing import pack, unpack
from streamsim.streams.topics import PROFILES, topic

EVERY = 10
"""One row in so many is counted."""
_BUFFER = 4_096
"""Rows that are counted at once: counting few rows costs nearly as much as counting many."""
_WORD = 8
"""Cells of a row that are packed into one integer of a delta."""


class ProfileCounts:
    """The counts of one worker's partitions that are not published yet.

    Parameters
    ----------
    reference
        The profile whose bins are counted.
    step
        Length of a bucket (ms).
    every
        Count the rows whose offsets are multiples of this.
    """

    def __init__(
        self,
        domain: str,
        reference: Reference,
        partitions: int,
        *,
        step: int,
        every: int = EVERY,
        journal: bool = False,
    ) -> None:
        self._changes, self._astray = Changes(partitions, kept=journal), Astray(partitions)
        self._reference, self._step, self._every = reference, step, every
        self._bins, self._width = reference.fingerprint(), len(reference.columns)
        self._topic = topic(domain, PROFILES)
        self.until = np.full(partitions, NO_TIME)
        """Per partition, the event time before which all counts are published (ms)."""
        self._counts: list[dict[int, Ints]] = [{} for _ in range(partitions)]
        self._scores = ScoreCounts(partitions, self._changes)
        self._waiting: list[tuple[Ints, Ints, Matrix, Floats]] = []
        self._n_waiting = 0

    def leave_out(self, events: Events, watermark: Ints) -> None:
        """Exclude events that are behind their partition's watermark as they are received.

        Parameters
        ----------
        watermark
            Of each event's partition when the event was received (ms).
        """
        self._changes.touch(self._astray.note(events, watermark))

    def add(self, events: Events, features: Matrix, scores: Floats) -> None:
        """Count scored events.

        An event before :attr:`until` is left out: its bucket is published.

        Parameters
        ----------
        features, scores
            As the model had and gave them, shapes ``(n, n_features)`` and ``(n,)``.
        """
        counted = events.event_time >= self.until[events.partition]
        if self._astray:
            astray = self._astray.take(events)
            self._changes.touch(events.partition[astray])
            counted &= ~astray
        partition, bucket = events.partition, events.event_time // self._step * self._step
        self._scores.add(partition[counted], bucket[counted], scores[counted])
        rows = np.flatnonzero(counted & (events.offset % self._every == 0))
        self._waiting.append((partition[rows], bucket[rows], features[rows], scores[rows]))
        self._n_waiting += len(events)
        if self._n_waiting >= _BUFFER * self._every:
            self._flush()

    def closes(self, final: Ints) -> bool:
        """Say whether a bucket has ended by these times; see :meth:`close`."""
        return bool((self._ends(final) > self.until).any())

    def close(self, final: Ints) -> list[Outbound]:
        """Publish the buckets that have ended by these times.

        Parameters
        ----------
        final
            Per partition, the event time before which all events are scored (ms).
        """
        self._flush()
        ends = self._ends(final)
        closing = np.flatnonzero(ends > self.until)
        self._changes.touch(closing)
        return [self._close(p, int(ends[p])) for p in closing.tolist()]

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._flush()
        self._changes.drop(partition)
        own = self._own(sparse(self._counts[partition])) | self._scores.snapshot(partition)
        return own | self._standing(partition)

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._flush()
        return {p: own | self._standing(p) for p, own in self._changes.take().items()}

    def restore(self, partition: int, parts: Parts) -> None:
        """Restore a partition's counts, except those that were published since.

        Counts of other bins, those of another model, are skipped.
        """
        until = parts.last("until").tolist()[0] if parts else NO_TIME
        own = parts.of(self._bins)
        counts = dense((self._width, CELLS), own)
        rows = own.of("row")
        words = [rows.ints(str(i)) for i in range(_words(self._width))]
        cells = np.column_stack(words).view(np.uint8)[:, : self._width]
        _count(counts, rows.ints("bucket"), cells)
        self.until[partition] = until
        self._counts[partition] = {at: n for at, n in counts.items() if at >= until}
        self._scores.restore(partition, parts, until)
        self._astray.restore(partition, parts.last("astray"))

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return [self._bins, self._step, self._every]

    def _standing(self, partition: int) -> Columns:
        until = self.until[partition : partition + 1].copy()
        return {"until": until, "astray": self._astray.of(partition)}

    def _own(self, columns: Columns) -> Columns:
        """Name columns by the bins."""
        return {f"{self._bins}:{name}": column for name, column in columns.items()}

    def _flush(self) -> None:
        """Count the rows that wait."""
        self._scores.flush()
        if not self._waiting:
            return
        partition, bucket, features, scores = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting, self._n_waiting = [], 0
        cells = self._reference.cells(features, scores)
        for p in np.unique(partition).tolist():
            own = partition == p
            _count(self._counts[p], bucket[own], cells[own])
        if self._changes.kept:
            columns = {"bucket": bucket, **_packed(cells)}
            self._changes.add(partition, columns, f"{self._bins}:row")

    def _close(self, p: int, end: int) -> Outbound:
        since, counts = int(self.until[p]), self._counts[p]
        due = {at: own for at, own in sorted(counts.items()) if at < end}
        body = {
            "span": np.array([p, since, end]),
            "bins": [self._bins],
            "width": np.array([self._width]),
            **sparse(due),
            **self._scores.take(p, end),
        }
        self.until[p] = end
        self._counts[p] = {at: own for at, own in counts.items() if at >= end}
        return Outbound(self._topic, 0, b"%d" % p, pack(body), max(end, 0), [])

    def _ends(self, final: Ints) -> Ints:
        return np.where(final == NO_TIME, NO_TIME, final - final % self._step)


def read_profiles(value: bytes | None, bins: str) -> tuple[int, int, int, dict[int, Ints]]:
    """Read a published record: partition, begin and end (ms), and counts per bucket's begin.

    Counts have the shape ``(n_features + 1, CELLS)``.

    Parameters
    ----------
    bins
        The fingerprint of the profile whose bins are expected.

    Raises
    ------
    ForeignRecordError
        If it is none, or has counts of other bins.
    """
    try:
        columns = Parts([unpack(value or b"")])
        p, since, until = columns.ints("span").tolist()
        (own,), (width,) = columns.texts("bins"), columns.ints("width").tolist()
        if own != bins:
            raise ForeignRecordError("counts of other bins than the model's")
        counts = dense((width, CELLS), columns)
    except (StateError, KeyError, ValueError, TypeError, IndexError) as error:
        raise ForeignRecordError(f"no profile counts ({error})") from None
    return p, since, until, counts


def _count(counts: dict[int, Ints], bucket: Ints, cells: Cells) -> None:
    for at in np.unique(bucket).tolist():
        own = tally(cells[bucket == at])
        known = counts.get(at)
        counts[at] = own if known is None else known + own


def _words(width: int) -> int:
    return -(-width // _WORD)


def _packed(cells: Cells) -> dict[str, npt.NDArray[np.int64]]:
    """Return rows of cells as columns of integers."""
    n, width = cells.shape
    padded = np.zeros((n, _words(width) * _WORD), np.uint8)
    padded[:, :width] = cells
    return {str(i): column for i, column in enumerate(padded.view(np.int64).T)}
