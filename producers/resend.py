"""Records that are sent once more, each to its topic and the partition of its key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError

from streamsim.producers.wire import partition_of
from streamsim.streams.errors import BrokerError
from streamsim.streams.events import ATTEMPTS, INGEST_TIME


class Again(NamedTuple):
    """A record to send: its topic, its number of partitions, key, value, time (ms) and attempt."""

    topic: str
    partitions: int
    key: bytes | None
    value: bytes
    timestamp: int
    attempt: int


def resend(bootstrap: str, records: Iterable[Again], now_ms: int, max_record: int) -> int:
    """Send records in their order, and return how many the broker has confirmed.

    They carry no clock of a source: a source that has gone on must not make them late. A record
    that is sent twice has the same event id, and the second is a duplicate.

    Raises
    ------
    BrokerError
        If the broker does not answer, or did not take a record.
    """
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            max_request_size=max_record * 2,
            max_block_ms=30_000,
        )
    except KafkaError as error:
        raise BrokerError(f"no Kafka broker answers at {bootstrap}: {error}") from None
    try:
        sent = [
            producer.send(
                own.topic,
                key=own.key,
                value=own.value,
                partition=partition_of(own.key or own.value, own.partitions),
                timestamp_ms=max(0, own.timestamp),
                headers=[(INGEST_TIME, b"%d" % now_ms), (ATTEMPTS, b"%d" % own.attempt)],
            )
            for own in records
        ]
        producer.flush(timeout=60)
        for future in sent:
            future.get(timeout=30)
    except KafkaError as error:
        raise BrokerError(f"a record was not delivered: {error!r}") from error
    finally:
        producer.close(timeout=5)
    return len(sent)
