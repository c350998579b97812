"""Readiness: whether all data that an event is joined with has arrived."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.state.positions import Positions
from streamsim.streams.events import Events, Ints, Mask
from streamsim.streams.spec import DomainSpec


class Readiness:
    """Checks events against the sources' watermarks, the global tables and the model schedule."""

    def __init__(
        self,
        spec: DomainSpec,
        positions: Positions,
        tables: Mapping[str, GlobalTable],
        schedule: Schedule | None,
    ) -> None:
        self._spec, self._at, self._tables = spec, positions, tables
        self._schedule = schedule

    def are(self, events: Events, answered: Ints | None = None) -> Mask:
        """Say for each event whether it is ready.

        Parameters
        ----------
        answered
            For rescored events: when the third party's answer to each arrived (ms).
        """
        ready = np.ones(len(events), bool)
        if self._schedule is not None:
            ready = events.event_time < self._schedule.until
            if not ready.all():
                self._schedule.asked = int(events.event_time.max())
        for table in self._tables.values():
            ready &= table.asks_for(events.event_time) <= table.watermark
        rescoring = self._spec.model.rescoring
        for join in self._spec.features.joins:
            met = events.event_time
            if answered is not None and rescoring is not None and join.name == rescoring.join:
                met = answered
            # More records of the watermark's own instant may come: the watermark must be past it.
            ready &= met - join.delay < self._at.watermark(join.source)[events.partition]
        return ready

    def why_not(self, event: Events) -> str | None:
        """Return what an event waits for, ``None`` if it is ready."""
        if self._schedule is not None and event.event_time[0] >= self._schedule.until:
            return f"the version of {self._spec.model.recipe.name} that answers at its time"
        for name, table in self._tables.items():
            if table.asks_for(event.event_time)[0] > table.watermark:
                source, partition = table.behind()
                return f"{name}: the clock of {source}, partition {partition}"
        for join in self._spec.features.joins:
            asked = event.event_time[0] - join.delay
            if asked >= self._at.watermark(join.source)[event.partition[0]]:
                return f"the clock of {join.source}, partition {event.partition[0]}"
        return None
