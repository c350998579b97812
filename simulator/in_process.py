"""A domain's pipeline in this process, without broker, service or clock.

It is the same :class:`streamsim.consumers.core.pipeline.Pipeline` that a worker drives. Records
that a broker would carry from worker to worker (those of global tables) are handed over directly.
Tests compare it with a real stack, event by event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from streamsim.consumers.core.drive import drive
from streamsim.consumers.core.exchange import Exchange
from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.learner import Learner
from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.predict.prepared import Prepared
from streamsim.models.loaded import answer
from streamsim.producers.wire import Batch
from streamsim.streams.answers import Answers
from streamsim.streams.events import INGEST_TIME, Matrix, Outbound, Records
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimator

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
        Called with every batch of features.
    key
        Key of the pseudonyms of persons; see :mod:`streamsim.streams.privacy.pseudonyms`.
    renewed
        The estimator behind ``score``, from which the model is renewed. Without it, that one model
        scores all events.
    """

    def __init__(
        self,
        spec: DomainSpec,
        score: Score | None = None,
        signature: Signature | None = None,
        *,
        hold: bool = False,
        watch: Callable[[Prepared], None] | None = None,
        key: bytes | None = None,
        renewed: Estimator | None = None,
    ) -> None:
        self._learner, self._schedule = None, None
        if spec.model.renewal is not None and signature is not None and renewed is not None:
            self._learner = Learner(spec, spec.model.renewal, renewed, signature)
            self._schedule = Schedule(signature)
        self._score = score
        self._watch = watch or (lambda prepared: None)
        self._versions: dict[str, Estimator] = {}
        self._exchange = Exchange(spec)
        self._exchanged = frozenset(self._exchange.topics)
        self.pipeline = Pipeline(
            spec,
            signature,
            hold=hold,
            tables=self._exchange.tables,
            key=key,
            schedule=self._schedule,
        )

    def push(self, records: Records) -> list[Outbound]:
        """Process records and return the outputs of the domain, in order."""
        self._learn(records)
        ask, out = self._ask if self._score is not None else None, []
        for outputs in drive(self.pipeline, records, ask, ROWS, self._watched):
            for record in outputs.each():
                out.append(record)
                if record.topic in self._exchanged and record.value is not None:
                    out += self._exchange.apply(record.topic, record.value).outputs
        return out

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
                    self._versions[entry.version] = estimator

    def _ask(self, rows: Matrix, signature: Signature) -> Answers:
        """Score rows with the model version that is valid at the events' time."""
        assert self._score is not None
        version = self._versions.get(signature.version)
        return self._score(rows) if version is None else answer(version, rows)

    def _watched(self, prepared: Prepared) -> None:
        if not prepared.rescored:
            self._watch(prepared)


def as_records(spec: DomainSpec, batches: Iterable[Batch], rows: int = ROWS) -> Iterator[Records]:
    """Give batches offsets as a broker would, and merge them to about ``rows`` records each."""
    names = [source.name for source in spec.inputs.sources]
    offsets = {name: [0] * spec.partitions for name in names}
    gathered: dict[str, list[Any]] = {name: [] for name in names}
    count = 0
    for batch in batches:
        for row, source in enumerate(batch.source):
            if source not in gathered:
                continue
            partition = batch.partition[row]
            headers = batch.headers(row)
            if not batch.heartbeat[row]:
                headers.append((INGEST_TIME, b"%013d" % max(0, int(batch.due[row]))))
            gathered[source].append(
                (
                    partition,
                    offsets[source][partition],
                    batch.timestamp[row],
                    batch.key[row],
                    batch.value[row],
                    headers,
                )
            )
            offsets[source][partition] += 1
        count += len(batch)
        if count >= rows:
            yield from _flush(gathered)
            count = 0
    yield from _flush(gathered)


def _flush(gathered: dict[str, list[Any]]) -> Iterator[Records]:
    for source, rows in gathered.items():
        if rows:
            partition, offset, timestamp, key, value, headers = zip(*rows, strict=True)
            yield Records(
                source, np.array(partition), np.array(offset), timestamp, key, value, headers
            )
            rows.clear()
