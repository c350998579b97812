"""Pipeline of one domain: records in, outputs out, state in between.

The pipeline uses no broker, no wall clock and no service. Its driver (a Faust worker, or a test in
process) does three things in turn:

1. ``push`` records as they arrive: they are collected, cleaned and applied to the state;
2. ``pull`` the events that are ready, with their features;
3. ``finish`` them with the model's answers.

At intervals the driver calls ``publish``, which returns complete labelled scores and counts.

The outputs do not depend on batch boundaries, nor on how partitions are interleaved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamsim.consumers.clean.cleaner import clean, decode
from streamsim.consumers.clean.rejected import rejected
from streamsim.consumers.collect.records import Clocks, collect
from streamsim.consumers.core.forgetting import Forgetting
from streamsim.consumers.core.intake import Intake
from streamsim.consumers.core.publishing import Publishing
from streamsim.consumers.core.readiness import Readiness
from streamsim.consumers.core.reorder_buffer import NO_ARRIVALS
from streamsim.consumers.core.results import Results
from streamsim.consumers.core.stores import IN_FLIGHT, keys_of, make_stores
from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.consumers.featurize.windows import featurize
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.predict.prepared import Prepared, Scored
from streamsim.consumers.predict.version_choice import VersionChoice
from streamsim.consumers.state import account as acc
from streamsim.consumers.state.state import part_of
from streamsim.consumers.state.store import Columns
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
        Hold each event until its partition's watermark has passed it, and process events in order
        of event time: disordered input then gives the features of ordered input.
    tables
        Global tables to share; by default new ones are made.
    journal
        Record changes for incremental checkpoints.
    key
        Key for the hashes of masked texts about persons.
    schedule
        The plans of the model and their times; ``signature`` is then the first champion's.
        Without it the champion scores all events.
    score_from
        Event time of the first event that is scored (ms). Earlier ones only fill the state; they
        are filtered (``warm_up``) and raise no alert.
    """

    def __init__(
        self,
        spec: DomainSpec,
        signature: Signature | None,
        *,
        hold: bool = False,
        tables: Mapping[str, GlobalTable] | None = None,
        journal: bool = False,
        key: bytes | None = None,
        schedule: Schedule | None = None,
        score_from: int = NO_TIME,
    ) -> None:
        if signature is not None:
            signature.check(spec)
        self.spec = spec
        self.signature = signature
        self._versions = VersionChoice(signature, schedule, score_from)
        self.tables = tables if tables is not None else new_tables(spec)
        hold = hold or bool(spec.features.trackers)
        reference = None if signature is None else signature.profile
        self.stores = stores = make_stores(spec, hold=hold, journal=journal, reference=reference)
        self._state = stores.state(keys_of(spec))
        self._readiness = Readiness(spec, stores.positions, self.tables, schedule)
        self._intake = Intake(spec, stores, self.tables)
        self._publishing = Publishing(spec, stores)
        self._forgetting = Forgetting(spec, stores)
        self._results = Results(spec, stores, in_order=hold)
        self._key, self._journal = key, journal

    @property
    def account(self) -> acc.Account:
        """Counts of records by class, per source and partition."""
        return self.stores.account

    @property
    def clocks(self) -> Mapping[str, Ints]:
        """The partitions' clocks, per source (ms)."""
        return self.stores.positions.clocks

    def push(self, records: Records) -> Outputs:
        """Process records of one source; return the outputs that do not need a score.

        Records before the restored position are skipped, except for events that were in flight at
        the checkpoint: these are processed again.
        """
        stores, spec = self.stores, self.spec.source(records.source)
        records = records.by_partition()  # the steps go through one partition after the other
        known = stores.positions.known(records)
        if known.any():
            self._replay(records.take(known), spec.role)
            records = records.take(~known)
        if not len(records):
            return Outputs()
        batch, clock = collect(records), self.clocks[spec.name]
        clocks = Clocks(clock, stores.positions.heard[spec.name])
        cleaned = clean(batch, spec, stores.known_ids[spec.name], clocks)
        stores.positions.advance(records)
        stores.in_flight.touch(records.partition)
        outputs = Outputs(rejected(self.spec, batch, cleaned, self._key))
        outputs.records += self._intake.take(spec, batch, cleaned)
        stores.known_ids[spec.name].forget(clock)
        return outputs

    def pull(self, max_rows: int) -> Prepared | None:
        """Take events that are ready, ``max_rows`` or a little more, and compute their features.

        They have the same plan: the same versions of the model score them, or none does.
        """
        stores, versions = self.stores, self._versions
        if (again := self._pull_rescored(max_rows)) is not None:
            return again
        kinds = versions.numbers if versions.varies else None
        events = stores.in_flight.take(max_rows, self._readiness.are, kinds)
        if events is None:
            return None
        made = featurize(
            events, self.spec, stores.windows, self.tables, stores.joins, stores.trackers
        )
        trackers = stores.trackers.items() if self._journal else ()
        tracked = {name: tracker.rows_of(events) for name, tracker in trackers}
        prepared = Prepared(events, *made, tracked, answering=versions.answering(events))
        stores.in_flight.score(prepared)
        return prepared

    def rows_to_explain(
        self, prepared: Prepared, answer: Answers, by: Answering
    ) -> tuple[Ints, Matrix]:
        """Find the rows that raise an alert, and build the rows to score for explanations."""
        return self._results.rows_to_explain(prepared, answer, by)

    def finish(self, scored: Scored) -> Outputs:
        """Return the records of scores and alerts, and count the events."""
        prepared, stores = scored.prepared, self.stores
        answering = scored.by
        if prepared.rescored:
            assert stores.rescoring is not None
            stores.rescoring.finish(prepared.events)
            return Outputs() if answering is None else self._results.corrections(scored, answering)
        stores.in_flight.finish(prepared)
        self._forgetting.note(prepared.events)
        for name, rows in prepared.tracked.items():
            stores.trackers[name].note(rows)
        for windows in stores.windows.values():
            windows.note(prepared.events)
        if answering is None:
            return self._unscored(prepared)
        return self._results.outputs(scored, answering)

    def _unscored(self, prepared: Prepared) -> Outputs:
        """Count events that no model scores; return the alerts of those after the warm-up."""
        trigger, events = self.spec.trigger.name, prepared.events
        warm = self._versions.is_warm_up(events)
        self.account.add(trigger, acc.WARM_UP, events.partition[warm])
        self.account.add(trigger, acc.NO_MODEL, events.partition[~warm])
        return Outputs([] if warm.any() else self._results.event_alerts(prepared))

    @property
    def answering(self) -> Signature | None:
        """Signature of the champion that scored last."""
        return self._versions.latest

    @property
    def pending(self) -> int:
        """How many events are not finished."""
        rescoring = self.stores.rescoring
        return len(self.stores.in_flight) + (0 if rescoring is None else len(rescoring))

    def waiting_for_others(self) -> Ints:
        """Count the events of each partition that wait for other sources or partitions.

        Events that wait for their own watermark do not count: only more records of the same
        partition release them.
        """
        return self.stores.in_flight.waiting_for_others()

    def taken(self, source: str) -> Ints:
        """Return, per partition, the offset of the next record to take; -1 before the first."""
        return self.stores.positions.next[source]

    def positions(self, source: str) -> Ints:
        """Return, per partition, the offset before which everything is finished; -1 if unknown."""
        position, rescoring = self.stores.positions.next[source].copy(), self.stores.rescoring
        if source == self.spec.trigger.name:
            self.stores.in_flight.earliest(position)
        if rescoring is not None and source == rescoring.source:
            rescoring.earliest(position)
        return position

    def publish(self) -> Outputs:
        """Return scores whose labels are final, and the counts of buckets that have ended.

        It also deletes the state of keys that have ended. A call may come at any time. It scans all
        events in flight, so calls should be seldom.
        """
        self._forgetting.search()
        return Outputs(self._publishing.complete())

    def complete(self) -> dict[str, Ints]:
        """Return the time up to which publishing is complete, per kind and partition (ms)."""
        return self._publishing.until()

    def checkpoint(self) -> dict[int, Columns]:
        """Return an incremental checkpoint of each partition with changes since the last one."""
        return self._state.deltas() if self._journal else {}

    def snapshot(self, partition: int) -> Columns | None:
        """Return a full checkpoint of a partition; ``None`` while events are with the scorer."""
        stores = self.stores
        if stores.in_flight.is_scoring():
            return None
        if stores.rescoring is not None and stores.rescoring.is_scoring():
            return None
        return self._state.snapshot(partition)

    def saved(self, partition: int, checkpoint: Columns) -> None:
        """Note that a checkpoint of a partition has been stored durably."""
        self.stores.in_flight.saved(partition, part_of(checkpoint, IN_FLIGHT))

    def restore(self, partition: int, checkpoints: Sequence[Columns]) -> None:
        """Restore a partition's state, before any of its records are pushed.

        Parameters
        ----------
        checkpoints
            The last full checkpoint and the incremental ones after it, in order.

        Raises
        ------
        StateError
            If these are no checkpoints of this domain.
        """
        self._state.restore(partition, checkpoints)

    def waits_for(self) -> str | None:
        """Return what the first waiting event waits for, or ``None`` if no event waits."""
        first = self.stores.in_flight.first()
        return None if first is None else self._readiness.why_not(first.take(slice(0, 1)))

    def _replay(self, records: Records, role: Role) -> None:
        """Add events again that were in flight at the checkpoint."""
        if role is not Role.TRIGGER:
            return
        again = self.stores.in_flight.wanted_again(records)
        if again.any():
            events: Events = decode(collect(records.take(again)), self.spec.trigger)[0]
            self.stores.in_flight.add(events)
            self.stores.in_flight.release(NO_ARRIVALS)

    def _pull_rescored(self, max_rows: int) -> Prepared | None:
        """Take events to rescore, once no older event can arrive any more."""
        stores, rescoring = self.stores, self.stores.rescoring
        waiting = None if rescoring is None else rescoring.waiting()
        if rescoring is None or waiting is None:
            return None
        events, answered = waiting
        ready = self._readiness.are(events, answered)
        ready &= events.event_time < stores.in_flight.asks_from()[events.partition]
        # Each is scored again by its own versions; what none scored in the warm-up, by none.
        kinds = self._versions.numbers(events)
        taken = rescoring.take(ready & (kinds == kinds[ready.argmax()]), max_rows)
        if taken is None:
            return None
        events, answered = taken
        answering = self._versions.answering(events)
        made = featurize(events, self.spec, stores.windows, self.tables, stores.joins, {}, answered)
        return Prepared(events, *made, rescored=True, answering=answering)


def new_tables(spec: DomainSpec) -> dict[str, GlobalTable]:
    """Make the global tables of a domain, empty."""
    return {t.name: GlobalTable(t, spec.partitions) for t in spec.features.tables}
