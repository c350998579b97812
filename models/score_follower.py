"""Score follower: reads a domain's scores, and keeps the newest row of features of each entity."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamsim.models.newest_rows import NewestRows, Row
from streamsim.streams.errors import PackingError
from streamsim.streams.events import FEATURE_HASH, FEATURES
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.snapshot_files import load_snapshot, save_snapshot
from streamsim.streams.topics import SCORES, topic

log = logging.getLogger(__name__)
WAIT_MS = 500
"""Longest wait of a fetch and a poll."""
AGAIN_S = 1.0
"""Pause after a failure before the next connection to the broker."""
PROBE_S = 2.0
"""Time without a record after which the broker is probed: a client that has lost its broker would
retry for ever, and leak its sockets."""
REST = 2.0
"""After each batch the thread pauses for this multiple of the batch's work, since scoring has
priority."""
SAVE_S = 30.0
"""Time between two snapshots of the rows."""
PATIENCE_S = 3.0
"""How long after the start requests wait for the earlier scores to be read."""


class ScoreFollower:
    """Reads the scores of one domain, in a thread, and reconnects on failures.

    Parameters
    ----------
    address
        Of the broker, ``HOST:PORT``. Broker and topics may appear later. If the broker is lost, the
        rows stay.
    kept
        File in which the rows are kept, with the offsets at which reading goes on. Without it all
        scores are read, from the beginning.
    """

    def __init__(self, spec: DomainSpec, address: str, kept: Path | None = None) -> None:
        self.rows = NewestRows(len(spec.features.vector.names))
        self._address, self._hash = address, spec.features.fingerprint.encode()
        self._places = [TopicPartition(topic(spec.name, SCORES), p) for p in range(spec.partitions)]
        self._kept, self._saved = kept, time.monotonic()
        self._next = dict.fromkeys(self._places, 0)
        self._ended, self._current = threading.Event(), threading.Event()
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"follow {spec.name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._begun = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._ended.set()
        self._thread.join()

    def is_current(self) -> bool:
        """Say whether it has reached the end of the topic; soon after the start, wait for it."""
        left = self._begun + PATIENCE_S - time.monotonic()
        return self._current.wait(left) if left > 0 else self._current.is_set()

    def _run(self) -> None:
        self._restore()
        asyncio.run(self._follow_again())

    async def _follow_again(self) -> None:
        while not self._ended.is_set():
            try:
                self._probe()
                consumer = self._consumer()
                try:
                    await consumer.start()
                    await self._follow(consumer)
                finally:
                    await _stop(consumer)
            except (KafkaError, OSError) as error:
                log.warning("the broker at %s: %s", self._address, str(error))
            await asyncio.to_thread(self._ended.wait, AGAIN_S)

    def _probe(self) -> None:
        host, _, port = self._address.rpartition(":")
        socket.create_connection((host, int(port)), timeout=PROBE_S).close()

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self._address,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=WAIT_MS,
            max_partition_fetch_bytes=1 << 20,
            max_poll_records=2_000,
        )

    async def _follow(self, consumer: Any) -> None:
        consumer.assign(self._places)
        for place, offset in self._next.items():
            consumer.seek(place, offset)
        heard = time.monotonic()
        while not self._ended.is_set():
            began = time.thread_time()
            found = await consumer.getmany(timeout_ms=WAIT_MS)
            for place, records in found.items():
                self.rows.take(self._rows(records))
                self._next[place] = records[-1].offset + 1
            if found:
                heard = time.monotonic()
                self._save()
            elif time.monotonic() - heard > PROBE_S:
                self._probe()
                heard = time.monotonic()
            if not self._current.is_set() and await self._is_at_end(consumer):
                self._current.set()
            await asyncio.sleep(REST * (time.thread_time() - began))

    def _restore(self) -> None:
        try:
            found = None if self._kept is None else load_snapshot(self._kept)
            if found is not None:
                columns, positions = found
                self.rows.restore(columns)
                self._next = {place: positions[place] for place in self._places}
        except (PackingError, KeyError, ValueError, TypeError, OSError) as error:
            log.warning("%s is not read, the scores are: %r", self._kept, error)

    def _save(self) -> None:
        """Keep the rows now and then: earlier scores may be deleted then."""
        if self._kept is None or time.monotonic() - self._saved < SAVE_S:
            return
        try:
            save_snapshot(self._kept, self.rows.snapshot(), self._next)
        except OSError as error:
            log.warning("%s is not written: %s", self._kept, error.strerror)
        self._saved = time.monotonic()

    def _rows(self, records: Iterable[Any]) -> Iterator[tuple[str, Row]]:
        """Yield entities and rows; skip records of other features, from an older program."""
        for record in records:
            headers = dict(record.headers)
            packed = headers.get(FEATURES)
            if record.key is not None and packed and headers.get(FEATURE_HASH) == self._hash:
                # Another program may have written the key.
                entity = record.key.decode(errors="replace")
                yield entity, Row(record.timestamp, record.offset, packed)

    async def _is_at_end(self, consumer: Any) -> bool:
        """Say whether all partitions are read up to the high watermarks of the fetches."""
        ends = [consumer.highwater(place) for place in self._places]
        if None in ends:
            return False
        positions = (consumer.position(place) for place in self._places)
        # A position that is sought anew is not known before the broker has answered.
        found = await asyncio.wait_for(asyncio.gather(*positions), PROBE_S)
        return all(position >= end for position, end in zip(found, ends, strict=True))


async def _stop(consumer: Any) -> None:
    """Stop a consumer, also one that has lost its broker.

    See "`AIOKafkaConsumer.stop()` raises CancelledError without its broker" in docs/faust.md.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await consumer._client.close()  # noqa: SLF001 - stop() has not come to it
