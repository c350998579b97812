"""Watches two topics from outside: when each event, and each score, can be read by anybody.

The clock of an event starts with its ``ingest_time``, when the producer took it in hand. That a
score can be read is seen by a consumer of its own, which is in no group and in no worker.
"""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaConsumer, TopicPartition

from consumers.patience import FetchWait, Patience
from streams.events import INGEST_TIME, SOURCE_OFFSET, SOURCE_PARTITION
from streams.spec import DomainSpec
from streams.topics import SCORES, topic

Times = npt.NDArray[np.float64]


class Observer:
    """Reads the trigger's topic and the scores until it is left; a context manager.

    Parameters
    ----------
    scores
        Whether there will be scores to watch.
    """

    def __init__(self, spec: DomainSpec, address: str, wait: FetchWait, *, scores: bool) -> None:
        self._spec, self._address, self._wait = spec, address, wait
        self._events, self._scores = topic(spec.name, spec.trigger.name), topic(spec.name, SCORES)
        self._topics = [self._events, *([self._scores] if scores else [])]
        self._ingested: dict[tuple[int, int], int] = {}
        self._there: dict[tuple[int, int], float] = {}
        self._scored: dict[tuple[int, int], float] = {}
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="observer")

    def __enter__(self) -> Observer:
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
        if self._failure is not None and error is None:
            raise self._failure

    @property
    def events(self) -> int:
        """How many events have been seen."""
        return len(self._ingested)

    @property
    def scores(self) -> int:
        """How many events' scores have been seen."""
        return len(self._scored)

    def there_and_back(self, since_ms: float, until_ms: float) -> Times:
        """Return how long each event of a period took to be readable (ms)."""
        return self._latencies(self._there, since_ms, until_ms)

    def to_score(self, since_ms: float, until_ms: float) -> Times:
        """Return how long each event of a period took until its score was readable (ms)."""
        return self._latencies(self._scored, since_ms, until_ms)

    def _latencies(self, seen: dict[tuple[int, int], float], since: float, until: float) -> Times:
        return np.array(
            [
                at - ingested
                for place, at in seen.items()
                if since <= (ingested := self._ingested[place]) < until
            ]
        )

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except BaseException as failure:  # shown where the observer is left
            self._failure = failure

    async def _watch(self) -> None:
        await asyncio.gather(*(self._read(name) for name in self._topics))

    async def _read(self, name: str) -> None:
        """Read one topic; each has a consumer of its own, so that neither waits for the other."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._wait.base_ms,
        )
        patience = Patience(consumer, self._wait)
        take = self._take_score if name == self._scores else self._take_event
        await consumer.start()
        try:
            consumer.assign([TopicPartition(name, p) for p in range(self._spec.partitions)])
            while not self._stopping.is_set():
                patience.adapt()
                fetched = await consumer.getmany(timeout_ms=100)
                now = time.time() * 1000
                for records in fetched.values():
                    for record in records:
                        take(record, now)
        finally:
            await consumer.stop()

    def _take_event(self, record: Any, now: float) -> None:
        for name, value in record.headers:
            if name == INGEST_TIME:
                place = record.partition, record.offset
                self._ingested[place], self._there[place] = int(value), now

    def _take_score(self, record: Any, now: float) -> None:
        headers = dict(record.headers)
        place = int(headers[SOURCE_PARTITION]), int(headers[SOURCE_OFFSET])
        self._scored.setdefault(place, now)
