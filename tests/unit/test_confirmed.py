"""Progress is written once the broker has confirmed what was sent, and names no record too many."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streamsim.producers.batch_producer import BatchProducer, Row, confirm
from streamsim.producers.confirmed import SAVE_MS, Confirmed
from streamsim.producers.resume import Progress, read_progress
from streamsim.simulator.brokers.broker import create_topics
from streamsim.streams.topics import TopicSpec
from tests.brokers import BROKERS
from tests.stacks import until

ROW = Row(1, b"k", b"value", b"\0")


@pytest.mark.stack
def test_the_offsets_are_those_after_the_rows_that_count(broker: str, tmp_path: Path) -> None:
    create_topics(broker, [TopicSpec("t", 2, "key", "a test's")], BROKERS.topic_config)
    file = tmp_path / "t.progress"
    producer = BatchProducer(bootstrap_servers=broker, linger_ms=5_000, acks="all")
    confirmed = Confirmed(file, {("t", 1): 4})
    try:
        batches = producer.append("t", 0, [ROW] * 3)
        confirmed.appended(("t", 0), batches)
        assert not confirmed.look(0, Counter({"s": 3}), 0, 9)  # the mark is set
        more = producer.append("t", 0, [ROW] * 2)  # into the same batch, behind the mark
        confirmed.appended(("t", 0), more)
        assert more == []
        assert not confirmed.look(1, Counter({"s": 5}), 0, 9)
        assert read_progress(file) == Progress()
        producer.flush()
        confirm(batches[0], 20)
        assert confirmed.look(2, Counter({"s": 5}), 7, 9)
        assert read_progress(file) == Progress({"s": 3}, {("t", 0): 3, ("t", 1): 4}, 0, 0, 9)
        assert not confirmed.look(SAVE_MS, Counter({"s": 5}), 7, 9)
        until(lambda: confirmed.look(SAVE_MS + 1, Counter({"s": 5}), 7, 9), "the next mark")
        assert read_progress(file).rows == {"s": 5}
        assert read_progress(file).behind_ms == 7
    finally:
        producer.close(timeout=5)
