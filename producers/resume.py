"""Resuming a producer: find the events that it sent before it died, and skip them.

A producer writes now and then how far it has come: the number of rows of each source that the
broker has confirmed, and the offsets after them. A source gives the same rows when it is read
again: that many are skipped. The rows sent since are recognised by their bytes, in the records from
these offsets on. The answers of a third party and the rows of a database come in another order when
they are asked for again: they are recognised by their bytes alone, in all records that there are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from streamsim.streams.events import HEARTBEAT, INGEST_TIME, SOURCE_TIME, first_headers
from streamsim.streams.spec import Inputs

Place: TypeAlias = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a producer has come.

    Attributes
    ----------
    rows
        Source to the number of its events that the broker has confirmed.
    offsets
        Topic and partition to the offset after them.
    at_ms
        When this was so (ms of wall time).
    behind_ms
        By how much it has fallen behind its pace on purpose, in all (ms).
    latest_ms
        Latest clock or event time that it has sent (ms).
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    offsets: Mapping[Place, int] = field(default_factory=dict)
    at_ms: int = 0
    behind_ms: int = 0
    latest_ms: int = 0

    def save(self, path: Path) -> None:
        """Write it to a file, atomically."""
        places = [[*place, offset] for place, offset in self.offsets.items()]
        body = {
            "rows": self.rows,
            "offsets": places,
            "at_ms": self.at_ms,
            "behind_ms": self.behind_ms,
            "latest_ms": self.latest_ms,
        }
        draft = path.with_name("." + path.name)
        draft.write_bytes(orjson.dumps(body))
        draft.replace(path)


def read_progress(path: Path | None) -> Progress:
    """Read a producer's progress.

    Without a file, or with one that a power cut has spoilt, all records are looked at.
    """
    try:
        body = orjson.loads(path.read_bytes()) if path is not None else None
        if body is None:
            return Progress()
        offsets = {(topic, partition): offset for topic, partition, offset in body["offsets"]}
        return Progress(body["rows"], offsets, body["at_ms"], body["behind_ms"], body["latest_ms"])
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
        return Progress()


def unordered_sources(inputs: Inputs) -> frozenset[str]:
    """Return the sources whose rows may come in another order when they are read again."""
    asked = [party.source for party in inputs.third_parties]
    return frozenset([*asked, *(table.source for table in inputs.databases)])


class SentRecords:
    """The events that were sent before.

    Heartbeats are not counted, since a repeated heartbeat has no effect.

    Parameters
    ----------
    records
        The records of the topics from the progress's offsets on, with topic, partition, value and
        headers.
    since_ms
        Wall time of the first send; earlier records are from another producer.
    progress
        What was sent before these records.
    """

    def __init__(
        self, records: Iterable[Any], since_ms: int, progress: Progress | None = None
    ) -> None:
        self._left: Counter[tuple[str, int, bytes]] = Counter()
        self.progress = progress or Progress()
        self._rows = dict(self.progress.rows)
        self.behind_ms = self.progress.behind_ms
        self.last_ms = since_ms
        """Wall time of the last send."""
        self.latest_ms = self.progress.latest_ms
        """Latest clock or event time that was sent."""
        for record in records:
            headers = first_headers(record.headers)
            handed = headers.get(INGEST_TIME)
            if HEARTBEAT not in headers and handed is not None and int(handed) >= since_ms:
                self._left[record.topic, record.partition, _digest(record.value)] += 1
                self.last_ms = max(self.last_ms, int(handed))
                clock = headers.get(SOURCE_TIME) or b"0"
                self.latest_ms = max(self.latest_ms, int(clock), record.timestamp)

    def __len__(self) -> int:
        return self._left.total()

    def take(self, source: str, topic: str, partition: int, value: bytes | None) -> bool:
        """Say whether a source's next event has been sent; each sent event matches once."""
        if self._rows.get(source, 0) > 0:
            self._rows[source] -= 1
            return True
        key = topic, partition, _digest(value)
        if self._left[key] <= 0:
            return False
        self._left[key] -= 1
        return True


def _digest(value: bytes | None) -> bytes:
    return b"" if value is None else hashlib.blake2b(value, digest_size=12).digest()
