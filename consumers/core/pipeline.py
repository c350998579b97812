"""One domain's steps put together: records in, outputs out, state between them.

The pipeline knows no broker, no clock and no service. Whoever drives it (a Faust worker, or a
test in process) does three things in turn:

1. ``push`` records as they arrive: they are collected, cleaned and sorted out;
2. ``pull`` the events that are ready: they come with their features;
3. ``finish`` them with their scores.

And, every so often, it has it ``judge`` the scores whose labels are final.

Batches may be cut anywhere and partitions mixed at will: the outputs are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from streamsim.consumers.clean.cleaner import Cleaned, clean, decode, rejected
from streamsim.consumers.collect.records import Collected, collect
from streamsim.consumers.core.finishing import Finishing
from streamsim.consumers.core.in_flight import Waiting
from streamsim.consumers.core.readiness import Ready
from streamsim.consumers.core.reorder_buffer import NOTHING, Came
from streamsim.consumers.core.state import State
from streamsim.consumers.featurize.global_table import SecondKeyTable
from streamsim.consumers.featurize.windows import featurize
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.predict.prepared import Prepared
from streamsim.consumers.state import account as acc
from streamsim.consumers.state.journal import Content
from streamsim.streams.answers import Answers
from streamsim.streams.events import NO_TIME, Events, Ints, Matrix, Outputs, Records
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Role


class Pipeline:
    """The steps of one domain over the partitions that a worker owns.

    Parameters
    ----------
    signature
        Of the model that scores, or ``None`` without one: its events are then filtered
        (``no_model``).
    hold
        Wait with each event until its partition's watermark has passed it, and take events in
        order of event time: then disordered input gives the features of ordered input.
    tables
        Those of the second keys, if they are to be shared; by default they are new.
    journal
        Keep a journal of what changes, so that :meth:`cut` can be asked.
    key
        With which texts about persons are hashed where they are masked.
    schedule
        Which version answers when, where the model is renewed; ``signature`` is the champion's.
        Without it that one answers all.
    """

    def __init__(
        self,
        spec: DomainSpec,
        signature: Signature | None,
        *,
        hold: bool = False,
        tables: Mapping[str, SecondKeyTable] | None = None,
        journal: bool = False,
        key: bytes | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        if signature is not None:
            signature.check(spec)
        self.spec = spec
        self.signature = signature
        self.answering = signature
        """What the version that was asked last says of itself."""
        self.state = State(spec, journal=journal)
        self.tables = tables if tables is not None else new_tables(spec)
        self._ready = Ready(spec, self.state, self.tables, schedule)
        self._schedule = schedule
        self._hold, self._key = hold or bool(spec.trackers), key
        self._waiting = Waiting(spec.partitions, hold=self._hold)
        self._finishing = Finishing(spec, self.state, in_order=self._hold)

    @property
    def account(self) -> acc.Account:
        """In which class each record of each partition ended."""
        return self.state.account

    @property
    def clocks(self) -> Mapping[str, Ints]:
        """The partitions' clocks, per source (ms)."""
        return self.state.clocks

    def push(self, records: Records) -> Outputs:
        """Take in records of one source; return what they give rise to at once.

        Records that have been taken in already are left alone, but for those events that were
        under way when the state was restored: these are taken up again.
        """
        state, spec = self.state, self.spec.source(records.source)
        records = records.by_partition()  # the steps go through one partition after the other
        known = records.offset < state.next[spec.name][records.partition]
        if known.any():
            self._take_up(records.take(known), spec.role)
            records = records.take(~known)
        if not len(records):
            return Outputs()
        batch = collect(records)
        clock = self.clocks[spec.name]
        cleaned = clean(batch, spec, state.seen[spec.name], clock)
        events = cleaned.events
        state.note_fresh(events)
        state.touch(records.partition)
        np.maximum.at(state.next[spec.name], records.partition, records.offset + 1)
        self._count(batch, cleaned)
        outputs = Outputs(rejected(self.spec, batch, cleaned, self._key))
        if spec.role is Role.TRIGGER:
            state.watch(events, cleaned.clock)
            state.note_behind(events, cleaned.clock)
            events = self._with_entity(events)
        else:
            self.account.add(spec.name, acc.APPLIED, events.partition)
        for lookup in self.spec.lookups:
            if lookup.source == spec.name:
                state.lookups[lookup.name].add(events, self._known_from())
        state.note_context(events)
        if self.spec.recall is not None and spec.name == self._recall_source():
            state.recall(events)
        watermark = self._ready.watermark(spec.name)
        # The events come first: what they will ask for must not be forgotten by anybody.
        if spec.role is Role.TRIGGER:
            self._waiting.add(events)
        for table, contributions in zip(self.spec.tables, state.contributions, strict=True):
            if spec.name in contributions.sources:
                counted = contributions.add(cleaned.events, cleaned.clock - spec.allowed_lateness)
                state.note_open(table.name, spec.name, counted)
                closed = contributions.close(spec.name, watermark, self._safe())
                # What is ours is a function of our input alone: nobody need wait for it to come
                # back from the broker.
                for record in closed:
                    assert record.value is not None  # a closed bucket has one
                    self.tables[table.name].apply(record.value)
                outputs.records += closed
        if spec.role is Role.LABEL and spec in self.spec.label_sources:
            # One that comes behind its partition's clock is known when the clock says so.
            since = np.maximum(events.event_time, cleaned.clock - spec.allowed_lateness)
            state.note_judged("label", events.partition, state.judged.labelled(events, since))
        if spec.role is Role.TRIGGER:
            self._release(self._ready.came(records, cleaned.clocks))
        state.seen[spec.name].forget(clock)
        return outputs

    def pull(self, max_rows: int) -> Prepared | None:
        """Take events that are ready, ``max_rows`` or a little more, and make their features.

        One version of the model answers all of them.
        """
        state, schedule = self.state, self._schedule
        if (recalled := self._recalled(max_rows)) is not None:
            return recalled
        numbers = None if schedule is None else (lambda e: schedule.numbers(e.event_time))
        events = self._waiting.take(max_rows, self._ready.are, numbers)
        if events is None:
            return None
        if schedule is not None:
            self.answering = schedule.signature(int(schedule.numbers(events.event_time[:1])[0]))
        made = featurize(
            events, self.spec, state.windows, self.tables, state.lookups, state.trackers
        )
        prepared = Prepared(events, *made, state.tracked(events), signature=self.answering)
        self._waiting.score(prepared)
        return prepared

    def to_explain(self, prepared: Prepared, answer: Answers) -> tuple[Ints, Matrix]:
        """Find the rows that raise an alert, and build what must be scored to explain them."""
        return self._finishing.to_explain(prepared, answer)

    def finish(
        self, prepared: Prepared, answer: Answers | None, alerts: Ints, without: Answers
    ) -> Outputs:
        """Write scores and alerts, and count the events.

        Parameters
        ----------
        answer
            One per event, or ``None`` if there is no model.
        alerts, without
            The rows from :meth:`to_explain` and the answers to what it built.
        """
        events, signature = prepared.events, prepared.signature
        if prepared.recalled:
            self.state.note_recalled(events)
            if answer is None or signature is None:
                return Outputs()
            return self._finishing.again(prepared, answer, signature)
        self._waiting.finish(prepared)
        self.state.note_finished(events, prepared.tracked)
        if answer is None or signature is None:
            self.account.add(self.spec.trigger.name, acc.NO_MODEL, events.partition)
            return Outputs()
        return self._finishing.outputs(prepared, answer, signature, alerts, without)

    @property
    def pending(self) -> int:
        """How many events are in here and not finished."""
        recalls = self.state.recalls
        return len(self._waiting) + (0 if recalls is None else len(recalls))

    def pending_by_partition(self) -> Ints:
        """How many events of each partition are in here and not finished."""
        return self._waiting.by_partition()

    def waiting_for_others(self) -> Ints:
        """How many events of each partition wait for something but their own watermark.

        What waits for that is let go only by more of the same partition.
        """
        return self._waiting.by_partition(held=False)

    def positions(self, source: str) -> Ints:
        """Return, per partition, the offset before which everything is finished; -1 if unknown."""
        position = self.state.next[source].copy()
        if source == self.spec.trigger.name:
            self._waiting.earliest(position)
            for partition, offsets in self.state.unfinished.items():
                position[partition] = min(position[partition], offsets[0])
        recalls = self.state.recalls
        if recalls is not None and source == self._recall_source():
            recalls.earliest(position)
        return position

    def judge(self) -> Outputs:
        """Publish what can be judged: what is scored, once no label of it can change any more.

        It may be called at any time, and looks through all that is under way: so once in a while.
        """
        delay, judged = self.spec.timeline.label_delay, self.state.judged
        final = np.full(self.spec.partitions, np.iinfo(np.int64).max)
        # The trigger's too: what is no further behind its clock comes before it is judged.
        for source in (self.spec.trigger, *self.spec.label_sources):
            known = self._ready.watermark(source.name)
            final = np.minimum(final, np.where(known == NO_TIME, NO_TIME, known - delay))
        if not judged.closes(final):
            return Outputs()
        return Outputs(judged.close(np.minimum(final, self._asks_from())))

    def watched(self) -> Outputs:
        """Publish what has come by each feed, in buckets of the clock that have ended."""
        feeds, clock = self.state.feeds, self.clocks[self.spec.trigger.name]
        if feeds is None or not feeds.closes(clock):
            return Outputs()
        return Outputs(feeds.close(clock))

    def complete(self) -> dict[str, Ints]:
        """Return up to when what is published is complete, per kind and partition (ms)."""
        feeds = self.state.feeds
        judged = {"judged": self.state.judged.until}
        return judged if feeds is None else {**judged, "watched": feeds.until}

    def cut(self) -> dict[int, Content]:
        """Write down what has changed since the last cut, per partition."""
        return self.state.cut(self._waiting.offsets(), self._asks_from(), self._waiting.order())

    def kept(self, partition: int, content: Content) -> None:
        """Take note that a cut or a snapshot of a partition is where no crash can lose it."""
        self.state.kept(partition, content)

    def snapshot(self, partition: int) -> Content | None:
        """Write down all of a partition; ``None`` while events are with the scorer."""
        recalls = self.state.recalls
        if self._waiting.is_scoring() or (recalls is not None and recalls.is_scoring()):
            return None
        own, offset = self._waiting.offsets()
        pending, order = offset[own == partition], self._waiting.order().get(partition)
        return self.state.snapshot(partition, pending, self._asks_from(), order)

    def restore(self, partition: int, contents: Sequence[Content]) -> None:
        """Take in a partition's state, from its last snapshot on, before any of its records."""
        self.state.restore(partition, contents)

    def waits_for(self) -> str | None:
        """Say what the first waiting event waits for, or ``None`` if nothing waits."""
        first = self._waiting.first()
        return None if first is None else self._ready.why_not(first.take(slice(0, 1)))

    def _count(self, batch: Collected, cleaned: Cleaned) -> None:
        source, partition = batch.records.source, batch.records.partition
        dead = np.array([d.row for d in cleaned.dead], np.intp)
        self.account.add(source, acc.HEARTBEAT, partition[batch.heartbeat])
        self.account.add(source, acc.DEAD, partition[dead])
        self.account.add(source, acc.LATE, partition[cleaned.late])
        self.account.add(source, acc.DUPLICATE, partition[cleaned.duplicate])

    def _with_entity(self, events: Events) -> Events:
        if not self.spec.trigger.entity_optional:
            return events
        known = np.array([entity is not None for entity in events.entity], bool)
        self.account.add(events.source, acc.NO_ENTITY, events.partition[~known])
        return events.take(known)

    def _asks_from(self) -> Ints:
        """Return the earliest time of an event that each partition may still bring (ms)."""
        trigger = self.spec.trigger
        coming = self._ready.watermark(trigger.name)
        return self.state.not_after(self._waiting.earliest_time(coming))

    def _safe(self) -> Ints:
        """Return the same as of what is kept: a crash may set a partition back as far as that."""
        return self.state.safe if self.state.journals else self._asks_from()

    def _known_from(self) -> Ints:
        """Return from when on versions of context may be asked for: a recall goes back in time."""
        recall, safe = self.spec.recall, self._safe()
        return safe if recall is None else np.where(safe == NO_TIME, NO_TIME, safe - recall.within)

    def _recall_source(self) -> str:
        assert self.spec.recall is not None
        return next(
            look.source for look in self.spec.lookups if look.name == self.spec.recall.lookup
        )

    def _recalled(self, max_rows: int) -> Prepared | None:
        """Take events that are to be scored again, and before which nothing more can come."""
        recalls, state = self.state.recalls, self.state
        waiting = None if recalls is None else recalls.waiting()
        if recalls is None or waiting is None:
            return None
        events, at = waiting
        ready = self._ready.are(events, at)
        ready &= events.event_time < self._asks_from()[events.partition]
        taken = recalls.take(ready, max_rows)
        if taken is None:
            return None
        events, at = taken
        made = featurize(events, self.spec, state.windows, self.tables, state.lookups, {}, at)
        return Prepared(events, *made, recalled=True, signature=self.signature)

    def _take_up(self, records: Records, role: Role) -> None:
        """Take up again what was under way when the state was written down."""
        if role is not Role.TRIGGER:
            return
        again = np.zeros(len(records), bool)
        for p in np.unique(records.partition).tolist():
            own = records.partition == p
            again[own] = self.state.again(records.offset[own], p)
        if again.any():
            events, _, _ = decode(collect(records.take(again)), self.spec.trigger)
            self._waiting.add(events)
            self._release(NOTHING)

    def _release(self, came: Came) -> None:
        if self._hold:
            watermark = self._ready.watermark(self.spec.trigger.name)
            # What is read again goes in its order too: all of it must be there.
            watermark[list(self.state.unfinished)] = NO_TIME
            self._waiting.release(watermark, came, self.state.order)
            self.state.forget_orders()


def new_tables(spec: DomainSpec) -> dict[str, SecondKeyTable]:
    """Make the tables of a domain's second keys, empty."""
    return {t.name: SecondKeyTable(t, spec.partitions) for t in spec.tables}
