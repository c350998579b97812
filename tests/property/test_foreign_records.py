"""Any bytes in a topic of ours are what a program of ours wrote, or a foreign record."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.benchmarks.fault_injection.poison import WAYS
from streamsim.consumers.core.exchange import Exchange
from streamsim.consumers.predict.model_schedule import read_entry, read_lifecycle
from streamsim.producers.recording import Recorded
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.report.alert_lines import alert_line
from streamsim.simulator.report.dead_letters import letter_of, pretty
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.own_outputs import read_alert, read_metrics, read_score
from streamsim.simulator.run.life.life_lines import lifecycle_line
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import Outbound
from streamsim.streams.topics import ALERTS, METRICS, SCORES, topic
from tests.property.driving import SIGNATURE, checksum
from tests.property.examples import examples

SPEC = load_domain("finance")
ANY = st.none() | st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"junk", b"null", b"1"])
SOURCES = [source.name for source in SPEC.inputs.sources]
PLACES = [str(p) for p in range(SPEC.partitions)]
WORKER = {
    "worker": 0,
    "generation": 3,
    "assigned": {name: list(range(SPEC.partitions)) for name in SOURCES},
    "account": {name: {p: {"scored": 5} for p in PLACES} for name in SOURCES},
    "position": {name: dict.fromkeys(PLACES, 7) for name in SOURCES},
    "taken": dict.fromkeys(PLACES, 7),
    "clock": dict.fromkeys(SOURCES, 1736121600000),
    "complete": {"labelled": dict.fromkeys(PLACES, 5), "profiles": dict.fromkeys(PLACES, 6)},
    "told": {"labelled": 5},
    "saved": {"finance.terminals": 3},
    "foreign": {"finance.terminals": [1, "finance.terminals, partition 0, offset 1: not JSON"]},
    "queued": 0,
    "pending": 2,
    "waits_for": None,
    "retries": 0,
    "latency": {"-3": 2, "40": 5},
    "model": {"name": "finance-fraud", "version": "1"},
}
LIFECYCLE = {
    "event": "renewed", "run": "r", "model": "m", "version": "3", "threshold": 0.9,
    "effective_from": "2025-01-01T00:00:00.000Z", "known_until": "2025-01-08T00:00:00.000Z",
}  # fmt: skip


@cache
def outputs() -> dict[str, list[Outbound]]:
    """Some outputs of each topic that workers write in a world of two weeks."""
    domain = InProcess(SPEC, checksum, SIGNATURE)
    found: dict[str, list[Outbound]] = {}
    batches = record_world(SPEC, seed=2, days=14, cards=60, terminals=30, fraud=5).batches(SPEC)
    for record in domain.run(as_records(SPEC, batches)):
        own = found.setdefault(record.topic, [])
        if len(own) < 40:
            own.append(record)
    return found


def a_value(name: str, number: int) -> bytes:
    if name == "lifecycle":
        return orjson.dumps(LIFECYCLE)
    if name == topic(SPEC.name, METRICS) and number % 2:
        return orjson.dumps(WORKER)
    own = outputs()[name]
    return own[number % len(own)].value or b""


def spoilt(value: bytes, seed: int) -> bytes | None:
    draw = random.Random(seed)
    record = Recorded("t", 0, 0, 0, b"k", value, ())
    for _ in range(draw.randint(1, 3)):
        with suppress(ValueError, TypeError, AttributeError, IndexError):  # it is no JSON any more
            record = draw.choice(WAYS)(record, draw)
    return record.value


def a_ledger(value: bytes | None) -> None:
    ledger = Ledger(SPEC)
    ledger.take(read_metrics(SPEC, orjson.dumps(WORKER)))
    ledger.take(read_metrics(SPEC, value))
    ends = {(topic(SPEC.name, s), p): 9 for s in SOURCES for p in range(SPEC.partitions)}
    ledger.note_ends(ends)
    ledger.finished(ends)
    ledger.settled(1)
    ledger.account(ends, 5)
    ledger.latencies().percentile(50)
    ledger.pending(), ledger.lag(), ledger.waits_for(), ledger.clock()
    ledger.judged_until(), ledger.model()


def test_a_run_waits_for_labelled_scores_to_be_told_but_for_no_profiles() -> None:
    ends = {(topic(SPEC.name, s), p): 7 for s in SOURCES for p in range(SPEC.partitions)}
    for told, finished in (({"labelled": 5}, True), ({"labelled": 4}, False), (None, False)):
        ledger = Ledger(SPEC)
        ledger.take(read_metrics(SPEC, orjson.dumps(WORKER | {"told": told})))
        assert ledger.finished(ends) is finished
    with pytest.raises(ForeignRecordError):
        read_metrics(SPEC, orjson.dumps(WORKER | {"told": {"profiles": 6}}))


def an_exchange(name: str) -> Callable[[bytes | None], None]:
    def take(value: bytes | None) -> None:
        exchange = Exchange(SPEC)
        for own in outputs()[name]:
            exchange.apply(name, own.value)
        before = exchange.snapshot()
        try:
            exchange.apply(name, value)
        except ForeignRecordError:
            assert str(exchange.snapshot()) == str(before)  # it has no effect
            raise
        exchange.snapshot()

    return take


def a_lifecycle(value: bytes | None) -> None:
    read_entry(value, "r", "m")
    lifecycle_line(read_lifecycle(value), 0)


READERS: dict[str, Callable[[bytes | None], Any]] = {
    topic(SPEC.name, ALERTS): lambda value: alert_line(read_alert(SPEC, value)),
    topic(SPEC.name, METRICS): a_ledger,
    topic(SPEC.name, SCORES): lambda value: read_score(SPEC, value),
    **{name: an_exchange(name) for name in Exchange(SPEC).topics},
    "lifecycle": a_lifecycle,
}


@pytest.mark.parametrize("name", READERS)
def test_what_our_programs_write_is_read(name: str) -> None:
    for number in range(4):
        READERS[name](a_value(name, number))


@pytest.mark.parametrize("name", READERS)
@examples(1)
@given(value=ANY)
def test_any_other_bytes_are_a_foreign_record(name: str, value: bytes | None) -> None:
    with pytest.raises(ForeignRecordError):
        READERS[name](value)


@pytest.mark.parametrize("name", READERS)
@examples(3)
@given(number=st.integers(0, 39), seed=st.integers(0, 2**32))
def test_a_spoilt_record_is_read_or_refused(name: str, number: int, seed: int) -> None:
    with suppress(ForeignRecordError):
        READERS[name](spoilt(a_value(name, number), seed))


@pytest.mark.parametrize("place", [("until",), ("buckets", 0), ("counts", 0), ("partition",)])
def test_numbers_that_no_array_holds_are_refused(place: tuple[Any, ...]) -> None:
    name = topic(SPEC.name, SPEC.features.tables[0].name)
    body = orjson.loads(a_value(name, 0))
    assert body["buckets"]
    inner = body
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = 2**63
    with pytest.raises(ForeignRecordError):
        READERS[name](orjson.dumps(body))


@examples(1)
@given(
    value=ANY,
    key=st.none() | st.binary(max_size=5),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["source_topic", "source_partition", "reason", "attempts", "found_at"]),
            st.none() | st.binary(max_size=8),
        ),
        max_size=4,
    ),
)
def test_any_record_among_the_dead_letters_can_be_shown(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    record = Recorded("finance.dead", 0, 0, 0, key, value, tuple(headers))
    pretty(letter_of(record))
