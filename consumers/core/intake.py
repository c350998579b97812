"""Intake: apply cleaned events to the state stores, by the role of their source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from streamsim.consumers.clean.cleaner import Cleaned
from streamsim.consumers.collect.records import Collected
from streamsim.consumers.core.reorder_buffer import Arrivals
from streamsim.consumers.core.stores import Stores
from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.consumers.state import account as acc
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DomainSpec, Role, SourceSpec


class Taken(NamedTuple):
    """Events of a source that are already in the in-flight buffer, which protects their state."""

    spec: SourceSpec
    cleaned: Cleaned


class Intake:
    """Applies cleaned events to the stores of a domain.

    Parameters
    ----------
    tables
        The global tables; this worker's own buckets are applied to them at once.
    """

    def __init__(self, spec: DomainSpec, stores: Stores, tables: Mapping[str, GlobalTable]) -> None:
        self._spec, self._stores, self._tables = spec, stores, tables

    def take(self, spec: SourceSpec, batch: Collected, cleaned: Cleaned) -> list[Outbound]:
        """Apply a batch of one source; return the buckets of global tables that it closes."""
        self._count(batch, cleaned)
        arrivals = None
        match spec.role:
            case Role.TRIGGER:
                arrivals = self._events(batch, cleaned)
            case Role.CONTEXT:
                self._context(spec, cleaned)
            case Role.LABEL:
                self._labels(spec, cleaned)
        closed = self._contribute(Taken(spec, cleaned))
        if arrivals is not None:
            self._stores.in_flight.release(arrivals)
        return closed

    def _events(self, batch: Collected, cleaned: Cleaned) -> Arrivals:
        """Add the trigger's events to the in-flight buffer; return the records' arrivals."""
        stores, events, clock = self._stores, cleaned.events, cleaned.clock
        if stores.feeds is not None:
            stores.feeds.add(events, clock)
        stores.labels.leave_out(events, clock)
        if self._spec.trigger.entity_optional:
            known = np.array([entity is not None for entity in events.entity], bool)
            self._stores.account.add(events.source, acc.NO_ENTITY, events.partition[~known])
            events, clock = events.take(known), clock[known]
        if stores.profiles is not None:
            stores.profiles.leave_out(events, clock - self._spec.trigger.allowed_lateness)
        stores.in_flight.add(events)
        records = batch.records
        watermarks = stores.positions.watermark_at(records.source, cleaned.clocks)
        return Arrivals(records.partition, records.offset, watermarks)

    def _context(self, spec: SourceSpec, cleaned: Cleaned) -> None:
        """Add versions to the joins, and answers to the rescoring buffer."""
        stores, events = self._stores, cleaned.events
        self._stores.account.add(spec.name, acc.APPLIED, events.partition)
        safe, rescoring = stores.in_flight.safe, stores.rescoring
        for join in self._spec.features.joins:
            if join.source == spec.name:
                known_from = safe if rescoring is None else rescoring.reaches_back(safe)
                stores.joins[join.name].add(events, known_from)
        if rescoring is not None and rescoring.source == spec.name:
            rescoring.add(events)

    def _labels(self, spec: SourceSpec, cleaned: Cleaned) -> None:
        """Add labels to the label join."""
        events = cleaned.events
        self._stores.account.add(spec.name, acc.APPLIED, events.partition)
        if spec in self._spec.label_sources:
            # A label that is older than the watermark counts as known from the watermark on.
            since = np.maximum(events.event_time, cleaned.clock - spec.allowed_lateness)
            self._stores.labels.labelled(events, since)

    def _contribute(self, taken: Taken) -> list[Outbound]:
        """Count events in the global tables' buckets; apply and return the buckets that ended."""
        records: list[Outbound] = []
        spec, cleaned = taken
        for name, contributions in self._stores.tables.items():
            if spec.name not in contributions.sources:
                continue
            contributions.add(cleaned.events, cleaned.clock - spec.allowed_lateness)
            watermark = self._stores.positions.watermark(spec.name)
            safe = self._stores.in_flight.safe
            for closed in contributions.close(spec.name, watermark, safe):
                # Our own buckets depend on our input alone: they need not come back from the
                # broker first.
                self._tables[name].apply(closed)
                records.append(closed.record(contributions.topic))
        return records

    def _count(self, batch: Collected, cleaned: Cleaned) -> None:
        source, partition = batch.records.source, batch.records.partition
        dead = np.array([d.row for d in cleaned.dead], np.intp)
        self._stores.account.add(source, acc.HEARTBEAT, partition[batch.heartbeat])
        self._stores.account.add(source, acc.DEAD, partition[dead])
        self._stores.account.add(source, acc.LATE, partition[cleaned.late])
        self._stores.account.add(source, acc.DUPLICATE, partition[cleaned.duplicate])
