"""Resuming a producer: find the events that it sent before it died, and skip them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from streamsim.streams.events import HEARTBEAT, INGEST_TIME, first_headers


class SentRecords:
    """Counts of the events in the topics.

    A source gives the same records when it is read again. Heartbeats are not counted, since a
    repeated heartbeat has no effect.

    Parameters
    ----------
    records
        All records of the topics, with topic, partition, value and headers.
    since_ms
        Wall time of the first send; earlier records are from another producer.
    """

    def __init__(self, records: Iterable[Any], since_ms: int) -> None:
        self._left: Counter[tuple[str, int, bytes]] = Counter()
        self.last_ms = since_ms
        """Wall time of the last send."""
        for record in records:
            headers = first_headers(record.headers)
            handed = headers.get(INGEST_TIME)
            if HEARTBEAT not in headers and handed is not None and int(handed) >= since_ms:
                self._left[record.topic, record.partition, _digest(record.value)] += 1
                self.last_ms = max(self.last_ms, int(handed))

    def __len__(self) -> int:
        return self._left.total()

    def take(self, topic: str, partition: int, value: bytes | None) -> bool:
        """Say whether this event has been sent; each sent event matches once."""
        key = topic, partition, _digest(value)
        if self._left[key] <= 0:
            return False
        self._left[key] -= 1
        return True


def _digest(value: bytes | None) -> bytes:
    return b"" if value is None else hashlib.blake2b(value, digest_size=12).digest()
