"""Learner: incremental training on a domain's stream, which makes renewed versions of its model.

It reads the trigger's records and cleans them by the pipeline's own step. Event time is divided
into intervals. An interval is complete once the watermarks of all partitions have passed its end;
its events are then learnt in order of time and id. So every version depends on the records alone,
not on batch boundaries or on how partitions are interleaved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from streamsim.consumers.clean.cleaner import clean
from streamsim.consumers.clean.deduplication import Deduplication
from streamsim.consumers.collect.records import Clocks, collect
from streamsim.consumers.predict.model_schedule import Entry
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Records
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.recipes import Estimator
from streamsim.streams.spec.renewals import Renewal, renewed_version


class Learner:
    """Learns from the trigger of one domain, all partitions.

    Parameters
    ----------
    estimator, champion
        The version that renewal starts from.
    published_until
        Time up to which the schedule has been published already (ms): events before it are learnt
        again, but no entries are yielded.
    """

    def __init__(
        self,
        spec: DomainSpec,
        renewal: Renewal,
        estimator: Estimator,
        champion: Signature,
        published_until: int = NO_TIME,
    ) -> None:
        self._spec, self._renewal, self._champion = spec, renewal, champion
        self._learning = renewal.begin(estimator)
        self._clocks = Clocks.of(spec.partitions)
        trigger = spec.trigger
        self._known_ids = Deduplication(
            spec.partitions, max(trigger.remember, trigger.allowed_lateness)
        )
        self._waiting: list[Events] = []
        self._last = Entry(
            champion.model, champion.version, champion.threshold, NO_TIME, NO_TIME, False
        )
        self._published_until = published_until
        self._next = np.zeros(spec.partitions, np.int64)
        self.learnt_until = NO_TIME
        """All events before this time are learnt or left out (ms), up to :meth:`positions`."""

    def push(self, records: Records) -> Iterator[tuple[Entry, Estimator | None]]:
        """Process trigger records; yield schedule entries, with the estimators of new versions.

        The caller must exhaust the iterator before it pushes more.
        """
        trigger = self._spec.trigger
        np.maximum.at(self._next, records.partition, records.offset + 1)
        cleaned = clean(collect(records.by_partition()), trigger, self._known_ids, self._clocks)
        self._known_ids.forget(self._clocks.now)
        events = cleaned.events
        known = np.array([entity is not None for entity in events.entity], bool)
        # An event behind its partition's watermark may belong to a complete interval: it is left
        # out. The same holds for an event of a clock that was set wrong.
        in_time = events.event_time >= cleaned.clock - trigger.allowed_lateness
        in_time &= events.event_time >= self.learnt_until  # read again after a snapshot
        if (known & in_time).any():
            columns = {name: events.columns[name] for name in self._renewal.columns}
            self._waiting.append(replace(events, columns=columns).take(known & in_time))
        slowest = int(self._clocks.now.min())
        if slowest != NO_TIME:
            yield from self._advance(slowest - trigger.allowed_lateness)

    def positions(self) -> Ints:
        """Return per partition the offset at which a learner that restores a snapshot goes on.

        Events that are not learnt yet are read again.
        """
        positions = self._next.copy()
        for events in self._waiting:
            np.minimum.at(positions, events.partition, events.offset)
        return positions

    def snapshot(self) -> Columns:
        """Return what has been learnt up to the last cut."""
        last = self._last
        return {
            "time": np.array([self.learnt_until, last.since, last.until]),
            "version": [self._champion.version, last.version],
            **{f"learnt:{name}": rows for name, rows in self._learning.snapshot().items()},
        }

    def restore(self, columns: Columns, positions: Ints) -> None:
        """Restore a snapshot, before the first record; its positions are read next.

        Raises
        ------
        StateError
            If it was made of another champion.
        KeyError, ValueError, IndexError, TypeError
            If it is no snapshot of a learner.
        """
        champion = self._champion
        parts = Parts([columns])
        begun, version = parts.texts("version")
        if begun != champion.version:
            raise StateError(f"{champion.model} {champion.version} is not {begun}")
        self.learnt_until, since, until = parts.ints("time").tolist()
        self._last = Entry(champion.model, version, champion.threshold, since, until, False)
        self._learning.restore(
            {
                name.removeprefix("learnt:"): rows
                for name, rows in columns.items()
                if name.startswith("learnt:")
            }
        )
        self._next[:] = positions

    def _advance(self, watermark: int) -> Iterator[tuple[Entry, Estimator | None]]:
        """Learn all intervals that the watermark has passed (ms)."""
        renewal = self._renewal
        until = watermark - watermark % renewal.every + renewal.every + renewal.lead
        if until <= self._last.until:
            return
        end = until - renewal.lead - renewal.every
        for events in self._complete(end):
            self._learning.learn(events)
            yield from self._renewed(int(events.event_time[-1]))
        self.learnt_until = end
        if until > self._last.until:
            self._last = replace(self._last, until=until, is_new=False)
            if until > self._published_until:
                yield self._last, None

    def _renewed(self, latest: int) -> Iterator[tuple[Entry, Estimator]]:
        """Make the version that has learnt an interval, by its latest event time (ms)."""
        renewal, champion = self._renewal, self._champion
        end = latest - latest % renewal.every + renewal.every
        since = end + renewal.lead
        version = renewed_version(champion.version, end)
        self._last = Entry(
            champion.model, version, champion.threshold, since, since + renewal.every, True
        )
        if self._last.until > self._published_until:
            # Sums of floats depend on the number of threads.
            with threadpool_limits(1):
                estimator = self._learning.renewed()
            yield self._last, estimator

    def _complete(self, end: int) -> Iterator[Events]:
        """Take the events before ``end`` (ms) in order, one interval at a time."""
        if not self._waiting:
            return
        waiting = Events.concat(self._waiting)
        due = waiting.event_time < end
        self._waiting = [waiting.take(~due)] if not due.all() else []
        events = waiting.take(due)
        ids = events.event_id.astype(str)
        order = np.lexsort((events.offset, events.partition, ids, events.event_time))
        events = events.take(order)
        number = events.event_time // self._renewal.every
        for rows in np.split(np.arange(len(number)), np.flatnonzero(np.diff(number)) + 1):
            if len(rows):
                yield events.take(rows)
