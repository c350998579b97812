"""Sender: send a domain's batches to Kafka with kafka-python, paced, and check every outcome."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError

from streamsim.producers.backlog import Backlog
from streamsim.producers.batch_producer import BatchProducer, Row, confirm, encode_headers
from streamsim.producers.batches import Batch, finale, opened
from streamsim.producers.confirmed import Confirmed
from streamsim.producers.pace import Pace, Slots
from streamsim.producers.resume import SentRecords
from streamsim.streams.clock import Clock
from streamsim.streams.errors import BrokerError
from streamsim.streams.events import HEARTBEAT, INGEST_TIME
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic

LATE_MS = 1_000.0
"""Records that are due by more than this have made the producer fall behind."""
WAIT_S = 0.05
"""Pause of a producer that waits for the workers."""
CHUNK = 2_000
GATHER_MS = 100
"""How long a producer at full speed gathers the records of a chunk."""
UNCHECKED = 20_000
"""Most records whose outcome has not been checked."""
CONFIRM_S = 60.0


@dataclass(slots=True)
class Sent:
    """Counts of the sent records, which the broker has confirmed.

    Attributes
    ----------
    events
        Per source, without heartbeats.
    exhausted
        Whether the source was read to its end, and not stopped.
    """

    events: Counter[str] = field(default_factory=Counter)
    heartbeats: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False

    def as_dict(self) -> Mapping[str, Any]:
        """Return the counts as JSON types."""
        return {
            "events": dict(self.events),
            "heartbeats": dict(self.heartbeats),
            "exhausted": self.exhausted,
        }


class Sender:
    """Sends batches until they end or :attr:`stopping` is set.

    A recording may hold headers without a value, and records without key and value. kafka-python
    does not support these: empty bytes are sent in their place.

    Parameters
    ----------
    pace
        When each record is due.
    linger_ms
        How long a batch of records is gathered.
    already
        Events that were sent before, which are skipped.
    progress
        File in which the progress is kept, for a producer that is started again.
    backlog
        Says when to wait for the workers.
    slots
        Which records are sent together.

    Attributes
    ----------
    behind_ms
        By how much it has fallen behind its pace, in all (ms). It never hurries to make up for it.
        The time before the first new event does not count.
    """

    def __init__(
        self,
        spec: DomainSpec,
        bootstrap: str,
        pace: Pace,
        clock: Clock,
        max_record: int,
        linger_ms: int,
        already: SentRecords | None = None,
        progress: Path | None = None,
        backlog: Backlog | None = None,
        slots: Slots | None = None,
    ) -> None:
        self._spec, self._pace, self._clock = spec, pace, clock
        self._topics = {s.name: topic(spec.name, s.name) for s in spec.inputs.sources}
        self._topics["truth"] = topic(spec.name, "truth")
        self._already = already
        self._open: deque[Any] = deque()
        self._unchecked = 0
        self._confirmed = Confirmed(progress, already.progress.offsets if already else {})
        self._backlog = backlog
        self._slots = slots if slots is not None else Slots()
        self.behind_ms = 0
        self._shift_ms = 0  # by how much records are sent after they were due first
        self._has_begun = False  # to send what was not sent before
        self._is_new = already is None  # the last event was not sent before
        # If it is stopped before it has skipped all that was sent, its clocks still end after that.
        self._latest = already.latest_ms if already else 0
        self.stopping = False
        self.sent = Sent()
        try:
            self._producer = BatchProducer(
                bootstrap_servers=bootstrap,
                linger_ms=linger_ms,
                acks="all",
                enable_idempotence=True,
                metrics_enabled=False,  # they are not read, and cost time for each record
                batch_size=256 << 10,
                max_request_size=max_record * 2,
                max_block_ms=60_000,
                delivery_timeout_ms=60_000,
                request_timeout_ms=20_000,
            )
        except KafkaError as error:
            raise BrokerError(f"no Kafka broker answers at {bootstrap}: {error}") from None

    def run(self, batches: Iterable[Batch]) -> Sent:
        """Send all batches and the final heartbeats, and wait until the broker confirms them.

        Raises
        ------
        BrokerError
            If a record could not be delivered.
        """
        try:
            self.sent.exhausted = all(self._batch(batch) for batch in opened(self._spec, batches))
            self._finale()
            self._producer.flush()
            self._check(0)
        except KafkaError as error:
            raise BrokerError(f"a record was not delivered: {error!r}") from error
        finally:
            self._producer.close(timeout=5)
        return self.sent

    def _batch(self, batch: Batch) -> bool:
        """Send a batch; return whether to go on."""
        due = self._pace.due_ms(batch)
        row, n = 0, len(batch)
        while row < n:
            if self.stopping:
                return False
            if self._backlog is not None and self._backlog.is_long(self._clock.now_ms()):
                self._clock.sleep(WAIT_S)
                continue
            if due is None:
                end = min(row + CHUNK, n)
            else:
                first, now = float(due[row]) + self._shift_ms, self._clock.now_ms()
                if (wait := self._slots.begin(first) - now) > 0:
                    self._clock.sleep(min(wait, 100.0) / 1000)
                    continue
                if self._is_new:
                    late = max(0, int(now - first - LATE_MS))
                    self._shift_ms += late
                    self.behind_ms += late if self._has_begun else 0
                    self._has_begun = True
                end = int(due.searchsorted(self._slots.end(now) - self._shift_ms))
                end = max(row + 1, min(end, row + CHUNK))
            self._send(batch, row, end)
            row = end
        return True

    def _send(self, batch: Batch, start: int, end: int) -> None:
        ingest = (INGEST_TIME, b"%d" % self._clock.now_ms())
        places: dict[tuple[str, int], list[Row]] = {}
        encoded: dict[tuple[int, bool], bytes] = {}  # records of one clock have the same headers
        stamps, notes = batch.timestamp[start:end], batch.notes
        columns = (
            batch.source[start:end], batch.partition[start:end], batch.due[start:end].tolist(),
            stamps, batch.key[start:end], batch.value[start:end], batch.heartbeat[start:end],
        )  # fmt: skip
        for row, (source, partition, due, stamp, key, value, beat) in enumerate(
            zip(*columns, strict=True), start
        ):
            (self.sent.heartbeats if beat else self.sent.events)[source] += 1
            if not beat:
                self._is_new = not self._sent_before(source, partition, value)
                if not self._is_new:
                    continue
            headers = None if row in notes else encoded.get((due, beat))
            if headers is None:
                own = [*batch.headers(row), *(() if beat else (ingest,))]
                headers = encode_headers(own)
                if batch.recorded is None and row not in notes:
                    encoded[due, beat] = headers
            if key is None and value is None:
                key = HEARTBEAT.encode() if beat else b""
            places.setdefault((source, partition), []).append(Row(stamp, key, value, headers))
        for (source, partition), rows in places.items():
            begun = self._producer.append(self._topics[source], partition, rows)
            self._open += begun
            self._confirmed.appended((self._topics[source], partition), begun)
            self._unchecked += len(rows)
        self._latest = max(self._latest, int(batch.due[end - 1]), *stamps)
        self._check(UNCHECKED)

    def _sent_before(self, source: str, partition: int, value: bytes | None) -> bool:
        already = self._already
        return already is not None and already.take(source, self._topics[source], partition, value)

    def _check(self, open_: int) -> None:
        """Check the outcomes of all but the latest ``open_`` records; a failure ends the run."""
        while self._open and self._unchecked > open_:
            batch = self._open.popleft()
            confirm(batch, CONFIRM_S)
            self._unchecked -= batch.record_count
        now = self._clock.now_ms()
        if (
            self._confirmed.look(now, self.sent.events, self.behind_ms, self._latest)
            and self._backlog
        ):
            trigger = self._topics[self._spec.trigger.name]
            offsets = self._confirmed.offsets.items()
            self._backlog.sent(now, {place: o for place, o in offsets if place[0] == trigger})

    def _finale(self) -> None:
        """Send the final heartbeats, which release all events that wait for a clock."""
        if self._latest:
            last = finale(self._spec, self._latest)
            self._send(last, 0, len(last))
