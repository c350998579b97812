"""What the stack needs of a broker, on either kind; ``docs/brokers.md`` lists it with these tests.

No test asserts speed: a wait that would show a fault ends in a time-out.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError as AioKafkaError
from aiokafka.protocol.fetch import FetchRequest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.simulator.brokers.broker import create_topics
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.topics import TopicSpec
from tests.brokers import BROKERS, Embedded
from tests.integration.test_broker import write_batches
from tests.stacks import streamsim

pytestmark = pytest.mark.stack

ONE = TopicPartition("t", 0)
MIB = 1 << 20


@pytest.fixture
def admin(broker: str) -> Iterator[KafkaAdminClient]:
    """An admin client, and a topic ``t`` with one partition, created as by the stack."""
    create_topics(broker, [TopicSpec("t", 1, "key", "of a test")], BROKERS.topic_config)
    client = KafkaAdminClient(bootstrap_servers=broker, request_timeout_ms=20_000)
    yield client
    client.close()


def embedded() -> bool:
    return BROKERS.kind == EMBEDDED


def send(address: str, topic: str, values: list[bytes], **options: Any) -> None:
    producer = KafkaProducer(bootstrap_servers=address, acks="all", max_block_ms=5_000)
    try:
        for sent in [producer.send(topic, value, partition=0, **options) for value in values]:
            sent.get(20)
    finally:
        producer.close()


def read(address: str, **options: Any) -> list[bytes]:
    """Read all records of ``t``."""
    consumer = KafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", fetch_max_wait_ms=500, **options
    )
    try:
        consumer.assign([ONE])
        fetched = consumer.poll(timeout_ms=10_000)
        return [record.value for records in fetched.values() for record in records]
    finally:
        consumer.close()


def sent_by_aiokafka(address: str, value: bytes, **options: Any) -> bool:
    """Return whether the broker accepts a record from aiokafka."""

    async def attempt() -> bool:
        producer = AIOKafkaProducer(bootstrap_servers=address, **options)
        try:
            await producer.start()
            await producer.send_and_wait("t", value)
        except AioKafkaError:
            return False
        finally:
            await producer.stop()
        return True

    return asyncio.run(attempt())


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except KafkaError:
        return True
    return False


def test_what_was_acknowledged_survives_a_kill(
    broker_process: ApacheKafka | Embedded, admin: KafkaAdminClient
) -> None:
    send(broker_process.address, "t", [b"1", b"2"])
    broker_process.kill()
    broker_process.start()
    again = KafkaAdminClient(bootstrap_servers=broker_process.address)
    try:
        kept = "t" in again.list_topics() and read(broker_process.address) == [b"1", b"2"]
    finally:
        again.close()
    assert kept


def test_records_are_kept_in_files(
    broker_process: ApacheKafka | Embedded, admin: KafkaAdminClient
) -> None:
    send(broker_process.address, "t", [secrets.token_bytes(MIB // 2)] * 40)
    files = [file for file in broker_process.data.rglob("t-0/*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) >= 20 * MIB


def test_only_the_loopback_can_reach_it(
    broker_process: ApacheKafka | Embedded, admin: KafkaAdminClient
) -> None:
    process = psutil.Process(broker_process.pid)
    listening = [c.laddr for c in process.net_connections("inet") if c.status == "LISTEN"]
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    if isinstance(broker_process, Embedded):
        assert [str(address.port) for address in listening] == [
            broker_process.address.rpartition(":")[2]
        ]


@pytest.mark.long
def test_a_second_run_meets_what_the_first_one_wrote(
    registry: Registry, stack_broker: str, tmp_path: Path
) -> None:
    arguments = ["up", "--domain", "finance", "--headless", "--days", "0.2", "--speed", "max"]
    arguments += ["--broker", stack_broker, "--report", str(tmp_path / "report.json")]
    first = streamsim(*arguments)
    assert first.returncode == 0, first.stderr
    second = streamsim(*arguments)
    assert second.returncode == (0 if embedded() else 3), second.stderr
    if embedded():
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["domains"]["finance"]["unaccounted"] == 0
    else:
        assert "of another run; delete it, or use another broker" in second.stderr


def test_the_end_offset_counts_the_records_of_the_last_batch(
    broker: str, admin: KafkaAdminClient
) -> None:
    asyncio.run(write_batches(broker, "t", 0, [5, 100, 7]))
    consumer = KafkaConsumer(bootstrap_servers=broker)
    try:
        assert consumer.end_offsets([ONE]) == {ONE: 112}
    finally:
        consumer.close()


def test_a_group_of_one_forms_at_once(broker: str, admin: KafkaAdminClient) -> None:
    session_s = 300  # a broker that waits for more members does so for a part of it

    async def join() -> None:
        consumer = AIOKafkaConsumer(
            "t",
            bootstrap_servers=broker,
            group_id="g",
            session_timeout_ms=session_s * 1000,
            rebalance_timeout_ms=session_s * 1000,
            request_timeout_ms=session_s * 1000,
        )
        try:
            await consumer.start()
            assert consumer.assignment()
        finally:
            await consumer.stop()

    asyncio.run(asyncio.wait_for(join(), session_s / 5))


def test_a_fetch_that_waits_is_woken_by_a_record(broker: str, admin: KafkaAdminClient) -> None:
    wait_s = 300

    async def fetch() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=broker, request_timeout_ms=2 * wait_s * 1000)
        await consumer.start()
        try:
            await consumer.end_offsets([ONE])  # so that the client knows where the topic is
            request = FetchRequest(wait_s * 1000, 1, MIB, 0, [("t", [(0, 0, MIB)])], rack_id="")
            leader = consumer._client.cluster.leader_for_partition(ONE)
            answer = asyncio.ensure_future(consumer._client.send(leader, request))
            await asyncio.wait({answer}, timeout=1)
            assert not answer.done()
            await asyncio.to_thread(send, broker, "t", [b"1"])
            await answer
        finally:
            await consumer.stop()

    asyncio.run(asyncio.wait_for(fetch(), wait_s / 5))


def test_an_aborted_transaction_is_not_read(broker: str, admin: KafkaAdminClient) -> None:
    producer = KafkaProducer(bootstrap_servers=broker, transactional_id="x", max_block_ms=30_000)
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send("t", b"aborted", partition=0).get(20)
        producer.abort_transaction()
        producer.begin_transaction()
        producer.send("t", b"committed", partition=0).get(20)
        producer.commit_transaction()
    finally:
        producer.close()
    seen = read(broker, isolation_level="read_committed")
    assert seen == [b"committed"]


def test_an_idempotent_producer_works(broker: str, admin: KafkaAdminClient) -> None:
    assert sent_by_aiokafka(broker, b"1", enable_idempotence=True)


def test_partitions_can_be_added(admin: KafkaAdminClient) -> None:
    assert not refused(lambda: admin.create_partitions({"t": 3}))


def test_records_can_be_deleted(broker: str, admin: KafkaAdminClient) -> None:
    send(broker, "t", [b"1", b"2", b"3"])
    admin.delete_records({ONE: 2}, timeout_ms=10_000)
    assert read(broker) == [b"3"]


def test_a_topics_configuration_can_be_read(admin: KafkaAdminClient) -> None:
    admin.create_topics([NewTopic("kept", 1, 1, topic_configs={"retention.ms": "-1"})])
    admin.wait_for_topics(["kept"])
    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "kept")])
    assert {name: row["value"] for name, row in found["topic"]["kept"].items()} == {
        "retention.ms": "-1"
    }


def test_a_topic_that_does_not_exist_is_not_made(broker: str, admin: KafkaAdminClient) -> None:
    assert refused(lambda: send(broker, "misspelt", [b"1"]))
    names = [name for name in admin.list_topics() if not name.startswith("__")]  # Kafka's own
    assert names == ["t"]


def test_a_time_far_ahead_is_taken_or_needs_a_topic_that_allows_it(
    broker: str, admin: KafkaAdminClient
) -> None:
    admin.create_topics([NewTopic("plain", 1, 1)])
    admin.wait_for_topics(["plain"])
    year_2100 = 4_102_444_800_000
    send(broker, "t", [b"1"], timestamp_ms=year_2100)
    send(broker, "plain", [b"1"], timestamp_ms=0)
    ahead = refused(lambda: send(broker, "plain", [b"1"], timestamp_ms=year_2100))
    assert ahead == (not embedded())


def test_a_record_of_sixteen_mebibytes_at_most_is_taken(
    broker: str, admin: KafkaAdminClient
) -> None:
    largest = {"max_request_size": 64 * MIB, "max_batch_size": 64 * MIB}
    assert sent_by_aiokafka(broker, b"x" * 15 * MIB, **largest)
    assert not sent_by_aiokafka(broker, b"x" * 17 * MIB, **largest)


def test_a_reader_sees_the_records_of_several_writers_in_order(
    broker: str, admin: KafkaAdminClient
) -> None:
    """Four producers write to one partition while a consumer follows it."""
    over = asyncio.Event()

    async def write(count: int) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
        await producer.start()
        try:
            for _ in range(count):
                if over.is_set():
                    break
                await producer.send_and_wait("t", b"x" * 200, partition=0)
        finally:
            await producer.stop()

    async def skipped(count: int) -> int:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=broker, auto_offset_reset="earliest", fetch_max_wait_ms=5
        )
        await consumer.start()
        consumer.assign([ONE])
        writers = [asyncio.create_task(write(count // 4)) for _ in range(4)]
        due = gone_past = 0
        try:
            while due < count:
                ended = all(writer.done() for writer in writers)
                found = await consumer.getmany(timeout_ms=200)
                for records in found.values():
                    for record in records:
                        gone_past += record.offset - due
                        due = record.offset + 1
                if ended and not found:
                    break  # a writer may have failed, which is raised below
        finally:
            # Not cancelled: a producer cancelled while it stops leaves its connections open.
            over.set()
            await asyncio.gather(*writers)
            await consumer.stop()
        return gone_past

    assert asyncio.run(skipped(800)) == 0
