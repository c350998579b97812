"""Publishing: labelled scores and feed counts of a worker's partitions, once they are final."""

from __future__ import annotations

import numpy as np

from streamsim.consumers.core.stores import Stores
from streamsim.streams.events import NO_TIME, Ints, Outbound
from streamsim.streams.spec import DomainSpec


class Publishing:
    """Publishes labelled scores and feed counts, each bucket once, when it can no longer change."""

    def __init__(self, spec: DomainSpec, stores: Stores) -> None:
        self._spec, self._stores = spec, stores

    def complete(self) -> list[Outbound]:
        """Return the records of buckets that are complete and not published yet."""
        return [*self._labelled(), *self._feed_counts()]

    def until(self) -> dict[str, Ints]:
        """Return the time up to which publishing is complete, per kind and partition (ms)."""
        labels, feeds = self._stores.labels, self._stores.feeds
        found = {"labelled": labels.until}
        return found if feeds is None else {**found, "feeds": feeds.until}

    def _labelled(self) -> list[Outbound]:
        """Publish the scores whose labels are final."""
        delay, labels = self._spec.labels.delay, self._stores.labels
        final = np.full(self._spec.partitions, np.iinfo(np.int64).max)
        # The trigger's watermark counts too: an event must be scored before it is labelled.
        for source in (self._spec.trigger, *self._spec.label_sources):
            known = self._stores.positions.watermark(source.name)
            final = np.minimum(final, np.where(known == NO_TIME, NO_TIME, known - delay))
        if not labels.closes(final):
            return []
        return labels.close(np.minimum(final, self._stores.in_flight.asks_from()))

    def _feed_counts(self) -> list[Outbound]:
        """Publish the counts per feed of the buckets that have ended by the trigger's clock."""
        feeds, clock = self._stores.feeds, self._stores.positions.clocks[self._spec.trigger.name]
        return [] if feeds is None or not feeds.closes(clock) else feeds.close(clock)
