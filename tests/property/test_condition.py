"""Tracked vehicle state: independent of batch boundaries and of a worker's restarts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.core.pipeline import Pipeline
from streamsim.consumers.predict.prepared import unscored
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import Matrix, Records
from streamsim.streams.stored.packing import pack, unpack
from tests.property.examples import examples

SPEC = load_domain("logistics")
OPTIONS = {"vehicles": 4.0, "failures": 4.0, "faults": 8.0, "defects": 3.0}
Found = dict[str, Matrix]


@lru_cache(1)
def recorded() -> list[Records]:
    """Some minutes of a troubled fleet, in batches of about 100 records."""
    batches = list(wire(SPEC, world_slices(SPEC, 11, OPTIONS, 3 / 24 / 60)))
    batches.append(finale(SPEC, batches[-1].latest()))
    return list(as_records(SPEC, batches, rows=100))


def take(pipeline: Pipeline, found: Found) -> None:
    """Finish ready events, without a model."""
    while (prepared := pipeline.pull(200)) is not None:
        found.update(zip(prepared.events.event_id, prepared.features, strict=True))
        pipeline.finish(unscored(prepared))


@lru_cache(1)
def whole() -> Found:
    pipeline, found = Pipeline(SPEC, None), dict[str, Matrix]()
    for records in recorded():
        pipeline.push(records)
        take(pipeline, found)
    return found


@examples(0.25)
@given(crashes=st.sets(st.integers(0, 15), max_size=3), lost=st.integers(0, 3))
def test_a_restart_at_any_moment_changes_no_feature(crashes: set[int], lost: int) -> None:
    """A worker is restored from its checkpoints, and receives the records after them."""
    written: dict[int, list[object]] = {}
    pipeline, found = Pipeline(SPEC, None, journal=True), dict[str, Matrix]()
    sent = recorded()
    at = marked = 0
    while at < len(sent):
        pipeline.push(sent[at])
        take(pipeline, found)
        at += 1
        if at % (lost + 1) == 0:
            for p, content in pipeline.checkpoint().items():
                written.setdefault(p, []).append(pack(content))
                pipeline.saved(p, content)
            marked = at
        if at in crashes:
            crashes = crashes - {at}
            pipeline = Pipeline(SPEC, None, journal=True)
            for p, contents in written.items():
                pipeline.restore(p, [unpack(content) for content in contents])  # type: ignore[arg-type]
            at = restart(pipeline, sent, marked)
    assert found.keys() == whole().keys()
    for event_id, row in whole().items():
        np.testing.assert_array_equal(found[event_id], row)


def restart(pipeline: Pipeline, sent: Sequence[Records], marked: int) -> int:
    """Send again the pipeline's unfinished records, and all records after ``mark``."""
    first = marked
    for number, records in enumerate(sent[:marked]):
        positions = pipeline.positions(records.source)[records.partition]
        if (records.offset >= np.maximum(positions, 0)).any():
            first = min(first, number)
    return first
