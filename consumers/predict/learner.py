"""Learning from a domain's stream, cut by cut: what the renewed versions of its model are made of.

It takes the trigger's records as a pipeline does, by the same step, and knows nothing else. A cut
is complete once the clocks of all partitions have left it behind; what it ends is then learnt in
order of time and id. So every version is a function of the records, however they were cut to
batches and partitions were mixed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from streamsim.consumers.clean.cleaner import clean
from streamsim.consumers.clean.deduplication import Deduplication
from streamsim.consumers.collect.records import collect
from streamsim.consumers.predict.model_schedule import Entry
from streamsim.streams.events import NO_TIME, Events, Records
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.recipes import Estimator
from streamsim.streams.spec.renewals import Renewal, renewed_version


class Learner:
    """Follows the trigger of one domain, all partitions.

    Parameters
    ----------
    estimator, champion
        The version that the renewed ones are made from.
    told_until
        Up to when it has been told already which version answers (ms): of that, all is learnt
        again, and nothing told.
    """

    def __init__(
        self,
        spec: DomainSpec,
        renewal: Renewal,
        estimator: Estimator,
        champion: Signature,
        told_until: int = NO_TIME,
    ) -> None:
        self._spec, self._renewal, self._champion = spec, renewal, champion
        self._learning = renewal.begin(estimator)
        self._clock = np.full(spec.partitions, NO_TIME)
        trigger = spec.trigger
        self._known_ids = Deduplication(
            spec.partitions, max(trigger.remember, trigger.allowed_lateness)
        )
        self._waiting: list[Events] = []
        self._last = Entry(
            champion.model, champion.version, champion.threshold, NO_TIME, NO_TIME, False
        )
        self._told_until = told_until

    def push(self, records: Records) -> Iterator[tuple[Entry, Estimator | None]]:
        """Take in records of the trigger; yield what is known by them, with what is new.

        All of it must be taken before more is pushed.
        """
        trigger = self._spec.trigger
        cleaned = clean(collect(records.by_partition()), trigger, self._known_ids, self._clock)
        self._known_ids.forget(self._clock)
        events = cleaned.events
        known = np.array([entity is not None for entity in events.entity], bool)
        # What comes behind its partition's watermark may fall into a cut that is complete for
        # others: it counts for nobody. So it does where a clock has been set wrong.
        in_time = events.event_time >= cleaned.clock - trigger.allowed_lateness
        if (known & in_time).any():
            columns = {name: events.columns[name] for name in self._renewal.columns}
            self._waiting.append(replace(events, columns=columns).take(known & in_time))
        slowest = int(self._clock.min())
        if slowest != NO_TIME:
            yield from self._cut(slowest - trigger.allowed_lateness)

    def _cut(self, watermark: int) -> Iterator[tuple[Entry, Estimator | None]]:
        """Learn up to the last cut that the watermark has passed (ms)."""
        renewal = self._renewal
        until = watermark - watermark % renewal.every + renewal.every + renewal.lead
        if until <= self._last.until:
            return
        for events in self._complete(until - renewal.lead - renewal.every):
            self._learning.learn(events)
            yield from self._told(int(events.event_time[-1]))
        if until > self._last.until:
            self._last = replace(self._last, until=until, is_new=False)
            if until > self._told_until:
                yield self._last, None

    def _told(self, latest: int) -> Iterator[tuple[Entry, Estimator]]:
        """Make the version that knows a cut's events, the latest of them of that time (ms)."""
        renewal, champion = self._renewal, self._champion
        cut = latest - latest % renewal.every + renewal.every
        since = cut + renewal.lead
        version = renewed_version(champion.version, cut)
        self._last = Entry(
            champion.model, version, champion.threshold, since, since + renewal.every, True
        )
        if self._last.until > self._told_until:
            # Sums of floats depend on how many threads make them.
            with threadpool_limits(1):
                estimator = self._learning.renewed()
            yield self._last, estimator

    def _complete(self, cut: int) -> Iterator[Events]:
        """Take what lies before a cut, in order, as much at a time as lies between two cuts."""
        if not self._waiting:
            return
        waiting = Events.concat(self._waiting)
        due = waiting.event_time < cut
        self._waiting = [waiting.take(~due)] if not due.all() else []
        events = waiting.take(due)
        ids = events.event_id.astype(str)
        order = np.lexsort((events.offset, events.partition, ids, events.event_time))
        events = events.take(order)
        number = events.event_time // self._renewal.every
        for rows in np.split(np.arange(len(number)), np.flatnonzero(np.diff(number)) + 1):
            if len(rows):
                yield events.take(rows)
