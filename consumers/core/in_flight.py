"""In-flight buffer: events that have been received and are not finished.

They are in the reorder buffer, wait for other sources or partitions, or are with the scorer. A
checkpoint lists them by offset: after a restart they are read again, and all other records before
the checkpoint are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from streamsim.consumers.core.offset_ranges import as_ranges, from_ranges
from streamsim.consumers.core.reorder_buffer import Arrivals, ReorderBuffer, out_of_order
from streamsim.consumers.predict.prepared import Prepared
from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.positions import Positions
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Events, Ints, Mask, Records

_MANY = 32


class InFlight:
    """The trigger's events in one worker's partitions that are not finished.

    Parameters
    ----------
    source
        Name of the trigger.
    positions
        Of all sources; they give the trigger's watermark.
    hold
        Keep events until their partition's watermark has passed them, and release them in order
        of event time.
    """

    def __init__(
        self, source: str, positions: Positions, *, hold: bool, journal: bool = False
    ) -> None:
        self._source, self._at = source, positions
        self._partitions = len(positions.next[source])
        self._hold, self._journal = hold, journal
        self._held = ReorderBuffer()
        self._waiting: list[Events] = []
        self._scoring: list[Prepared] = []
        self._unread: dict[int, Ints] = {}
        """Per partition, offsets of events that were in flight at its checkpoint and are still to
        be read again (sorted)."""
        self._order: dict[int, Ints] = {}
        """Per partition, offsets of such events that the reorder buffer had released out of time
        order, in the order of release."""
        self._saved = np.full(self._partitions, NO_TIME)
        self._changes = Changes(self._partitions, kept=journal)

    def __len__(self) -> int:
        return sum(map(len, self._all()))

    def add(self, events: Events) -> None:
        """Add events."""
        if len(events):
            if self._hold:
                self._held.add(events)
            else:
                self._waiting.append(events)

    def touch(self, partition: Ints) -> None:
        """Note that records of these partitions have been received or finished."""
        self._changes.touch(partition)

    def wanted_again(self, records: Records) -> Mask:
        """Say which records were in flight at the checkpoint; each is wanted only once."""
        found = np.zeros(len(records), bool)
        for p in np.unique(records.partition).tolist():
            wanted = self._unread.get(p)
            if wanted is None:
                continue
            own = records.partition == p
            offsets = records.offset[own]
            found[own] = np.isin(offsets, wanted)
            rest = wanted[~np.isin(wanted, offsets)]
            if len(rest):
                self._unread[p] = rest
            else:
                del self._unread[p]
        return found

    def release(self, arrivals: Arrivals) -> None:
        """Release held events that their partition's watermark has passed."""
        if not self._hold:
            return
        watermark = self._at.watermark(self._source)
        # Events that are read again keep their old order: all of them must be back first.
        watermark[list(self._unread)] = NO_TIME
        released = self._held.release(watermark, arrivals, self._order)
        if released is not None:
            self._waiting.append(released)
        for p in self._order.keys() - self._unread.keys():
            del self._order[p]

    def take(
        self,
        max_rows: int,
        is_ready: Callable[[Events], Mask],
        kinds: Callable[[Events], Ints] | None = None,
    ) -> Events | None:
        """Take events that are ready, ``max_rows`` or a little more.

        Parameters
        ----------
        is_ready
            Returns whether each event has what it needs.
        kinds
            Returns the kind of each event; all taken events are of one kind.
        """
        taken = list(self._ready(max_rows, is_ready, kinds))
        return Events.concat(taken) if taken else None

    def score(self, prepared: Prepared) -> None:
        """Note that events are with the scorer."""
        self._scoring.append(prepared)

    def finish(self, prepared: Prepared) -> None:
        """Remove events that are finished."""
        self._scoring.remove(prepared)
        self.touch(prepared.events.partition)

    def first(self) -> Events | None:
        """Return the batch whose first event has waited longest."""
        return self._waiting[0] if self._waiting else None

    def is_scoring(self) -> bool:
        """Say whether any events are with the scorer."""
        return bool(self._scoring)

    def is_next(self, prepared: Prepared) -> bool:
        """Say whether these events finish before all others that are with the scorer."""
        return bool(self._scoring) and self._scoring[0] is prepared

    def waiting_for_others(self) -> Ints:
        """Count the events of each partition that wait for more than their own watermark."""
        count = np.zeros(self._partitions, np.int64)
        for events in self._released():
            count += np.bincount(events.partition, minlength=len(count))
        return count

    def earliest(self, position: Ints) -> Ints:
        """Lower each partition's position to its first event in flight, in place."""
        for events in self._all():
            np.minimum.at(position, events.partition, events.offset)
        for partition, offsets in self._unread.items():
            position[partition] = min(position[partition], offsets[0])
        return position

    def asks_from(self) -> Ints:
        """Return, per partition, the earliest event time that may still be looked up (ms)."""
        time = self._at.watermark(self._source)
        for events in self._all():
            np.minimum.at(time, events.partition, events.event_time)
        for p in self._unread:
            time[p] = min(time[p], self._saved[p])
        return time

    @property
    def safe(self) -> Ints:
        """Per partition, the event time before which no lookup happens, even after a crash (ms)."""
        return self._saved if self._journal else self.asks_from()

    def saved(self, partition: int, columns: Columns) -> None:
        """Note that a checkpoint of a partition has been stored durably."""
        if "safe" in columns:
            self._saved[partition] = columns["safe"][0]

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        return self._columns([partition])[partition]

    def delta(self) -> dict[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._columns(list(self._changes.take()))

    def restore(self, partition: int, parts: Parts) -> None:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._saved[partition] = parts.last("safe")[0]
        unread = from_ranges(parts.last("pending"))
        if len(unread):
            self._unread[partition] = unread
            order = parts.last("order")
            if len(order):
                self._order[partition] = order

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._source

    def _columns(self, partitions: list[int]) -> dict[int, Columns]:
        if not partitions:
            return {}
        nothing = np.empty(0, np.int64)
        parts = [(nothing, nothing), *((e.partition, e.offset) for e in self._all())]
        own, offset = (np.concatenate(column) for column in zip(*parts, strict=True))
        asks_from, found = self.asks_from(), {}
        released = [*(prepared.events for prepared in self._scoring), *self._waiting]
        for p in partitions:
            pending = np.concatenate([offset[own == p], self._unread.get(p, nothing)])
            order = out_of_order(released, p) if self._hold else nothing
            columns: Columns = {
                "pending": as_ranges(np.sort(pending)),
                "order": order if len(order) else self._order.get(p, nothing),
                "safe": asks_from[p : p + 1].copy(),
            }
            found[p] = columns
        return found

    def _all(self) -> Iterator[Events]:
        yield from self._held.events
        yield from self._released()

    def _released(self) -> Iterator[Events]:
        yield from self._waiting
        for prepared in self._scoring:
            yield prepared.events

    def _ready(
        self,
        max_rows: int,
        is_ready: Callable[[Events], Mask],
        kinds: Callable[[Events], Ints] | None,
    ) -> Iterator[Events]:
        """Take ready events; a partition stops at its first event that is not ready."""
        waiting, self._waiting = self._waiting, []
        stopped = np.zeros(self._partitions, bool)
        chosen = None
        for chunk in waiting:
            if max_rows <= 0:
                self._waiting.append(chunk)
                continue
            go = _unstopped(chunk, is_ready(chunk), stopped)
            if kinds is not None and go.any():
                kind = kinds(chunk)
                chosen = kind[go.argmax()] if chosen is None else chosen
                go = _unstopped(chunk, go & (kind == chosen), stopped)
            if go.all():
                max_rows -= len(chunk)
                yield chunk
            elif go.any():
                self._waiting.append(chunk.take(~go))
                max_rows -= int(go.sum())
                yield chunk.take(go)
            else:
                self._waiting.append(chunk)
        if len(self._waiting) > _MANY:
            self._waiting = [Events.concat(self._waiting)]


def _unstopped(chunk: Events, ready: Mask, stopped: Mask) -> Mask:
    """Say which events may go: those before the first unready event of their partition.

    Partitions with an unready event are marked in ``stopped``, in place.
    """
    go = ready & ~stopped[chunk.partition]
    if not go.all():
        blocked = np.flatnonzero(~go)
        first = np.full(len(stopped), len(chunk))
        np.minimum.at(first, chunk.partition[blocked], blocked)
        stopped[chunk.partition[blocked]] = True
        go = np.arange(len(chunk)) < first[chunk.partition]
    return go
