"""Every domain has the same outcome in process and on a broker."""

from __future__ import annotations

import pytest

from streamsim.simulator.testing.replay import record_world
from streamsim.streams.domain_registry import load_domain
from tests.replay.likeness import Replay, alike

pytestmark = [pytest.mark.stack, pytest.mark.embedded]


@pytest.mark.parametrize(
    ("domain", "days", "world", "scored", "joined"),
    [
        ("retail", 60, {"households": 150, "lapses": 6}, 3_000, 500),
        ("logistics", 1 / 48, {"vehicles": 12, "failures": 6}, 10_000, 50),
        ("healthcare", 34, {"patients": 6_000}, 300, 5_000),
    ],
)
def test_a_broker_changes_nothing_in_any_domain(
    replay: Replay,
    stack: Replay,
    registry: object,
    domain: str,
    days: float,
    world: dict[str, float],
    scored: int,
    joined: int,
) -> None:
    """Context arrives on topics of its own, each at its own pace; entities are tracked."""
    recording = record_world(load_domain(domain), seed=4, days=days, **world)
    alone = replay(recording)
    assert len(alone.scores) > scored
    assert alone.account["context"]["applied"] > joined
    assert alone.alerts
    alike(alone, stack(recording, workers=2))


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_broker_changes_nothing_where_the_model_is_renewed(
    replay: Replay, stack: Replay, registry: object, workers: int
) -> None:
    """Each version scores the same events in process and on a broker."""
    technology = load_domain("technology")
    recording = record_world(technology, seed=4, days=27, users=120)
    alone = replay(recording)
    assert len(alone.scores) > 5_000
    assert len({score.version for score in alone.scores}) == 5  # one of them is the champion
    alike(alone, stack(recording, workers=workers))
    small = replay(recording, rows=500)
    assert small.scores == alone.scores
