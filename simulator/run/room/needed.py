"""What the processes of a run have still to read, by topic and partition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from streamsim.simulator.report.ledger import Ledger
from streamsim.streams.stored.snapshot_files import saved_positions
from streamsim.streams.topics import ALERTS, CHANGELOG, DEAD, METRICS, SHARED, topic

NOTHING = math.inf


class StillNeeded:
    """The first offset of each partition that a process of the run has still to read.

    Parameters
    ----------
    ledgers
        By domain: the workers' positions.
    read
        Topic and partition to the offset of the supervisor's next record.
    snapshots
        Topic to the file of what its other reader remembers.
    """

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        read: Mapping[tuple[str, int], int],
        snapshots: Mapping[str, Path],
    ) -> None:
        self._ledgers, self._read, self._snapshots = ledgers, read, snapshots
        self._sources = {
            topic(name, source.name): (ledger, source.name)
            for name, ledger in ledgers.items()
            for source in ledger.spec.inputs.sources
        }

    def __call__(self, name: str, partition: int) -> float:
        """Return the offset; infinite if no process reads the topic."""
        domain, _, kind = name.partition(".")
        ledger = self._ledgers.get(domain)
        if ledger is None or kind in (CHANGELOG, SHARED):
            return 0  # topics of no domain are small; workers trim their own
        needs: list[float] = []
        if kind in (ALERTS, DEAD, METRICS):
            needs.append(self._read.get((name, partition), 0))
        if name in self._snapshots:
            needs.append(saved_positions(self._snapshots[name]).get((name, partition), 0))
        if name in self._sources:
            own, source = self._sources[name]
            needs.append(own.position(source, partition))
        if kind in ledger.shared:
            needs.append(ledger.saved.get(name, 0))
        return min(needs, default=NOTHING)
