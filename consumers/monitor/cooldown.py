"""Cool-down: after an alert, its entity raises no other alert for a while."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import Events, Ints, Mask


class Cooldown:
    """Time of the last alert on each entity, per partition.

    Parameters
    ----------
    cooldown
        How long an entity raises no other alert (ms of event time); 0: every alert is raised.
    """

    def __init__(self, cooldown: int, partitions: int, *, journal: bool = False) -> None:
        self._cooldown = cooldown
        self._last: list[dict[str, int]] = [{} for _ in range(partitions)]
        self._changes = Changes(partitions, kept=journal)

    def is_quiet(self, events: Events) -> Mask:
        """Say which events' entities are in their cool-down."""
        places = zip(events.partition.tolist(), events.entity, strict=True)
        last = [self._last[p].get(entity) for p, entity in places]
        times = events.event_time.tolist()
        quiet = [
            one is not None and abs(time - one) < self._cooldown
            for time, one in zip(times, last, strict=True)
        ]
        return np.array(quiet, bool)

    def due(self, events: Events) -> Ints:
        """Find the rows that raise an alert if these events are the next ones, in this order."""
        if not self._cooldown:
            return np.arange(len(events))
        rows = []
        started: dict[tuple[int, str], int] = {}
        places = zip(events.partition.tolist(), events.entity.tolist(), strict=True)
        for row, (place, time) in enumerate(zip(places, events.event_time.tolist(), strict=True)):
            last = started.get(place)
            if last is None:
                last = self._last[place[0]].get(place[1])
            if last is None or abs(time - last) >= self._cooldown:
                started[place] = time
                rows.append(row)
        return np.array(rows, np.int64)

    def raised(self, events: Events) -> Ints:
        """Find the rows whose entities are not in their cool-down, and start it for them."""
        new = self.due(events)
        if self._cooldown:
            started = events.take(new)
            partition, time = started.partition, started.event_time
            places = zip(partition.tolist(), started.entity.tolist(), time.tolist(), strict=True)
            for p, entity, at in places:
                self._last[p][entity] = at
            self._changes.add(partition, {"key": started.entity, "time": time})
        return new

    def forget(self, partition: int, asks_from: int) -> None:
        """Forget the entities of a partition whose cool-down is over at a time (ms)."""
        last, over = self._last[partition], asks_from - self._cooldown
        self._last[partition] = {key: time for key, time in last.items() if time > over}

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        last = self._last[partition]
        return {"key": list(last), "time": np.array(list(last.values()), np.int64)}

    def delta(self) -> Mapping[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return self._changes.take()

    def restore(self, partition: int, parts: Parts) -> None:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        last = zip(parts.texts("key"), parts.ints("time").tolist(), strict=True)
        self._last[partition].update(last)

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return None
