"""Disk of a run: the embedded broker's data are kept within a budget, and need room."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from streamsim.models.registry import Registry
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.run.room.needed import StillNeeded
from streamsim.simulator.run.room.retention import Retention
from streamsim.simulator.run.stack import Stack
from streamsim.simulator.run.view import View
from streamsim.streams.settings import EMBEDDED, Settings
from streamsim.streams.spec.renewals import outdated

RESERVE_MB = 64
"""A run on the embedded broker ends by itself when less is left, to finish what was sent."""

MARGIN = 2
"""Intervals of renewal for which versions are kept that the workers have passed: after a crash
events are scored again."""


def room_mb(folder: Path) -> int:
    """Return the free space of a folder's disk (MiB).

    >>> room_mb(Path.home()) > 0
    True
    """
    return shutil.disk_usage(folder).free >> 20


class Disk:
    """Watches the disk of one run; it does nothing for a broker of the user's."""

    def __init__(self, settings: Settings, folder: Path, view: View) -> None:
        self._settings, self._folder, self._view = settings, folder, view
        self._retention: Retention | None = None
        self._renewed: Registry | None = None

    def limit(self, stack: Stack, needed: StillNeeded) -> None:
        """Keep the data of a stack's embedded broker within the budget from now on."""
        self._renewed = Registry(stack.renewed)
        if stack.broker is not None:
            budget = self._settings.broker_disk_mb << 20
            self._retention = Retention(stack.address, stack.run.data, budget, needed)

    @property
    def lacks_room(self) -> bool:
        """Whether the embedded broker has no room left for its data."""
        return self._settings.broker == EMBEDDED and room_mb(self._folder) < RESERVE_MB

    def look(self) -> bool:
        """Delete old records if there are too many; say whether there is room for more.

        Raises
        ------
        BrokerError
            If the broker does not answer.
        """
        if self.lacks_room:
            self._view.warn_once(
                f"less than {RESERVE_MB} MiB are left on the disk of {self._settings.home}: "
                "the sources are stopped"
            )
            return False
        if self._retention is not None:
            self._retention.apply()
            if self._retention.exceeded:
                self._view.warn_once(
                    f"the broker's data take more than {self._settings.broker_disk_mb} MiB "
                    "(STREAMSIM_BROKER_DISK_MB): the rest has still to be read"
                )
        return True

    def drop_versions(self, ledgers: Iterable[Ledger]) -> None:
        """Delete the renewed versions that no event will ask for any more."""
        for ledger in ledgers:
            # Clocks say too little: an event in flight may be far behind them.
            renewal, judged = ledger.spec.model.renewal, ledger.judged_until()
            if self._renewed is None or renewal is None or judged is None:
                continue
            name = ledger.spec.model.recipe.name
            oldest = judged - MARGIN * renewal.every
            for version in outdated(self._renewed.versions(name), renewal, oldest):
                self._renewed.drop(name, version)
