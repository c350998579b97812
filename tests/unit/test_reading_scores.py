"""Scores are read alike from columns and from records, each event's once."""

from __future__ import annotations

from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.testing.reading_scores import in_order, read_scores
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import OutboundBatch
from tests.property.chained import signature
from tests.property.driving import checksum

SPEC = load_domain("finance")


def batches() -> list[OutboundBatch]:
    recording = record_world(SPEC, seed=3, days=1, cards=50)
    domain = InProcess(SPEC, checksum, signature(SPEC))
    return [
        batch
        for records in as_records(SPEC, recording.batches(SPEC))
        for outputs in domain.steps(records)
        for batch in outputs.batches
    ]


def test_columns_and_records_give_the_same_scores() -> None:
    made = batches()
    records = [record for batch in made for record in batch.records()]
    scores = read_scores(SPEC, [], made)
    assert scores
    assert read_scores(SPEC, records) == scores
    assert read_scores(SPEC, records, made) == scores  # of repeated ones, the first counts


def test_they_are_put_in_order_of_time_id_and_source() -> None:
    scores = read_scores(SPEC, [], batches())
    assert in_order(scores[::-1]) == sorted(scores, key=lambda s: (s.time_ms, s.event_id, s.source))
