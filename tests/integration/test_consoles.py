"""What a console shows of a broker is true: groups, members, positions; and kcat works."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.streams.topics import TopicSpec
from tests.brokers import BROKERS
from tests.stacks import until

pytestmark = pytest.mark.stack
PLACE = TopicPartition("t", 0)


@pytest.fixture
def filled(broker: str) -> str:
    """A broker with five records in ``t``."""
    create_topics(broker, [TopicSpec("t", 1, "key", "of a test")], BROKERS.topic_config)
    with Writer(broker) as writer:
        writer.write([Message("t", 0, None, b"%d" % n, 0) for n in range(5)])
    return broker


def test_a_group_is_shown_with_its_members_and_its_lag(filled: str) -> None:
    consumer = KafkaConsumer(
        "t", bootstrap_servers=filled, group_id="console", client_id="a-reader",
        auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=2,
    )  # fmt: skip
    admin = KafkaAdminClient(bootstrap_servers=filled)
    try:
        until(lambda: consumer.poll(timeout_ms=500), "records")
        consumer.commit()
        group = admin.describe_groups(["console"])["console"]
        assert group["group_state"] == "Stable"
        (member,) = group["members"]
        assert member["client_id"] == "a-reader"
        committed = admin.list_group_offsets(["console"])["console"][PLACE].offset
        assert consumer.end_offsets([PLACE])[PLACE] - committed == 3
    finally:
        consumer.close()
        admin.close()


@pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed")
def test_kcat_lists_writes_and_reads(filled: str) -> None:
    def kcat(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            ["kcat", "-b", filled, *arguments],
            input=given, capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        return done.stdout

    assert 'topic "t" with 1 partitions' in kcat("-L")
    kcat("-P", "-t", "t", "-p", "0", given="six\n")
    everything = ["0", "1", "2", "3", "4", "six"]
    assert kcat("-C", "-t", "t", "-o", "beginning", "-e").split() == everything
    earliest = ("-X", "auto.offset.reset=earliest")
    assert kcat("-G", "kcat-group", "t", *earliest, "-e").split() == everything
