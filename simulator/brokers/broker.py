"""Start, check and query a stack's broker."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, for_code

from streamsim.simulator.brokers.embedded.building import find_program
from streamsim.streams.errors import BrokerError, TopicMismatch
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.topics import TopicSpec

KNOWN_S = 30.0


TOPIC_CONFIG: Mapping[str, Mapping[str, str]] = {
    EMBEDDED: {"retention.ms": "-1", "max.message.bytes": str(16 << 20)},
    "kafka": {
        "retention.ms": "-1",
        "max.message.bytes": str(16 << 20),
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": str(2**63 - 1),
        "message.timestamp.before.max.ms": str(2**63 - 1),
    },
}
"""Configuration of the topics that are created, by kind of broker. Event times may be years away
from now, so no record is deleted for its age and no timestamp is refused. The embedded broker has
no bounds of timestamps."""
COMPACTED: Mapping[str, str] = {"cleanup.policy": "compact", "segment.ms": str(10 * 60_000)}
"""What a topic has besides if only the latest record of each key counts. The newest segment is
never compacted, and Apache Kafka begins one only after a week by default."""


def topic_config(broker: str, segment_bytes: int | None = None) -> Mapping[str, str]:
    """Return the topics' configuration for a broker setting (``embedded`` or ``HOST:PORT``).

    Parameters
    ----------
    segment_bytes
        Size of a partition's segments; by default the broker's.
    """
    if broker != EMBEDDED:
        return TOPIC_CONFIG["kafka"]
    sized = {} if segment_bytes is None else {"segment.bytes": str(segment_bytes)}
    return {**TOPIC_CONFIG[EMBEDDED], **sized}


def free_port() -> int:
    """Return a free port of the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def embedded_command(port: int, data: Path | None = None) -> list[str]:
    """Return the command that runs the embedded broker on a loopback port.

    Parameters
    ----------
    data
        Folder of its data, so that it can be killed and started again; without one everything is
        kept in memory.

    Raises
    ------
    BrokerError
        If the broker's program is not there and cannot be built.
    """
    command = [str(find_program()), "-port", str(port)]
    return [*command, "-data", str(data)] if data is not None else command


def wait_for_broker(address: str, seconds: float, process: subprocess.Popen[bytes] | None) -> None:
    """Wait until a broker answers.

    Raises
    ------
    BrokerError
        If it does not answer in time, or its process has ended.
    """
    deadline = time.monotonic() + seconds
    while True:
        if process is not None and process.poll() is not None:
            raise BrokerError(f"the broker ended at once (exit code {process.returncode})")
        try:
            # A refused connection costs less here than in the Kafka client.
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            asyncio.run(_greet(address))
        except (KafkaError, OSError, ValueError) as error:
            if time.monotonic() > deadline:
                raise BrokerError(f"no Kafka broker answers at {address} ({error})") from None
            time.sleep(0.05)
            continue
        return


async def _greet(address: str) -> None:
    async with _admin(address, request_timeout_ms=5_000):
        pass


@asynccontextmanager
async def _admin(address: str, **options: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, **options)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def create_topics(address: str, topics: Iterable[TopicSpec], config: Mapping[str, str]) -> None:
    """Create the topics that do not exist; check the partitions of those that do.

    Raises
    ------
    TopicMismatch
        If a topic exists with another number of partitions than its declaration.
    BrokerError
        If the broker refuses.
    """
    try:
        asyncio.run(_create_topics(address, {t.name: t for t in topics}, config))
    except (KafkaError, OSError) as error:
        raise BrokerError(f"the broker at {address} refused the topics: {error}") from error


async def _create_topics(
    address: str, wanted: Mapping[str, TopicSpec], config: Mapping[str, str]
) -> None:
    async with _admin(address) as admin:
        sizes = await _sizes(admin)
        _check_sizes(wanted, sizes)
        new = [
            NewTopic(
                name,
                spec.partitions,
                1,
                topic_configs={**config, **(COMPACTED if spec.is_compacted else {})},
            )
            for name, spec in wanted.items()
            if name not in sizes
        ]
        if not new:
            return
        answer = await admin.create_topics(new)
        for name, code, *message in answer.topic_errors:
            # Another run may have created it meanwhile.
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name}: {message}")
        # Apache Kafka's controller has created them; its brokers learn of it a moment later.
        deadline = time.monotonic() + KNOWN_S
        while not wanted.keys() <= (sizes := await _sizes(admin)).keys():
            if time.monotonic() > deadline:
                raise KafkaTimeoutError(
                    f"topics not listed after creation: {sorted(wanted.keys() - sizes.keys())}"
                )
            await asyncio.sleep(0.05)
        _check_sizes(wanted, sizes)


async def _sizes(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Return the number of partitions of each topic whose partitions all have a leader."""
    return {
        described["topic"]: len(described["partitions"])
        for described in await admin.describe_topics()
        if not described["error_code"]
        and described["partitions"]
        and all(p["leader"] >= 0 for p in described["partitions"])
    }


def _check_sizes(wanted: Mapping[str, TopicSpec], sizes: Mapping[str, int]) -> None:
    for name in sorted(wanted.keys() & sizes.keys()):
        if sizes[name] != wanted[name].partitions:
            raise TopicMismatch(
                f"topic {name} has {sizes[name]} partitions and is declared with "
                f"{wanted[name].partitions}; delete it or use another broker"
            )


def end_offsets(address: str, topics: Iterable[TopicSpec]) -> dict[tuple[str, int], int]:
    """Return the end offset of every partition of the topics."""
    partitions = [TopicPartition(t.name, p) for t in topics for p in range(t.partitions)]
    try:
        return asyncio.run(_end_offsets(address, partitions))
    except (KafkaError, OSError) as error:
        raise BrokerError(
            f"the broker at {address} does not say its end offsets: {error}"
        ) from error


async def _end_offsets(
    address: str, partitions: Sequence[TopicPartition]
) -> dict[tuple[str, int], int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    try:
        await consumer.start()
        ends = await consumer.end_offsets(partitions)
        return {tuple(tp): offset for tp, offset in ends.items()}
    finally:
        await consumer.stop()


def check_empty(address: str, topics: Iterable[TopicSpec]) -> None:
    """Check that the topics are empty: an account cannot tell the events of two runs apart.

    Raises
    ------
    TopicMismatch
        If a topic has records.
    """
    for (name, _), end in end_offsets(address, topics).items():
        if end:
            raise TopicMismatch(
                f"topic {name} has records of another run; delete it, or use another broker"
            )
