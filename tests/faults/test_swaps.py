"""Versions are swapped under load while processes are killed: each score is by a live version."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from streamsim.benchmarks.fault_injection.swap_plan import ACTIONS, EVERY, make_steps
from streamsim.benchmarks.fault_injection.swap_run import run_swaps
from streamsim.models.registry import Registry
from streamsim.streams.spec import DomainSpec
from tests.effort import NIGHTLY, SEED

COUNT = 24 if NIGHTLY else 12
FIRST = SEED if NIGHTLY else 0
RATE = 1_500.0
"""Of the test. The benchmark's is five thousand events a second, on a machine of its own."""

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.nightly,
    # kafka-python leaks a socket for every connection that is refused: see docs/faust.md.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def test_each_action_is_asked_for_and_processes_are_killed() -> None:
    steps = make_steps(("1", "2", "3", "4"), COUNT, FIRST)
    assert {step.action for step in steps} == set(ACTIONS)
    assert sum(bool(step.kill) for step in steps) == COUNT // EVERY


def test_swaps_lose_and_double_nothing(
    finance: DomainSpec, registry: Registry, stack_broker: str, tmp_path: Path
) -> None:
    found = run_swaps(finance, FIRST, tmp_path, count=COUNT, rate=RATE, broker=stack_broker)
    gc.collect()  # collect leaked sockets here, so that they do not fail another test
    again = f"again: streamsim bench swaps --runs {COUNT} --rates {RATE:g} --seed {FIRST}"
    assert not found.faults, again
    assert found.live.timeline.decisions == COUNT
    assert found.live.in_effect > COUNT // 3, again
    assert len(found.live.by_version) > 1
    assert found.live.by_canary > 0
    assert found.live.shadows > 0.5 * found.live.shadowed > 0
    assert found.live.states > 10
    assert sum(found.kills.values()) == COUNT // EVERY
    assert found.verdict.events > 10_000
