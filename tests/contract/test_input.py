"""Bad input is dead-lettered with its reason and bytes, and the counts still add up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamsim.models.loaded import Loaded
from streamsim.producers.wire import wire
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.replay import record_batches, record_world, replay
from streamsim.streams.spec import DomainSpec
from tests.contract.runs import small, some

BAD = (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"event_id":1}', b'{"event_id":"x"}', b"1e999")


def test_wrecks_of_every_source_are_dead_with_their_bytes(
    domain: DomainSpec, model: Loaded
) -> None:
    slices = small(domain, 7, some(domain, 1), **_clean(domain))
    for source in domain.inputs.sources:
        for piece in slices:
            for emission in piece.emissions:
                if emission.source == source.name and len(emission):
                    for row, value in zip(range(len(emission)), BAD, strict=False):
                        emission.values[row] = value
    outcome = replay(domain, record_batches(domain, list(wire(domain, slices))), model)
    outcome.expect_closed()
    assert {d.value for d in outcome.dead} >= set(BAD)
    assert all(d.reason for d in outcome.dead)


def test_the_world_as_it_was(
    domain: DomainSpec, golden: Callable[[Outcome], None], model: Loaded
) -> None:
    """Scores are in the golden file: a change of what a model learns needs a new one."""
    third = {k: max(1, v // 3) if v > 10 else v for k, v in domain.world.options.items()}
    golden(replay(domain, record_world(domain, seed=20, days=some(domain, 5), **third), model))


@pytest.mark.parametrize("rows", [97, 1000])
def test_batches_make_no_difference(domain: DomainSpec, model: Loaded, rows: int) -> None:
    recording = record_batches(domain, list(wire(domain, small(domain, 3, some(domain, 6)))))
    whole, cut = replay(domain, recording, model), replay(domain, recording, model, rows=rows)
    assert whole.scores == cut.scores
    assert whole.alerts == cut.alerts
    assert whole.account == cut.account


def _clean(domain: DomainSpec) -> dict[str, float]:
    return {"defects": 0.0} if "defects" in domain.world.options else {}
