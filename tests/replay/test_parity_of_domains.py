"""Every domain has the same outcome in process and on a broker.

On the broker the domains share one stack, as they do by default. Only finance has its own tests of
parity on either kind of broker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from streamsim.models.loaded import Loaded
from streamsim.producers.recording import Recording
from streamsim.simulator.testing.onbroker import replay_all_on_broker
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.domain_registry import load_domain
from tests.replay.likeness import Replay, alike

pytestmark = [pytest.mark.stack, pytest.mark.embedded, pytest.mark.long]

WORLDS: Mapping[str, tuple[float, dict[str, float]]] = {
    "retail": (60, {"households": 150, "lapses": 6}),
    "logistics": (1 / 48, {"vehicles": 12, "failures": 6}),
    "healthcare": (34, {"patients": 6_000}),
    "technology": (27, {"users": 120}),
}
"""Days of each domain's world, and its options."""


@pytest.fixture(scope="module")
def recordings() -> Mapping[str, Recording]:
    return {
        name: record_world(load_domain(name), seed=4, days=days, **options)
        for name, (days, options) in WORLDS.items()
    }


@pytest.fixture(scope="module")
def together(
    recordings: Mapping[str, Recording],
    streamsim_model: Callable[[str], Loaded],
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, Outcome]:
    """The outcomes of all these domains on one stack with two workers."""
    what = {name: (load_domain(name), recording) for name, recording in recordings.items()}
    return replay_all_on_broker(what, tmp_path_factory.mktemp("together"), workers=2)


@pytest.mark.parametrize(
    ("domain", "scored", "joined"),
    [("retail", 3_000, 500), ("logistics", 10_000, 50), ("healthcare", 300, 5_000)],
)
def test_a_broker_changes_nothing_in_any_domain(
    replay: Replay,
    recordings: Mapping[str, Recording],
    together: Mapping[str, Outcome],
    domain: str,
    scored: int,
    joined: int,
) -> None:
    """Context arrives on topics of its own, each at its own pace; entities are tracked."""
    alone = replay(recordings[domain])
    assert len(alone.scores) > scored
    assert alone.account["context"]["applied"] > joined
    assert alone.alerts
    alike(alone, together[domain])


def test_a_broker_changes_nothing_where_the_model_is_renewed(
    replay: Replay, recordings: Mapping[str, Recording], together: Mapping[str, Outcome]
) -> None:
    """Each version scores the same events in process and on a broker."""
    recording = recordings["technology"]
    alone = replay(recording)
    assert len(alone.scores) > 5_000
    assert len({score.version for score in alone.scores}) == 5  # one of them is the champion
    alike(alone, together["technology"])
    small = replay(recording, rows=500)
    assert small.scores == alone.scores


@pytest.mark.slow
def test_one_worker_alone_follows_a_renewed_model(
    replay: Replay, stack: Replay, recordings: Mapping[str, Recording]
) -> None:
    recording = recordings["technology"]
    alike(replay(recording), stack(recording, workers=1))
