"""Faults of the broker itself: it dies, stands still, is slow, or answers with errors.

The embedded broker plants them itself: it reads them from a pipe. An Apache Kafka is killed and
frozen, and refuses writes while its topics want a second replica. The other errors cannot be had
from a single healthy node.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import orjson
import psutil
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from streamsim.benchmarks.fault_injection.faulty_stack import Target, send
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.streams.topics import topics_of

VARIABLE = "BROKER_FAULTS"
"""Environment variable of the embedded broker: a pipe from which it reads faults."""
PRODUCE, FETCH = 0, 1
NOT_LEADER, NOT_ENOUGH_REPLICAS, STORAGE_ERROR = 6, 19, 56
"""Error codes of https://kafka.apache.org/protocol#protocol_error_codes."""
KILLED, FROZEN, REFUSES = "broker killed", "broker frozen", "broker refuses writes"
SLOW, LEADS_NOTHING = "broker slow", "broker leads no partition"
FAILS_A_PARTITION = "broker fails to read one partition"
ANSWERS: dict[str, dict[str, Any]] = {
    REFUSES: {"keys": [PRODUCE], "code": NOT_ENOUGH_REPLICAS},
    SLOW: {"keys": [PRODUCE, FETCH], "delay_ms": 400},
    LEADS_NOTHING: {"keys": [PRODUCE, FETCH], "code": NOT_LEADER},
    FAILS_A_PARTITION: {"keys": [FETCH], "code": STORAGE_ERROR, "partitions": [1]},
}
"""What the embedded broker does in a fault."""


def make_pipe(folder: Path) -> Path:
    """Make the pipe from which an embedded broker reads faults."""
    pipe = folder / "faults"
    os.mkfifo(pipe)
    return pipe


def plant(name: str, seconds: float, target: Target, pipe: Path, kafka: ApacheKafka | None) -> None:
    """Plant a fault in the broker of a stack; return when it is over.

    Parameters
    ----------
    pipe
        From which the embedded broker reads faults.
    kafka
        The broker, if it is not the embedded one.
    """
    if name == KILLED and kafka is not None:
        kafka.restart()
    elif name == KILLED:
        send(target.parts("broker")[0], signal.SIGKILL)
    elif name == FROZEN:
        process = psutil.Process(kafka.pid) if kafka is not None else target.parts("broker")[0]
        target.freeze(process, seconds)
    elif kafka is not None:
        _want_replicas(target, 2)
        target.watch(seconds)
        _want_replicas(target, 1)
    else:
        line = orjson.dumps(ANSWERS[name] | {"for_ms": int(seconds * 1000)})
        with pipe.open("wb") as lines:
            lines.write(line + b"\n")
        target.watch(seconds)


def _want_replicas(target: Target, count: int) -> None:
    """Let an Apache Kafka refuse all writes (2), or take them (1)."""
    admin = KafkaAdminClient(bootstrap_servers=target.address)
    try:
        admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC, t.name, {"min.insync.replicas": str(count)}
                )
                for t in topics_of(target.spec)
            ]
        )
    finally:
        admin.close()
