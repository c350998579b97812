"""A synchronous producer of single records, acknowledged when the call returns."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streamsim.simulator.brokers.loop_thread import LoopThread
from streamsim.streams.errors import BrokerError
from streamsim.streams.events import Headers

CONNECT_S = SAFE_S = 20.0
CLOSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be written."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()


class Writer:
    """A producer for code without an event loop; a context manager.

    Parameters
    ----------
    largest
        Largest request (bytes).

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """

    def __init__(self, address: str, largest: int = 1 << 20) -> None:
        self._address = address
        self._loop = LoopThread()
        try:
            self._producer = self._loop.call(_start(address, largest), CONNECT_S)
        except (KafkaError, OSError) as error:
            self._loop.close()
            raise BrokerError(f"no Kafka broker answers at {address}: {error!r}") from error

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        with suppress(KafkaError, OSError, CancelledError):
            self._loop.call(self._producer.stop(), CLOSE_S)
        self._loop.close()

    def write(self, messages: Sequence[Message]) -> None:
        """Write records in order; return when the broker has acknowledged them.

        Raises
        ------
        BrokerError
            If the broker does not accept them.
        """
        try:
            self._loop.call(_write(self._producer, messages), SAFE_S)
        except (KafkaError, OSError) as error:
            raise BrokerError(f"{self._address} does not take a record: {error!r}") from error


async def _start(address: str, largest: int) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", max_request_size=largest)
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


async def _write(producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
    sent = [
        await producer.send(
            m.topic,
            key=m.key,
            value=m.value,
            partition=m.partition,
            timestamp_ms=m.timestamp_ms,
            headers=list(m.headers),
        )
        for m in messages
    ]
    for outcome in sent:
        await outcome
