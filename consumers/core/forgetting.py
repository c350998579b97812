"""Forgetting: delete the state of keys that no event can ask for any more.

New keys may come for ever. Where a feature reaches back for a limited time, a key that has been
silent for longer is the same as a key that never was. So its state can go.

A clock may leap ahead of events that are still to come, and they count. So a clock alone deletes
nothing: the last events of the partition must all be that new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsim.consumers.core.stores import Stores
from streamsim.streams.events import NO_TIME, Events
from streamsim.streams.spec import DomainSpec

_SHARE = 8
"""A partition is searched each time this part of a key's time has passed."""
_LAST = 100
"""So many events of a partition, at least, must be newer than what is deleted."""
_NONE = np.iinfo(np.int64).max


class Forgets(Protocol):
    """Protocol of a store whose keys end."""

    def forget(self, partition: int, asks_from: int) -> None:
        """Delete keys of which events from a time on (ms) learn nothing."""
        ...


@dataclass(slots=True)
class _Searched:
    store: Forgets
    span: int
    """How long a key's state counts (ms)."""
    until: dict[int, int]
    """Per partition, the time for which it was searched last (ms)."""


class Forgetting:
    """Searches the stores of a domain, a partition of each at a time."""

    def __init__(self, spec: DomainSpec, stores: Stores) -> None:
        self._stores = stores
        alerting = spec.alerting
        spans: list[tuple[Forgets, int]] = [(stores.cooldown, alerting.rule.cooldown)]
        spans += [(stores.event_cooldowns[r.name], r.cooldown) for r in alerting.event_rules]
        spans += [(stores.windows[w.name], max(w.lengths)) for w in spec.features.windows]
        joins = [join for join in spec.features.joins if join.keep]
        spans += [(stores.joins[join.name], join.keep) for join in joins]
        self._searched = [_Searched(store, span, {}) for store, span in spans]
        # Events come in blocks; the oldest event of the block before stands until one is full.
        self._count = np.zeros(spec.partitions, np.int64)
        self._oldest = np.full(spec.partitions, _NONE)
        self._oldest_before = np.full(spec.partitions, NO_TIME)

    def note(self, events: Events) -> None:
        """Note events that are finished."""
        self._count += np.bincount(events.partition, minlength=len(self._count))
        np.minimum.at(self._oldest, events.partition, events.event_time)
        full = self._count >= _LAST
        if full.any():
            self._oldest_before[full] = self._oldest[full]
            self._oldest[full], self._count[full] = _NONE, 0

    def search(self) -> None:
        """Delete what has ended; a call may come at any time and is short."""
        safe, rescoring = self._stores.in_flight.safe, self._stores.rescoring
        safe = np.minimum(safe, np.minimum(self._oldest, self._oldest_before))
        asks_from = safe if rescoring is None else rescoring.reaches_back(safe)
        for searched in self._searched:
            for p in np.flatnonzero(asks_from != NO_TIME).tolist():
                time = int(asks_from[p])
                last = searched.until.setdefault(p, time)
                if time - last > searched.span // _SHARE:
                    searched.until[p] = time
                    searched.store.forget(p, time)
                    break  # the others' turns come: a long search would hold up the batches
