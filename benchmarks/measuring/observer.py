"""An independent consumer that measures when the records of a topic can be read.

The clock of an event starts with its ``ingest_time`` in the producer. It stops when a consumer
outside of all groups and workers has read the event's score. Only one topic is read at a time,
because every reader takes processor time of the broker.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from streamsim.simulator.reading import read_whole
from streamsim.streams.collecting import rare_collections
from streamsim.streams.events import INGEST_TIME, SOURCE_OFFSET, SOURCE_PARTITION, Floats
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import SCORES, topic, topics_of

Place = tuple[int, int]
"""Partition and offset of an event."""


class Observer:
    """Reads one topic and stores the time of each record; a context manager.

    Parameters
    ----------
    scores
        Whether to read the scores; if not, the events themselves.
    """

    def __init__(self, spec: DomainSpec, address: str, *, scores: bool) -> None:
        self._spec, self._address = spec, address
        self._topic = topic(spec.name, SCORES if scores else spec.trigger.name)
        self._place = _scored_event if scores else _event
        self._fetched: list[tuple[float, list[Any]]] = []
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._collections = ExitStack()
        self._thread = threading.Thread(target=self._run, name="observer")

    def __enter__(self) -> Observer:
        # It keeps all that it reads: a full collection would hold it up for a third of a second,
        # which the latencies would show as the stack's.
        self._collections.enter_context(rare_collections())
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._collections.close()
        if self._failure is not None and error is None:
            raise self._failure

    def __len__(self) -> int:
        """Return the number of records read so far."""
        return sum(len(records) for _, records in self._fetched)

    def latencies(self, ingested: Mapping[Place, int], since_ms: float, until_ms: float) -> Floats:
        """Return the latency of each event of a period (ms), shape ``(n_seen,)``."""
        seen: dict[Place, float] = {}
        for at, records in self._fetched:
            for record in records:
                seen.setdefault(self._place(record), at)
        return np.array(
            [
                at - start
                for place, at in seen.items()
                if since_ms <= (start := ingested.get(place, -1)) < until_ms
            ]
        )

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except BaseException as failure:  # raised when the context is left
            self._failure = failure

    async def _watch(self) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign([TopicPartition(self._topic, p) for p in range(self._spec.partitions)])
            while not self._stopping.is_set():
                fetched = await consumer.getmany(timeout_ms=100)
                now = time.time() * 1000
                # Records are parsed later: the observer must not take the workers' processor time.
                self._fetched += [(now, records) for records in fetched.values()]
        finally:
            await consumer.stop()


def ingest_times(spec: DomainSpec, address: str) -> dict[Place, int]:
    """Read the ingest time of each event (ms), after the measurement."""
    events = [t for t in topics_of(spec) if t.name == topic(spec.name, spec.trigger.name)]
    times = {}
    for record in read_whole(address, events)[events[0].name]:
        ingest = dict(record.headers).get(INGEST_TIME)
        if ingest is not None:
            times[_event(record)] = int(ingest)
    return times


def _event(record: Any) -> Place:
    return record.partition, record.offset


def _scored_event(record: Any) -> Place:
    headers = dict(record.headers)
    return int(headers[SOURCE_PARTITION]), int(headers[SOURCE_OFFSET])
