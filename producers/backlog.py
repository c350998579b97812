"""Backlog: whether the workers are so far behind a producer that it has to wait for them.

On a machine that is too slow for a pace, records would pile up on the broker, and every score would
come later than the one before. A producer falls behind its pace instead. It knows how far the
workers are from the offsets that their consumer group commits.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from statistics import median_low

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from streamsim.streams.clock import Clock

log = logging.getLogger(__name__)

LONG_MS = 4_000
"""Workers that have not finished what was sent so long ago are too far behind."""
STUCK_MS = 2_000
"""Workers that finish nothing for so long may wait for later records: they are then sent."""
ASK_S = 0.5
"""Interval between two questions to the broker."""

Place = tuple[str, int]


class Backlog:
    """Compares what was sent with what is finished, per partition of the trigger.

    Examples
    --------
    >>> backlog, place = Backlog(), ("water.readings", 0)
    >>> backlog.sent(0, {place: 100}); backlog.finished(0, {place: 40})
    >>> backlog.is_long(3_000), backlog.is_long(5_000)
    (False, False)
    >>> backlog.finished(5_000, {place: 60}); backlog.is_long(5_000)
    True
    >>> backlog.finished(6_000, {place: 100}); backlog.is_long(6_000)
    False
    """

    def __init__(self) -> None:
        self._sent: deque[tuple[int, Mapping[Place, int]]] = deque()
        self._finished: Mapping[Place, int] = {}
        self._moved_ms = 0

    def sent(self, now_ms: int, offsets: Mapping[Place, int]) -> None:
        """Note up to where the records are sent."""
        self._sent.append((now_ms, dict(offsets)))

    def finished(self, now_ms: int, offsets: Mapping[Place, int]) -> None:
        """Note up to where the workers have finished."""
        if offsets != self._finished:
            self._finished, self._moved_ms = dict(offsets), now_ms

    def is_long(self, now_ms: int) -> bool:
        """Say whether to wait: half of the partitions are too far behind, and the workers move."""
        while len(self._sent) > 1 and self._sent[1][0] <= now_ms - LONG_MS:
            self._sent.popleft()
        if not self._sent or self._sent[0][0] > now_ms - LONG_MS:
            return False
        if not self._finished or now_ms - self._moved_ms > STUCK_MS:
            return False
        left = [offset - self._finished.get(p, 0) for p, offset in self._sent[0][1].items()]
        return bool(left) and median_low(left) > 0


class GroupWatch:
    """Asks the broker in a thread how far a consumer group is; a context manager."""

    def __init__(
        self, address: str, group: str, places: list[Place], backlog: Backlog, clock: Clock
    ) -> None:
        self._address, self._group = address, group
        self._places = [TopicPartition(*place) for place in places]
        self._backlog, self._clock = backlog, clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)

    def __enter__(self) -> GroupWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        admin: KafkaAdminClient | None = None
        while not self._ended.wait(ASK_S):
            try:
                admin = admin or KafkaAdminClient(bootstrap_servers=self._address)
                offsets = admin.list_group_offsets({self._group: self._places})[self._group]
            except (KafkaError, OSError) as error:  # it goes on without an answer
                log.debug("no offsets of %s: %r", self._group, error)
                continue
            found = {tuple(tp): max(0, committed.offset) for tp, committed in offsets.items()}
            self._backlog.finished(self._clock.now_ms(), found)
        if admin is not None:
            admin.close()
