"""State of keys that have ended is deleted, and no feature changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsim.consumers.core.forgetting import Forgetting
from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import Matrix
from streamsim.streams.spec import DAY, DomainSpec

DAYS = 30
KEEP = 2 * DAY


@pytest.fixture(scope="module")
def spec() -> DomainSpec:
    """A domain whose context counts for two days."""
    domain = load_domain("healthcare")
    joins = tuple(replace(join, keep=KEEP) for join in domain.features.joins)
    return replace(domain, features=replace(domain.features, joins=joins))


def run(spec: DomainSpec) -> tuple[InProcess, Matrix]:
    """Return the pipeline after some days, and all features."""
    rows: list[Prepared] = []
    process = InProcess(spec, watch=rows.append, key=bytes(range(32)))
    slices = world_slices(spec, 5, spec.world.options, DAYS)
    for records in as_records(spec, wire(spec, slices), 500):
        process.push(records)
    return process, np.concatenate([prepared.features for prepared in rows])


def test_keys_that_have_been_silent_are_forgotten_and_no_feature_changes(
    spec: DomainSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, features = run(spec)
    labs = process.pipeline.stores.joins["labs"]
    with monkeypatch.context() as patch:
        patch.setattr(Forgetting, "search", lambda self: None)
        whole, expected = run(spec)
    kept = whole.pipeline.stores.joins["labs"]
    assert len(labs) < 0.6 * len(kept)  # type: ignore[arg-type]
    np.testing.assert_array_equal(features, expected)
    assert len(features) > 300
