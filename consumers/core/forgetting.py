"""Forgetting: delete the state of keys that no event can ask for any more.

New keys may come for ever. Where a feature reaches back for a limited time, a key that has been
silent for longer is the same as a key that never was. So its state can go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsim.consumers.core.stores import Stores
from streamsim.streams.events import NO_TIME
from streamsim.streams.spec import DomainSpec

_SHARE = 8
"""A partition is searched each time this part of a key's time has passed."""


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

    def search(self) -> None:
        """Delete what has ended; a call may come at any time and is short."""
        safe, rescoring = self._stores.in_flight.safe, self._stores.rescoring
        asks_from = safe if rescoring is None else rescoring.reaches_back(safe)
        for searched in self._searched:
            for p in np.flatnonzero(asks_from != NO_TIME).tolist():
                time = int(asks_from[p])
                last = searched.until.setdefault(p, time)
                if time - last > searched.span // _SHARE:
                    searched.until[p] = time
                    searched.store.forget(p, time)
                    break  # the others' turns come: a long search would hold up the batches
