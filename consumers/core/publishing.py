"""Publishing: what is counted by buckets in a worker's partitions, once a bucket is final.

These are labelled scores, counts of feeds, and counts of scored rows per bin of a profile.
"""

from __future__ import annotations

import numpy as np

from streamsim.consumers.core.stores import Stores
from streamsim.streams.events import NO_TIME, Ints, Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import FEEDS, LABELLED, PROFILES


class Publishing:
    """Publishes each bucket once, when it can no longer change."""

    def __init__(self, spec: DomainSpec, stores: Stores) -> None:
        self._spec, self._stores = spec, stores

    def complete(self) -> list[Outbound]:
        """Return the records of buckets that are complete and not published yet."""
        return [*self._labelled(), *self._feed_counts(), *self._profiles()]

    def until(self) -> dict[str, Ints]:
        """Return the time up to which publishing is complete, per kind and partition (ms)."""
        stores = self._stores
        kinds = {LABELLED: stores.labels, FEEDS: stores.feeds, PROFILES: stores.profiles}
        return {kind: store.until for kind, store in kinds.items() if store is not None}

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

    def _profiles(self) -> list[Outbound]:
        """Publish the counts of the buckets whose events are all scored."""
        profiles, name = self._stores.profiles, self._spec.trigger.name
        if profiles is None or not profiles.closes(self._stores.positions.watermark(name)):
            return []
        return profiles.close(self._stores.in_flight.asks_from())
