"""A domain's pipeline in this process, without broker, service or clock.

It is the same :class:`streamsim.consumers.core.pipeline.Pipeline` that a worker drives. Records
that a broker would carry from worker to worker (those of global tables) are handed over directly.
Tests compare it with a real stack, event by event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from streamsim.consumers.core.drive import drive
from streamsim.consumers.core.exchange import Exchange
from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.learner import Learner
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.predict.prepared import Prepared
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import answer
from streamsim.producers.batches import Batch
from streamsim.streams.answers import Answers
from streamsim.streams.events import (
    INGEST_TIME,
    NO_TIME,
    Headers,
    Ints,
    Mask,
    Matrix,
    Outbound,
    Outputs,
    Records,
    as_objects,
)
from streamsim.streams.labels import label_of, numbers_of, read_labels, read_numbers
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.spec.world import Slice

Score = Callable[[Matrix], Answers]
ROWS = 8192


class InProcess:
    """All partitions of one domain in one pipeline, driven by calls.

    Parameters
    ----------
    score
        The model: features to answers; ``None`` only computes features.
    signature
        Name, version, threshold and features of the model; goes with ``score``.
    watch
        Called with every batch of features, but for those of events that are scored again.
    watch_again
        Called with the batches of these.
    key
        Key of the pseudonyms of persons; see :mod:`streamsim.streams.privacy.pseudonyms`.
    renewed
        The estimator behind ``score``, from which the model is renewed. Without it, that one model
        scores all events.
    schedule, versions
        The plans of the model, which the caller extends: events after their end wait. And the
        estimators of other versions than the one behind ``score``, to which the caller adds.
    score_from
        Event time of the first event that is scored (ms); earlier ones only fill the state.
    """

    def __init__(
        self,
        spec: DomainSpec,
        score: Score | None = None,
        signature: Signature | None = None,
        *,
        hold: bool = False,
        watch: Callable[[Prepared], None] | None = None,
        watch_again: Callable[[Prepared], None] | None = None,
        key: bytes | None = None,
        renewed: Estimator | None = None,
        schedule: Schedule | None = None,
        versions: Mapping[str, Estimator] | None = None,
        score_from: int = NO_TIME,
    ) -> None:
        self._learner, self._schedule = None, schedule
        self._made: dict[str, Estimator] = {}
        self._versions = self._made if versions is None else versions
        if spec.model.renewal is not None and signature is not None and renewed is not None:
            self._learner = Learner(spec, spec.model.renewal, renewed, signature)
            self._schedule = Schedule(signature)
        self._score = score
        self._watch = watch or (lambda prepared: None)
        self._watch_again = watch_again or (lambda prepared: None)
        monitored = spec if signature is None else signature.monitored(spec)
        self._exchange = Exchange(monitored, score_from)
        self._exchanged = frozenset(self._exchange.topics)
        self.pipeline = Pipeline(
            spec,
            signature,
            hold=hold,
            tables=self._exchange.tables,
            key=key,
            schedule=self._schedule,
            score_from=score_from,
        )

    def push(self, records: Records) -> list[Outbound]:
        """Process records and return the outputs of the domain, in order."""
        return [record for outputs in self.steps(records) for record in outputs.each()]

    def steps(self, records: Records) -> Iterator[Outputs]:
        """Process records and yield the outputs of each step; scores stay by column."""
        self._learn(records)
        ask = self._ask if self._score is not None else None
        for outputs in drive(self.pipeline, records, ask, ROWS, self._watched):
            outputs.records = list(self._with_exchanged(outputs.records))
            yield outputs

    def _with_exchanged(self, records: Iterable[Outbound]) -> Iterator[Outbound]:
        """Apply the records that workers exchange; their outputs follow them."""
        for record in records:
            yield record
            if record.topic in self._exchanged and record.value is not None:
                yield from self._exchange.apply(record.topic, record.value).outputs

    def run(self, records: Iterable[Records]) -> Iterator[Outbound]:
        """Push batch after batch."""
        for batch in records:
            yield from self.push(batch)

    def _learn(self, records: Records) -> None:
        """Renew the model, as the renewing process beside the workers does."""
        if self._learner is None or self._schedule is None:
            return
        if records.source == self.pipeline.spec.trigger.name:
            for entry, estimator in self._learner.push(records):
                self._schedule.add(entry)
                if estimator is not None:
                    self._made[entry.version] = estimator

    def _ask(self, rows: Matrix, signature: Signature) -> Answers:
        """Score rows with the model version that is valid at the events' time."""
        assert self._score is not None
        version = self._versions.get(signature.version)
        # OpenMP's threads spin while they wait for each other. On a machine that is busy with other
        # work, as in a test suite, two of them take several times as long as one.
        with _threadpools().limit(limits=1, user_api="openmp"):
            return self._score(rows) if version is None else answer(version, rows)

    def _watched(self, prepared: Prepared) -> None:
        (self._watch_again if prepared.rescored else self._watch)(prepared)


@cache
def _threadpools() -> ThreadpoolController:
    """Return the thread pools of this process; the model's library is loaded by now."""
    return ThreadpoolController()


def as_records(spec: DomainSpec, batches: Iterable[Batch], rows: int = ROWS) -> Iterator[Records]:
    """Give batches offsets as a broker would, and merge them to about ``rows`` records each."""
    gathered = {source.name: _Gathered(spec.partitions) for source in spec.inputs.sources}
    count = 0
    for batch in batches:
        rows_of: dict[str, list[int]] = {}
        for row, source in enumerate(batch.source):
            rows_of.setdefault(source, []).append(row)
        for source, own in rows_of.items():
            if source in gathered:
                gathered[source].add(batch, own)
        count += len(batch)
        if count >= rows:
            yield from _flush(gathered)
            count = 0
    yield from _flush(gathered)


class _Gathered:
    """Records of one source that are gathered, and the next offset of each partition."""

    def __init__(self, partitions: int) -> None:
        self._next = [0] * partitions
        self.clear()

    def clear(self) -> None:
        """Begin the next records."""
        self.partition: list[int] = []
        self.offset: list[int] = []
        self.timestamp: list[int] = []
        self.key: list[bytes | None] = []
        self.value: list[bytes | None] = []
        self.headers: list[Headers] = []

    def add(self, batch: Batch, rows: Sequence[int]) -> None:
        """Add rows of a batch."""
        due, heartbeat, following = batch.due, batch.heartbeat, self._next
        for row in rows:
            partition = batch.partition[row]
            self.partition.append(partition)
            self.offset.append(following[partition])
            following[partition] += 1
            headers = batch.headers(row)
            if not heartbeat[row]:
                headers.append((INGEST_TIME, b"%013d" % max(0, due[row])))
            self.headers.append(headers)
        self.timestamp += [batch.timestamp[row] for row in rows]
        self.key += [batch.key[row] for row in rows]
        self.value += [batch.value[row] for row in rows]


def _flush(gathered: dict[str, _Gathered]) -> Iterator[Records]:
    for source, rows in gathered.items():
        if rows.partition:
            yield Records(
                source,
                np.array(rows.partition),
                np.array(rows.offset),
                rows.timestamp,
                rows.key,
                rows.value,
                rows.headers,
            )
            rows.clear()


class Gathering:
    """Gathers the rows that a pipeline prepares, and the labels in the slices that it is given.

    Attributes
    ----------
    end
        Until when the slices go (ms).
    """

    def __init__(self, spec: DomainSpec) -> None:
        self._spec, self.end = spec, 0
        self._features: list[Matrix] = []
        self._times: list[Ints] = []
        self._ids: list[str] = []
        self._entities: list[str] = []
        names = {source.name for source in spec.label_sources}
        names |= {estimate.source for estimate in spec.model.estimates}
        self._said: dict[str, list[bytes]] = {name: [] for name in names}

    def __len__(self) -> int:
        return len(self._ids)

    def passing(self, slices: Iterable[Slice]) -> Iterator[Slice]:
        """Note what the slices say of labels, and pass them on."""
        for piece in slices:
            self.end = max(self.end, piece.until)
            for emission in piece.emissions:
                if emission.source in self._said:
                    self._said[emission.source].extend(emission.values)
            yield piece

    def watch(self, prepared: Prepared) -> None:
        """Take a batch that was prepared for scoring: the ``watch`` of :class:`InProcess`."""
        self._features.append(prepared.features)
        self._times.append(prepared.events.event_time)
        self._ids.extend(prepared.events.event_id)
        self._entities.extend(prepared.events.entity)

    def joined(self) -> tuple[Labelled, Mask]:
        """Return all rows in order of arrival, and which of them have a label."""
        spec = self._spec
        width = len(spec.features.vector.names)
        features = np.concatenate([np.empty((0, width), np.float32), *self._features])
        time = np.concatenate([np.empty(0, np.int64), *self._times])
        values = (value for source in spec.label_sources for value in self._said[source.name])
        label, known = label_of(spec.labels, read_labels(spec.labels, values), self._ids)
        numbers = np.full((len(time), len(spec.model.estimates)), np.nan)
        for place, estimate in enumerate(spec.model.estimates):
            true = read_numbers(spec.labels, estimate.field, self._said[estimate.source])
            numbers[:, place] = numbers_of(true, self._ids)
        return Labelled(features, label, time, as_objects(self._entities), numbers), known
