"""What a pipeline knows: everything that must outlive a worker, and how it is written down.

The state of a partition is its own: how far its records have been taken in, which ids have come,
the past of its keys, what is counted and not published, its account. It can be written down in
two ways. A *cut* holds what has changed since the cut before it; a *snapshot* holds all. The
contents of a snapshot and of all cuts that follow it, in order, are the state again.

Events that have been taken in and are not finished are named by their offsets. Whoever restores
the state reads them again; everything else of what was taken in is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.consumers.clean.deduplication import SeenIds
from streamsim.consumers.core.rescoring import Recalls
from streamsim.consumers.core.written import restore, snapshot, standing
from streamsim.consumers.featurize.as_of_join import as_texts
from streamsim.consumers.featurize.field_join import new_lookup
from streamsim.consumers.featurize.global_table import Contributions, Open
from streamsim.consumers.featurize.tracking import TrackedState
from streamsim.consumers.featurize.windows import WindowState
from streamsim.consumers.monitor.feed_counts import FeedCounts
from streamsim.consumers.monitor.label_join import JudgedRows
from streamsim.consumers.state.account import Account
from streamsim.consumers.state.journal import Content, Journal
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, Ints, Mask
from streamsim.streams.spec import DomainSpec

LAYOUT = 2


def state_hash(spec: DomainSpec) -> str:
    """Fingerprint of what the state of a domain is made of: another one cannot be read as it."""
    parts = {
        "layout": LAYOUT,
        "sources": [(s.name, s.role, s.key) for s in spec.inputs.sources],
        "windows": [(w.name, w.key, w.value) for w in spec.features.windows],
        "tables": [
            (t.name, t.key, t.bucket, t.delay, sorted(t.counts)) for t in spec.features.tables
        ],
        "lookups": [(look.source, look.fields, *look.apart) for look in spec.features.joins],
    }
    if spec.features.trackers:
        parts["trackers"] = [(t.name, t.layout, t.joined) for t in spec.features.trackers]
    if spec.alerting.feeds:
        parts["feeds"] = [
            spec.alerting.feeds.column,
            spec.alerting.feeds.unit,
            spec.alerting.feeds.value,
            *spec.alerting.feeds.same,
        ]
    if spec.model.slate is not None:
        parts["slate"] = spec.model.slate.size
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class State:
    """All that a domain's pipeline knows of the partitions that it owns.

    Parameters
    ----------
    journal
        Keep a journal of what changes, so that :meth:`cut` can be asked.
    """

    def __init__(self, spec: DomainSpec, *, journal: bool) -> None:
        self.spec = spec
        n, trigger = spec.partitions, spec.trigger
        self.account = Account(spec)
        self.clocks = {s.name: np.full(n, NO_TIME) for s in spec.inputs.sources}
        self.next = {s.name: np.full(n, -1) for s in spec.inputs.sources}
        """Per source and partition, the offset up to which records have been taken in."""
        self.seen = {
            s.name: SeenIds(n, max(s.remember, s.allowed_lateness)) for s in spec.inputs.sources
        }
        back = spec.model.rescoring.within if spec.model.rescoring is not None else 0
        slack = max(trigger.allowed_lateness, back)
        self.windows = {w.name: WindowState(w, slack) for w in spec.features.windows}
        self.lookups = {look.name: new_lookup(look, n) for look in spec.features.joins}
        self.recalls = Recalls(spec.model.rescoring, trigger, n) if spec.model.rescoring else None
        self.trackers = {t.name: TrackedState(t) for t in spec.features.trackers}
        self.contributions = [Contributions(spec.name, t, n) for t in spec.features.tables]
        self.judged = JudgedRows(spec)
        self.feeds = FeedCounts(spec.name, spec.alerting.feeds, n) if spec.alerting.feeds else None
        self.alerted: list[dict[str, int]] = [{} for _ in range(n)]
        """Per partition and entity, when the last alert was raised on it (ms)."""
        self.behind: list[set[int]] = [set() for _ in range(n)]
        """Per partition, offsets of events under way that came too far behind its clock to be
        judged: which of them were in time would depend on who came first."""
        self.unfinished: dict[int, Ints] = {}
        """Per partition, offsets of events that were under way when this state was written down,
        and that have not been read again yet (sorted)."""
        self.order: dict[int, Ints] = {}
        """Per partition, offsets of such of them as had been held, and had gone in another order
        than that of time, in that order."""
        self.safe = np.full(n, NO_TIME)
        """Per partition, the event time before which it asks for nothing any more, even if it
        goes back to what is kept of its state (ms)."""
        self._journal = Journal(n) if journal else None

    @property
    def journals(self) -> bool:
        """Whether a journal is kept."""
        return self._journal is not None

    def note_fresh(self, events: Events) -> None:
        """Note that events have been taken in for the first time."""
        if self._journal is not None:
            columns = {"id": events.event_id, "time": events.event_time}
            self._journal.note(f"seen:{events.source}", events.partition, columns)

    def note_open(self, table: str, source: str, counted: Open) -> None:
        """Note what has been added to the open buckets of a table."""
        if self._journal is not None:
            partition, bucket, keys = counted
            self._journal.note(f"open:{table}:{source}", partition, {"bucket": bucket, "key": keys})

    def note_context(self, events: Events) -> None:
        """Note versions of a context source that is looked up."""
        for lookup in self.spec.features.joins:
            if self._journal is not None and lookup.source == events.source:
                columns = {
                    "key": events.entity,
                    "time": events.event_time,
                    "row": as_texts(events, lookup),
                }
                self._journal.note(f"lookup:{lookup.name}", events.partition, columns)

    def recall(self, answers: Events) -> None:
        """Take in what answers of a third party bring along, to be scored again."""
        if self.recalls is None:
            return
        partition, columns = self.recalls.add(answers)
        if self._journal is not None:
            self._journal.note("recall", partition, columns)
        self.keep_for_recalls()

    def note_recalled(self, events: Events) -> None:
        """Note that events have been scored again."""
        assert self.recalls is not None
        done = self.recalls.finish(events)
        if self._journal is not None:
            self._journal.note("recall:done", events.partition, done)
        self.keep_for_recalls()

    def is_quiet(self, events: Events) -> Mask:
        """Say of which events' entities an alert has been raised within the rule's cool-down."""
        cooldown = self.spec.alerting.rule.cooldown
        places = zip(events.partition.tolist(), events.entity, strict=True)
        last = [self.alerted[p].get(who) for p, who in places]
        times = events.event_time.tolist()
        quiet = [
            one is not None and abs(time - one) < cooldown
            for time, one in zip(times, last, strict=True)
        ]
        return np.array(quiet, bool)

    def quiet(self, events: Events) -> Ints:
        """Find the rows on whose entities no alert has been raised for the rule's cool-down.

        These are taken to raise one now.
        """
        cooldown = self.spec.alerting.rule.cooldown
        if not cooldown:
            return np.arange(len(events))
        rows = []
        places = zip(events.partition.tolist(), events.entity, strict=True)
        for row, ((p, who), time) in enumerate(
            zip(places, events.event_time.tolist(), strict=True)
        ):
            last = self.alerted[p].get(who)
            if last is None or abs(time - last) >= cooldown:
                self.alerted[p][who] = time
                rows.append(row)
        new = np.array(rows, np.int64)
        if self._journal is not None:
            columns = {"key": events.entity[new], "time": events.event_time[new]}
            self._journal.note("alerted", events.partition[new], columns)
        return new

    def note_judged(self, name: str, partition: Ints, columns: dict[str, Ints]) -> None:
        """Note scores, or labels, that wait for each other."""
        if self._journal is not None:
            self._journal.note(f"judged:{name}", partition, columns)

    def watch(self, events: Events, clock: Ints) -> None:
        """Count the trigger's events by their feeds; ``clock`` is that of each as it came."""
        if self.feeds is None or not len(events):
            return
        columns = self.feeds.add(events, clock)
        if self._journal is not None:
            self._journal.note("feeds", events.partition, columns)

    def note_behind(self, events: Events, clock: Ints) -> None:
        """Note which of the trigger's events come far behind their partition's clock.

        By more than labels take, that is: such a clock has leapt. ``clock`` is that of each event
        as it came (ms).
        """
        spec = self.spec
        least = clock - spec.trigger.allowed_lateness - spec.labels.delay
        for row in np.flatnonzero(events.event_time < least).tolist():
            self.behind[int(events.partition[row])].add(int(events.offset[row]))

    def not_behind(self, events: Events) -> Mask:
        """Say which finished events are judged, and forget the others."""
        kept = np.ones(len(events), bool)
        if not any(self.behind):
            return kept
        for row, place in enumerate(
            zip(events.partition.tolist(), events.offset.tolist(), strict=True)
        ):
            p, offset = place
            if offset in self.behind[p]:
                self.behind[p].remove(offset)
                kept[row] = False
        return kept

    def tracked(self, events: Events) -> dict[str, dict[str, Any]]:
        """Return what the events' keys have come to with them, to be noted once they are done."""
        if self._journal is None:
            return {}
        return {name: tracker.rows_of(events) for name, tracker in self.trackers.items()}

    def note_finished(self, events: Events, tracked: Mapping[str, dict[str, Any]]) -> None:
        """Note that events of the trigger are finished, and what their keys came to with them."""
        if self._journal is None:
            return
        for name, rows in tracked.items():
            own = {"key": rows["key"], "row": rows["row"]}
            self._journal.note(f"tracked:{name}", rows["partition"], own)
        for w in self.spec.features.windows:
            columns: dict[str, Any] = {
                "key": events.columns[w.key],
                "time": events.event_time,
                "value": events.columns[w.value],
            }
            self._journal.note(f"window:{w.name}", events.partition, columns)
        self._journal.touch(events.partition)

    def touch(self, partition: Ints) -> None:
        """Note that something of these partitions has changed."""
        if self._journal is not None:
            self._journal.touch(partition)

    def again(self, records_offset: Ints, partition: int) -> npt.NDArray[np.bool_]:
        """Say which records of a partition of the trigger are to be taken up again, and do so."""
        wanted = self.unfinished.get(partition)
        if wanted is None:
            return np.zeros(len(records_offset), bool)
        found = np.isin(records_offset, wanted)
        rest = wanted[~np.isin(wanted, records_offset)]
        if len(rest):
            self.unfinished[partition] = rest
        else:
            del self.unfinished[partition]
        return found

    def forget_orders(self) -> None:
        """Forget in which order events had gone where all have been read again."""
        for p in self.order.keys() - self.unfinished.keys():
            del self.order[p]

    def not_after(self, asks_from: Ints) -> Ints:
        """Lower the times from which partitions may ask (ms) for what is still to be read again."""
        for p in self.unfinished:
            asks_from[p] = min(asks_from[p], self.safe[p])
        return asks_from

    def kept(self, partition: int, content: Content) -> None:
        """Take note that a cut or a snapshot of a partition is where no crash can lose it."""
        self.safe[partition] = content["safe"][0]

    def cut(
        self, pending: tuple[Ints, Ints], asks_from: Ints, order: Mapping[int, Ints]
    ) -> dict[int, Content]:
        """Write down what has changed since the last cut, per partition.

        Parameters
        ----------
        pending
            Partition and offset of the trigger's events that are under way.
        asks_from
            Per partition, the earliest time of an event that it may still bring (ms).
        order
            Per partition, offsets of events that have been held, if they go in another order than
            that of time.
        """
        if self._journal is None:
            return {}
        partition, offset = pending
        contents = self._journal.take()
        for p, rows in contents.items():
            rows |= standing(self, p, offset[partition == p], asks_from, order.get(p))
        return contents

    def snapshot(
        self, partition: int, pending: Ints, asks_from: Ints, order: Ints | None
    ) -> Content:
        """Write down all of a partition; no event of it may be with the scorer.

        Forgets the journal of that partition: the next cut follows this snapshot.
        """
        if self._journal is not None:
            self._journal.drop(partition)
        return snapshot(self, partition, pending, asks_from, order)

    def restore(self, partition: int, contents: Sequence[Content]) -> None:
        """Take in a partition that is not known yet: a snapshot, if any, and the cuts after it.

        Raises
        ------
        StateError
            If these are no contents of such a state.
        """
        if not contents:
            return
        try:
            restore(self, partition, contents)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise StateError(
                f"what is written of partition {partition} is no state of {self.spec.name}: "
                f"{error!r}"
            ) from error

    def keep_for_recalls(self) -> None:
        """Let windows forget nothing that is still to be scored again."""
        if self.recalls is not None:
            for windows in self.windows.values():
                windows.keep_from(self.recalls.oldest())
