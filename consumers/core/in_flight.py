"""Events on their way through a pipeline: held back, waiting for others, or with the scorer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from streamsim.consumers.core.reorder_buffer import Came, Held, out_of_order
from streamsim.consumers.predict.prepared import Prepared
from streamsim.streams.events import Events, Ints, Mask

_MANY = 32


class Waiting:
    """Events that have been cleaned and are not finished.

    Parameters
    ----------
    hold
        Keep events until their partition's watermark has passed them, and let them go in order
        of event time.
    """

    def __init__(self, partitions: int, *, hold: bool) -> None:
        self._partitions, self._hold = partitions, hold
        self._held = Held()
        self._waiting: list[Events] = []
        self._scoring: list[Prepared] = []

    def __len__(self) -> int:
        return sum(map(len, self._all()))

    def add(self, events: Events) -> None:
        """Take events in."""
        if len(events):
            if self._hold:
                self._held.add(events)
            else:
                self._waiting.append(events)

    def first(self) -> Events | None:
        """Return the batch whose first event has waited longest."""
        return self._waiting[0] if self._waiting else None

    def is_scoring(self) -> bool:
        """Say whether any events are with the scorer."""
        return bool(self._scoring)

    def by_partition(self, *, held: bool = True) -> Ints:
        """Return how many events of each partition are in here, the held ones too or not."""
        count = np.zeros(self._partitions, np.int64)
        for events in self._all() if held else self._released():
            count += np.bincount(events.partition, minlength=len(count))
        return count

    def earliest(self, position: Ints) -> Ints:
        """Lower each partition's position to the offset of its first event in here, in place."""
        for events in self._all():
            np.minimum.at(position, events.partition, events.offset)
        return position

    def earliest_time(self, time: Ints) -> Ints:
        """Lower each partition's time (ms) to that of its earliest event in here, in place."""
        for events in self._all():
            np.minimum.at(time, events.partition, events.event_time)
        return time

    def offsets(self) -> tuple[Ints, Ints]:
        """Return partition and offset of all events in here."""
        parts = list(self._all())
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return (
            np.concatenate([e.partition for e in parts]),
            np.concatenate([e.offset for e in parts]),
        )

    def release(self, watermark: Ints, came: Came, order: Mapping[int, Ints]) -> None:
        """Let held events go whose partition's watermark has passed them; see :class:`Held`."""
        gone = self._held.release(watermark, came, order)
        if gone is not None:
            self._waiting.append(gone)

    def order(self) -> dict[int, Ints]:
        """Return, where held events have gone in another order than that of time, their offsets.

        Per partition, of those that are still under way.
        """
        if not self._hold:
            return {}
        gone = [*(prepared.events for prepared in self._scoring), *self._waiting]
        orders = {p: out_of_order(gone, p) for p in range(self._partitions)}
        return {p: offsets for p, offsets in orders.items() if len(offsets)}

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
            Says of events whether what they need is there.
        kinds
            Says of events of which kind each is: only such as are of one kind are taken together.
        """
        taken = list(self._ready(max_rows, is_ready, kinds))
        return Events.concat(taken) if taken else None

    def score(self, prepared: Prepared) -> None:
        """Take note of events that are with the scorer."""
        self._scoring.append(prepared)

    def finish(self, prepared: Prepared) -> None:
        """Forget events that are finished."""
        self._scoring.remove(prepared)

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
        """Take what is ready from the waiting; a partition's first event that is not stops it."""
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
    """Say which events may go: those before the first of their partition that is not ready.

    That one stops its partition, in place.
    """
    go = ready & ~stopped[chunk.partition]
    if not go.all():
        blocked = np.flatnonzero(~go)
        first = np.full(len(stopped), len(chunk))
        np.minimum.at(first, chunk.partition[blocked], blocked)
        stopped[chunk.partition[blocked]] = True
        go = np.arange(len(chunk)) < first[chunk.partition]
    return go
