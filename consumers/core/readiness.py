"""Whether events can be scored: what they meet of others must be there, whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamsim.consumers.core.reorder_buffer import Came
from streamsim.consumers.core.state import State
from streamsim.consumers.featurize.global_table import SecondKeyTable
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.streams.events import NO_TIME, Events, Ints, Mask, Records
from streamsim.streams.spec import DomainSpec


class Ready:
    """Asks the clocks of all sources, the second keys' tables and the model's schedule."""

    def __init__(
        self,
        spec: DomainSpec,
        state: State,
        tables: Mapping[str, SecondKeyTable],
        schedule: Schedule | None,
    ) -> None:
        self._spec, self._state, self._tables = spec, state, tables
        self._schedule = schedule

    def watermark(self, source: str) -> Ints:
        """Return the time before which nothing of a source may come any more, by partition (ms)."""
        clock = self._state.clocks[source]
        lateness = self._spec.source(source).allowed_lateness
        return np.where(clock == NO_TIME, NO_TIME, clock - lateness)

    def came(self, records: Records, clocks: Ints) -> Came:
        """Say which records have come, and what the watermark was once each had.

        ``clocks`` is what the clock of each one's partition said then (ms).
        """
        lateness = self._spec.source(records.source).allowed_lateness
        watermark = np.where(clocks == NO_TIME, NO_TIME, clocks - lateness)
        return Came(records.partition, records.offset, watermark)

    def are(self, events: Events, answered: Ints | None = None) -> Mask:
        """Say whether what events meet is there.

        Parameters
        ----------
        answered
            When a third party's answer to each had come (ms), if they are scored again with it.
        """
        ready = np.ones(len(events), bool)
        if self._schedule is not None:
            ready = events.event_time < self._schedule.until
        for table in self._tables.values():
            ready &= table.asks_for(events.event_time) <= table.watermark
        recall = self._spec.model.rescoring
        for lookup in self._spec.features.joins:
            met = events.event_time
            if answered is not None and recall is not None and lookup.name == recall.join:
                met = answered
            # More of the watermark's own instant may come: it must have been passed.
            ready &= met - lookup.delay < self.watermark(lookup.source)[events.partition]
        return ready

    def why_not(self, event: Events) -> str | None:
        """Say what an event waits for, if it does."""
        if self._schedule is not None and event.event_time[0] >= self._schedule.until:
            return f"the version of {self._spec.model.recipe.name} that answers at its time"
        for name, table in self._tables.items():
            if table.asks_for(event.event_time)[0] > table.watermark:
                source, partition = table.behind()
                return f"{name}: the clock of {source}, partition {partition}"
        for lookup in self._spec.features.joins:
            asked = event.event_time[0] - lookup.delay
            if asked >= self.watermark(lookup.source)[event.partition[0]]:
                return f"the clock of {lookup.source}, partition {event.partition[0]}"
        return None
