"""The brokers that tests run on: of the kind that ``pytest --broker`` names, clean for each use."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.simulator.brokers.broker import (
    TOPIC_CONFIG,
    embedded_command,
    free_port,
    wait_for_broker,
)
from streamsim.simulator.brokers.jars import kafka_version
from streamsim.streams.errors import StreamsimError
from streamsim.streams.settings import EMBEDDED
from tests.guarded import GUARD

KAFKA = "kafka"
READY_S = 60.0


class Embedded:
    """An embedded broker that can be killed and started again, as an Apache Kafka can."""

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="streamsim-tests-")
        self.data = Path(self._folder.name)
        self.address = f"127.0.0.1:{self._port}"

    def __enter__(self) -> Embedded:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        command = embedded_command(self._port, self.data)
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, stdout=quiet, stderr=quiet, start_new_session=True
        )
        GUARD.watch(self._process)
        wait_for_broker(self.address, READY_S, self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        GUARD.release(self._process)


class Brokers:
    """Lends brokers, a clean one to each borrower.

    An embedded broker is started with each stack, and gone with it. Apache Kafka takes seconds to
    start, so that one that has been given back is lent again, without what it held; a second one
    is started while the first is out.
    """

    def __init__(self) -> None:
        self.kind = EMBEDDED
        self._idle: list[ApacheKafka] = []
        self._all = ExitStack()

    @property
    def name(self) -> str:
        """The kind's name, as people know it."""
        return EMBEDDED if self.kind == EMBEDDED else f"Apache Kafka {kafka_version()}"

    @property
    def topic_config(self) -> Mapping[str, str]:
        """Configuration of topics on the kind."""
        return TOPIC_CONFIG[self.kind]

    @contextmanager
    def for_stack(self) -> Iterator[str]:
        """Lend what ``streamsim up --broker`` is to be told."""
        if self.kind == EMBEDDED:
            yield EMBEDDED
            return
        with self.process() as kafka:
            yield kafka.address

    @contextmanager
    def process(self) -> Iterator[ApacheKafka | Embedded]:
        """Lend a broker that runs, to be killed and started again at will."""
        if self.kind == EMBEDDED:
            with Embedded() as embedded:
                yield embedded
            return
        kafka = self._take()
        try:
            yield kafka
        finally:
            self._idle.append(kafka)

    def close(self) -> None:
        """End all that were started."""
        self._idle.clear()
        self._all.close()

    def _take(self) -> ApacheKafka:
        """Return a clean one; one that cannot be cleaned is of no use any more."""
        while self._idle:
            kafka = self._idle.pop()
            try:
                clean(kafka.address)
                return kafka
            except (KafkaError, StreamsimError, TimeoutError):
                kafka.close()
        folder = self._all.enter_context(tempfile.TemporaryDirectory(prefix="streamsim-tests-"))
        return self._all.enter_context(ApacheKafka(Path(folder)))


BROKERS = Brokers()
"""Those of this session; ``conftest.py`` says of which kind, and ends them."""


def clean(address: str) -> None:
    """Delete all topics, and with them what groups have committed; delete idle groups."""
    wait_for_broker(address, READY_S, None)
    deadline = time.monotonic() + READY_S
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        topics = [name for name in admin.list_topics() if not name.startswith("__")]
        if topics:
            admin.delete_topics(topics, timeout_ms=30_000)
            # The controller has deleted them; the broker hears of it a moment later.
            while not set(topics).isdisjoint(admin.list_topics()):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{address} does not forget its topics")
                time.sleep(0.02)
        with suppress(KafkaError):  # a killed worker's group lives for its session time-out
            admin.delete_groups([group["group_id"] for group in admin.list_groups()])
    finally:
        admin.close()


def select(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return those tests that this kind of broker is not for."""
    if BROKERS.kind == EMBEDDED:
        return [item for item in items if item.get_closest_marker("kafka")]
    return [
        item
        for item in items
        if not item.get_closest_marker("stack") or item.get_closest_marker("embedded")
    ]
