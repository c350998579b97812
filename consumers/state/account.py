"""Account: counts of records by class, per source and partition.

Every record except a heartbeat ends in exactly one class. For triggers: scored, late, duplicate,
dead, filtered (with the reason). For context and labels: applied, late, duplicate, dead. A record
without a class is still in flight.
"""

from __future__ import annotations

import numpy as np

from streamsim.consumers.state.deltas import Changes
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import Ints
from streamsim.streams.spec import DomainSpec, Role

SCORED, APPLIED, LATE, DUPLICATE, DEAD, HEARTBEAT = (
    "scored",
    "applied",
    "late",
    "duplicate",
    "dead",
    "heartbeat",
)
NO_ENTITY, NO_MODEL, WARM_UP = "no_entity", "no_model", "warm_up"
FILTERED = (NO_ENTITY, NO_MODEL, WARM_UP)
COMMON = (LATE, DUPLICATE, DEAD, HEARTBEAT)


class Account:
    """Counts per source, class and partition."""

    def __init__(self, spec: DomainSpec, *, journal: bool = False) -> None:
        self._changes = Changes(spec.partitions, kept=journal)
        self._counts: dict[str, dict[str, Ints]] = {
            source.name: {
                name: np.zeros(spec.partitions, np.int64)
                for name in ((SCORED, *FILTERED) if source.role is Role.TRIGGER else (APPLIED,))
                + COMMON
            }
            for source in spec.inputs.sources
        }

    def add(self, source: str, name: str, partition: Ints) -> None:
        """Count one record per entry of ``partition`` in a class."""
        if len(partition):
            counts = self._counts[source][name]
            counts += np.bincount(partition, minlength=len(counts))
            self._changes.touch(partition)

    def of(self, source: str, partition: int) -> dict[str, int]:
        """Return the classes of one partition of a source."""
        return {name: int(counts[partition]) for name, counts in self._counts[source].items()}

    def total(self, source: str) -> dict[str, int]:
        """Return the classes of a source over all partitions."""
        return {name: int(counts.sum()) for name, counts in self._counts[source].items()}

    def snapshot(self, partition: int) -> Columns:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        self._changes.drop(partition)
        return self._columns(partition)

    def delta(self) -> dict[int, Columns]:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return {p: self._columns(p) for p in self._changes.take()}

    def restore(self, partition: int, parts: Parts) -> None:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        for source, classes in self._counts.items():
            written = parts.last(source).tolist() or [0] * len(classes)
            for counts, count in zip(classes.values(), written, strict=True):
                counts[partition] = count

    def fingerprint(self) -> object:
        """See :class:`~streamsim.consumers.state.store.Store`."""
        return {source: list(classes) for source, classes in self._counts.items()}

    def _columns(self, partition: int) -> Columns:
        return {
            source: np.array([counts[partition] for counts in classes.values()])
            for source, classes in self._counts.items()
        }
