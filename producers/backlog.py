"""Backlog: whether the workers are so far behind a producer that it has to wait for them.

On a machine that is too slow for a pace, records would pile up on the broker, and every score would
come later than the one before. A producer falls behind its pace instead. How far the workers are it
knows from their metrics.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from statistics import median_low

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streamsim.producers.resume import Place
from streamsim.streams.clock import Clock

log = logging.getLogger(__name__)

LONG_MS = 3_000
"""Workers that have not taken what was sent so long ago are too far behind."""
STUCK_MS = 10_000
"""Workers that take nothing for so long may wait for later records: they are then sent."""
POLL_MS = 500
AGAIN_S = 1.0
"""Pause after a failure before the next connection to the broker."""


class Backlog:
    """Compares what was sent with what the workers have taken, per partition of the trigger.

    Examples
    --------
    >>> backlog, place = Backlog(), ("water.readings", 0)
    >>> backlog.sent(0, {place: 100}); backlog.taken(0, {place: 40})
    >>> backlog.is_long(2_000), backlog.is_long(4_000)
    (False, True)
    >>> backlog.taken(5_000, {place: 100}); backlog.is_long(5_000)
    False
    """

    def __init__(self) -> None:
        self._sent: deque[tuple[int, Mapping[Place, int]]] = deque()
        self._taken: dict[Place, int] = {}
        self._moved_ms = 0

    def sent(self, now_ms: int, offsets: Mapping[Place, int]) -> None:
        """Note up to where the records are sent."""
        self._sent.append((now_ms, dict(offsets)))

    def taken(self, now_ms: int, offsets: Mapping[Place, int]) -> None:
        """Note up to where the workers have taken them."""
        known = {**self._taken, **offsets}
        if known != self._taken:
            self._taken, self._moved_ms = known, now_ms

    def is_long(self, now_ms: int) -> bool:
        """Say whether to wait: half of the partitions are too far behind, and the workers move."""
        while len(self._sent) > 1 and self._sent[1][0] <= now_ms - LONG_MS:
            self._sent.popleft()
        if not self._sent or self._sent[0][0] > now_ms - LONG_MS:
            return False
        if not self._taken or now_ms - self._moved_ms > STUCK_MS:
            return False
        left = [offset - self._taken.get(p, 0) for p, offset in self._sent[0][1].items()]
        return bool(left) and median_low(left) > 0


class WorkerWatch:
    """Reads in a thread how far the workers are; a context manager.

    Parameters
    ----------
    metrics, trigger
        Names of the topics of the workers' metrics and of the trigger.
    """

    def __init__(
        self, address: str, metrics: str, trigger: str, backlog: Backlog, clock: Clock
    ) -> None:
        self._address, self._place = address, TopicPartition(metrics, 0)
        self._trigger, self._backlog, self._clock = trigger, backlog, clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)

    def __enter__(self) -> WorkerWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with closing(
                    KafkaConsumer(
                        bootstrap_servers=self._address,
                        enable_auto_commit=False,
                        auto_offset_reset="latest",
                        fetch_max_wait_ms=POLL_MS,
                    )
                ) as consumer:
                    self._follow(consumer)
            except (KafkaError, OSError) as error:
                log.warning("the broker at %s: %s", self._address, str(error))
            self._ended.wait(AGAIN_S)

    def _follow(self, consumer: KafkaConsumer) -> None:
        consumer.assign([self._place])
        consumer.seek_to_end(self._place)
        while not self._ended.is_set():
            for records in consumer.poll(timeout_ms=POLL_MS).values():
                for record in records:
                    self._backlog.taken(self._clock.now_ms(), self._read(record.value))

    def _read(self, value: bytes) -> dict[Place, int]:
        """Return how far a worker is; nothing if the record is about something else."""
        try:
            taken = orjson.loads(value)["taken"]
            return {(self._trigger, int(p)): int(offset) for p, offset in taken.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}
