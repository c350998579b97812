"""Faults under load: after each, nothing is lost or doubled, and it goes on by itself."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from benchmarks.faults import Options, again
from models.registry import Registry
from simulator.faults.plan import FAULTS, plan
from simulator.faults.run import run_fault
from streams.spec import DomainSpec
from tests.effort import NIGHTLY, SEED

RUNS = 200 if NIGHTLY else len(FAULTS)
FIRST = SEED if NIGHTLY else 0
MEMORY_MB = 1024

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    # kafka-python leaks a socket for every connection that is refused: see docs/faust.md.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def test_there_are_runs_for_every_fault() -> None:
    assert {plan(seed).name for seed in range(FIRST, FIRST + RUNS)} == set(FAULTS)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_a_fault_loses_and_doubles_nothing(
    seed: int, finance: DomainSpec, registry: Registry, tmp_path: Path
) -> None:
    fault = plan(seed)
    how = f"{fault}; {again(seed, Options())}"
    result = run_fault(finance, fault, seed, tmp_path)
    gc.collect()  # what was leaked is counted here, and not against another test
    assert not result.verdict.faults, how
    assert (result.verdict.lost, result.verdict.doubled) == (0, 0), how
    assert result.verdict.events > 10_000
    assert result.peak_mb < MEMORY_MB, how
