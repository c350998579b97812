"""One domain's steps put together: records in, outputs out, state between them.

The pipeline knows no broker, no clock and no service. Whoever drives it (a Faust worker, or a
test in process) does three things in turn:

1. ``push`` records as they arrive: they are collected, cleaned and sorted out;
2. ``pull`` the events that are ready: they come with their features;
3. ``finish`` them with their scores.

Batches may be cut anywhere and partitions mixed at will: the outputs are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers import account as acc
from consumers.clean import Cleaned, SeenIds, clean
from consumers.collect import Collected, collect
from consumers.featurize import WindowState, featurize
from consumers.monitor import alert_records, occluded, reasons
from consumers.predict import rounded, score_records
from consumers.table import Contributions, SecondKeyTable
from streams.events import (
    NO_TIME,
    REASON,
    Events,
    Floats,
    Ints,
    Mask,
    Outbound,
    Outputs,
    Records,
    source_headers,
)
from streams.signature import Signature
from streams.spec import DomainSpec, Role
from streams.topics import DEAD, LATE, topic

Matrix = npt.NDArray[np.float32]
_MANY = 32


@dataclass(slots=True, eq=False)
class Prepared:
    """Events that are ready, with their features, shape ``(n_events, n_features)``."""

    events: Events
    features: Matrix


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
    """

    def __init__(
        self, spec: DomainSpec, signature: Signature | None, *, hold: bool = False
    ) -> None:
        if signature is not None:
            signature.check(spec)
        self.spec = spec
        self.signature = signature
        self.hold = hold
        self.account = acc.Account(spec)
        n, trigger = spec.partitions, spec.trigger
        self.clocks = {s.name: np.full(n, NO_TIME) for s in spec.sources}
        self.tables = {t.name: SecondKeyTable(t, n) for t in spec.tables}
        self._contributions = [Contributions(spec.name, t, n) for t in spec.tables]
        self._seen = {s.name: SeenIds(n, max(s.remember, s.allowed_lateness)) for s in spec.sources}
        self._windows = {w.name: WindowState(w, trigger.allowed_lateness) for w in spec.windows}
        self._next = {s.name: np.full(n, -1) for s in spec.sources}
        self._held: list[Events] = []
        self._waiting: list[Events] = []
        self._scoring: list[Prepared] = []

    def push(self, records: Records) -> Outputs:
        """Take in records of one source; return what they give rise to at once."""
        spec = self.spec.source(records.source)
        if not len(records):
            return Outputs()
        batch = collect(records)
        clock = self.clocks[spec.name]
        cleaned = clean(batch, spec, self._seen[spec.name], clock)
        events = cleaned.events
        np.maximum.at(self._next[spec.name], records.partition, records.offset + 1)
        self._count(batch, cleaned)
        outputs = Outputs(self._rejected(batch, cleaned))
        if spec.role is Role.TRIGGER:
            events = self._with_entity(events)
        else:
            self.account.add(spec.name, acc.APPLIED, events.partition)
        watermark = np.where(clock == NO_TIME, NO_TIME, clock - spec.allowed_lateness)
        for contributions in self._contributions:
            if spec.name in contributions.sources:
                contributions.add(cleaned.events, cleaned.clock - spec.allowed_lateness)
                outputs.records += contributions.close(spec.name, watermark)
        if spec.role is Role.TRIGGER and len(events):
            (self._held if self.hold else self._waiting).append(events)
        if self.hold:
            self._release()
        self._seen[spec.name].forget(clock)
        return outputs

    def pull(self, max_rows: int) -> Prepared | None:
        """Take events that are ready, ``max_rows`` or a little more, and make their features."""
        taken, rows = [], 0
        for events in self._ready(max_rows):
            taken.append(events)
            rows += len(events)
        if not rows:
            return None
        events = Events.concat(taken)
        prepared = Prepared(events, featurize(events, self.spec, self._windows, self.tables))
        self._scoring.append(prepared)
        return prepared

    def to_explain(self, prepared: Prepared, scores: Floats) -> tuple[Ints, Matrix]:
        """Find the rows that raise an alert, and build what must be scored to explain them."""
        assert self.signature is not None
        rows = np.flatnonzero(rounded(scores) >= self.signature.threshold)
        return rows, occluded(self.spec, prepared.features[rows], self.signature)

    def finish(
        self, prepared: Prepared, scores: Floats | None, alerts: Ints, without: Floats
    ) -> Outputs:
        """Write scores and alerts, and count the events.

        Parameters
        ----------
        scores
            One per event, or ``None`` if there is no model.
        alerts, without
            The rows from :meth:`to_explain` and the scores of what it built.
        """
        self._scoring.remove(prepared)
        events, signature, trigger = prepared.events, self.signature, self.spec.trigger.name
        if scores is None or signature is None:
            self.account.add(trigger, acc.NO_MODEL, events.partition)
            return Outputs()
        scores = rounded(scores)
        outputs = Outputs(
            score_records(self.spec, events, prepared.features, scores, signature),
            [events.ingest_time[events.ingest_time != NO_TIME]],
        )
        if len(alerts):
            rows = prepared.features[alerts]
            why = reasons(self.spec, rows, scores[alerts], without, signature)
            chosen = events.take(alerts)
            outputs.records += alert_records(self.spec, chosen, scores[alerts], why, signature)
        self.account.add(trigger, acc.SCORED, events.partition)
        return outputs

    @property
    def pending(self) -> int:
        """How many events are in here and not finished."""
        unfinished = (*self._held, *self._waiting, *(p.events for p in self._scoring))
        return sum(map(len, unfinished))

    def pending_by_partition(self) -> Ints:
        """How many events of each partition are in here and not finished."""
        count = np.zeros(self.spec.partitions, np.int64)
        for events in (*self._held, *self._waiting, *(p.events for p in self._scoring)):
            count += np.bincount(events.partition, minlength=len(count))
        return count

    def positions(self, source: str) -> Ints:
        """Return, per partition, the offset before which everything is finished; -1 if unknown."""
        position = self._next[source].copy()
        if source == self.spec.trigger.name:
            for events in (*self._held, *self._waiting, *(p.events for p in self._scoring)):
                np.minimum.at(position, events.partition, events.offset)
        return position

    def waits_for(self) -> str | None:
        """Say what the first waiting event waits for, or ``None`` if nothing waits."""
        if not self._waiting:
            return None
        for name, table in self.tables.items():
            if table.asks_for(self._waiting[0].event_time[:1])[0] > table.watermark:
                source, partition = table.behind()
                return f"{name}: the clock of {source}, partition {partition}"
        return None

    def _count(self, batch: Collected, cleaned: Cleaned) -> None:
        source, partition = batch.records.source, batch.records.partition
        dead = np.array([d.row for d in cleaned.dead], np.intp)
        self.account.add(source, acc.HEARTBEAT, partition[batch.heartbeat])
        self.account.add(source, acc.DEAD, partition[dead])
        self.account.add(source, acc.LATE, partition[cleaned.late])
        self.account.add(source, acc.DUPLICATE, partition[cleaned.duplicate])

    def _rejected(self, batch: Collected, cleaned: Cleaned) -> list[Outbound]:
        """Pass on dead and late records with their original bytes."""
        name = self.spec.name
        rejected = [(d.row, DEAD, (REASON, d.reason.encode())) for d in cleaned.dead]
        rejected += [
            (row, LATE, ("lateness_ms", b"%d" % by))
            for row, by in zip(cleaned.late.tolist(), cleaned.lateness.tolist(), strict=True)
        ]
        records, source = batch.records, topic(name, batch.records.source)
        return [
            Outbound(
                topic(name, where),
                int(records.partition[row]),
                records.key[row],
                records.value[row],
                records.timestamp[row],
                [
                    note,
                    *source_headers(source, int(records.partition[row]), int(records.offset[row])),
                ],
            )
            for row, where, note in rejected
        ]

    def _with_entity(self, events: Events) -> Events:
        if not self.spec.trigger.entity_optional:
            return events
        known = np.array([entity is not None for entity in events.entity], bool)
        self.account.add(events.source, acc.NO_ENTITY, events.partition[~known])
        return events.take(known)

    def _release(self) -> None:
        """Let held events go whose partition's watermark has passed them, in order of time."""
        if not self._held:
            return
        trigger = self.spec.trigger
        held = Events.concat(self._held)
        limit = self.clocks[trigger.name][held.partition] - trigger.allowed_lateness
        free = held.event_time < limit
        if not free.any():
            self._held = [held]
            return
        rest = ~free
        self._held = [held.take(rest)] if rest.any() else []
        released = held.take(free)
        order = np.lexsort((released.event_id.astype(str), released.event_time))
        self._waiting.append(released.take(order))

    def _ready(self, max_rows: int) -> Iterator[Events]:
        """Take what is ready from the waiting; a partition's first event that is not stops it."""
        waiting, self._waiting = self._waiting, []
        stopped = np.zeros(self.spec.partitions, bool)
        for chunk in waiting:
            if max_rows <= 0:
                self._waiting.append(chunk)
                continue
            go = self._is_ready(chunk.event_time) & ~stopped[chunk.partition]
            if not go.all():
                blocked = np.flatnonzero(~go)
                first = np.full(len(stopped), len(chunk))
                np.minimum.at(first, chunk.partition[blocked], blocked)
                stopped[chunk.partition[blocked]] = True
                go = np.arange(len(chunk)) < first[chunk.partition]
            if go.all():
                max_rows -= len(chunk)
                yield chunk
            elif go.any():
                self._waiting.append(chunk.take(~go))
                max_rows -= int(go.sum())
                yield chunk.take(go)
            else:
                self._waiting.append(chunk)
        if len(self._waiting) > _MANY:
            self._waiting = [Events.concat(self._waiting)]

    def _is_ready(self, event_time: Ints) -> Mask:
        ready = np.ones(len(event_time), bool)
        for table in self.tables.values():
            ready &= table.asks_for(event_time) <= table.watermark
        return ready
