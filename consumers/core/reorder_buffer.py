"""Reorder buffer: holds events until their partition's watermark has passed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from streamsim.streams.events import Events, Ints, stretches


class Arrivals(NamedTuple):
    """Records that have come: partition, offset, and the watermark once each had (ms).

    They are in order of partition and offset.
    """

    partition: Ints
    offset: Ints
    watermark: Ints


NO_ARRIVALS = Arrivals(*(np.empty(0, np.int64) for _ in range(3)))


class ReorderBuffer:
    """Lets events go one record after the other, as if each had come alone.

    A record moves its partition's watermark; those that it passes go then, in order of event time
    and id. An event that comes behind the watermark goes with its own record: waiting for what is
    older would not help, for that has gone. So the order does not depend on how records are cut
    into batches.
    """

    def __init__(self) -> None:
        self.events: list[Events] = []

    def add(self, events: Events) -> None:
        """Hold events."""
        self.events.append(events)

    def release(
        self, watermark: Ints, arrivals: Arrivals, order: Mapping[int, Ints]
    ) -> Events | None:
        """Let go what the watermarks (ms, per partition) have passed, in the order of its going.

        Parameters
        ----------
        arrivals
            The records that have moved the watermarks since the last time.
        order
            Per partition, offsets of events that have gone before, in that order, and are held
            again after a restart.
        """
        if not self.events:
            return None
        held = Events.concat(self.events)
        free = held.event_time < watermark[held.partition]
        if not free.any():
            self.events = [held]
            return None
        rest = ~free
        self.events = [held.take(rest)] if rest.any() else []
        gone = held.take(free)
        by = _let_go_by(gone, arrivals)
        for p, offsets in order.items():
            own = np.flatnonzero(gone.partition == p)
            by[own] = _place_in(gone.offset[own], offsets)
        return gone.take(_in_order(gone, by))


def _let_go_by(events: Events, arrivals: Arrivals) -> Ints:
    """Return the offset of the record that let each event go, -1 where none of these did."""
    by = np.full(len(events), -1)
    for p, rows in stretches(arrivals.partition):
        own = np.flatnonzero(events.partition == p)
        offset, watermark = arrivals.offset[rows], arrivals.watermark[rows]
        itself = np.searchsorted(offset, events.offset[own])
        passed = np.searchsorted(watermark, events.event_time[own], side="right")
        by[own] = offset[np.minimum(np.maximum(itself, passed), len(offset) - 1)]
    return by


def _in_order(events: Events, by: Ints) -> Ints:
    """Return the rows in order of time, of all partitions; those of each by what let them go."""
    ids = events.event_id.astype(str)
    rows = np.lexsort((ids, events.event_time))
    partition = events.partition[rows]
    own = rows[np.argsort(partition, kind="stable")]
    its = np.lexsort((ids, events.event_time, by, events.partition))
    if not np.array_equal(own, its):
        rows[np.argsort(partition, kind="stable")] = its
    return rows


def _place_in(offsets: Ints, order: Ints) -> Ints:
    """Return the place of each in an order; of what is not in it, the place after its end."""
    sorter = np.argsort(order)
    at = np.searchsorted(order, offsets, sorter=sorter)
    place = np.append(sorter, len(order))[at]
    found = np.append(order, -1)[place] == offsets
    return np.where(found, place, len(order))


def out_of_order(parts: list[Events], partition: int) -> Ints:
    """Return a partition's events by offset, as they lie here, if that is not by time and id."""
    own = [events.take(events.partition == partition) for events in parts]
    own = [events for events in own if len(events)]
    if not own:
        return np.empty(0, np.int64)
    times = np.concatenate([events.event_time for events in own])
    after = np.diff(times)
    in_order = bool((after >= 0).all())
    if in_order and (same := np.flatnonzero(after == 0)).size:
        ids = np.concatenate([events.event_id for events in own])
        in_order = bool((ids[same] < ids[same + 1]).all())
    if in_order:
        return np.empty(0, np.int64)
    return np.concatenate([events.offset for events in own])
