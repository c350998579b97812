"""Reorder buffer: holds events until their partition's watermark has passed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from streamsim.streams.events import Events, Ints, stretches


class Arrivals(NamedTuple):
    """Received records: partition, offset, and the partition's watermark after each (ms).

    They are in order of partition and offset.
    """

    partition: Ints
    offset: Ints
    watermark: Ints


NO_ARRIVALS = Arrivals(*(np.empty(0, np.int64) for _ in range(3)))


class ReorderBuffer:
    """Releases events in an order that does not depend on batch boundaries.

    Each record advances its partition's watermark and releases the events that the watermark
    passes, in order of event time and id. An event that is older than the watermark is released by
    its own record, since older events have been released already.
    """

    def __init__(self) -> None:
        self.events: list[Events] = []

    def add(self, events: Events) -> None:
        """Hold events."""
        self.events.append(events)

    def release(
        self, watermark: Ints, arrivals: Arrivals, order: Mapping[int, Ints]
    ) -> Events | None:
        """Release the events that the watermarks (ms, per partition) have passed, in order.

        Parameters
        ----------
        arrivals
            The records that have advanced the watermarks since the last call.
        order
            Per partition, offsets of events that had been released before a restart and are held
            again, in the order of that release.
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
        released = held.take(free)
        by = _released_by(released, arrivals)
        for p, offsets in order.items():
            own = np.flatnonzero(released.partition == p)
            by[own] = _place_in(released.offset[own], offsets)
        return released.take(_in_order(released, by))


def _released_by(events: Events, arrivals: Arrivals) -> Ints:
    """Return the offset of the record that released each event, -1 if it is not in ``arrivals``."""
    by = np.full(len(events), -1)
    for p, rows in stretches(arrivals.partition):
        own = np.flatnonzero(events.partition == p)
        offset, watermark = arrivals.offset[rows], arrivals.watermark[rows]
        itself = np.searchsorted(offset, events.offset[own])
        passed = np.searchsorted(watermark, events.event_time[own], side="right")
        by[own] = offset[np.minimum(np.maximum(itself, passed), len(offset) - 1)]
    return by


def _in_order(events: Events, by: Ints) -> Ints:
    """Return the rows in order of time; within a partition, by the record that released them."""
    ids = events.event_id.astype(str)
    rows = np.lexsort((ids, events.event_time))
    partition = events.partition[rows]
    own = rows[np.argsort(partition, kind="stable")]
    its = np.lexsort((ids, events.event_time, by, events.partition))
    if not np.array_equal(own, its):
        rows[np.argsort(partition, kind="stable")] = its
    return rows


def _place_in(offsets: Ints, order: Ints) -> Ints:
    """Return the place of each offset in an order; for one that is not in it, its length."""
    sorter = np.argsort(order)
    at = np.searchsorted(order, offsets, sorter=sorter)
    place = np.append(sorter, len(order))[at]
    found = np.append(order, -1)[place] == offsets
    return np.where(found, place, len(order))


def out_of_order(parts: list[Events], partition: int) -> Ints:
    """Return the offsets of a partition's events, if they are not in order of time and id."""
    own = [(events, np.flatnonzero(events.partition == partition)) for events in parts]
    own = [(events, rows) for events, rows in own if len(rows)]
    if not own:
        return np.empty(0, np.int64)
    # Each column is taken when it is needed: a checkpoint does this with all events in flight.
    times = np.concatenate([events.event_time[rows] for events, rows in own])
    after = np.diff(times)
    in_order = bool((after >= 0).all())
    if in_order and (same := np.flatnonzero(after == 0)).size:
        ids = np.concatenate([events.event_id[rows] for events, rows in own])
        in_order = bool((ids[same] < ids[same + 1]).all())
    if in_order:
        return np.empty(0, np.int64)
    return np.concatenate([events.offset[rows] for events, rows in own])
