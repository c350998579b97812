"""A process steps back as far as it is told to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
import os, sys
from streamsim.simulator.run.adapting.priority import step_back
before = os.nice(0)
step_back(sys.argv[1])
step_back(sys.argv[1])
print(os.nice(0) - before, before, flush=True)
if hasattr(os, "SCHED_IDLE"):
    print(os.sched_getscheduler(0), flush=True)
"""


@pytest.mark.parametrize("priority", ["normal", "low", "idle"])
def test_it_steps_back_as_told_and_once(priority: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, priority], capture_output=True, text=True, cwd=ROOT,
        check=True,
    )  # fmt: skip
    nicer, before, *policies = map(int, done.stdout.split())
    assert nicer == (0 if priority == "normal" else max(0, 15 - before))
    if hasattr(os, "SCHED_IDLE"):
        assert policies == [os.SCHED_IDLE if priority == "idle" else os.SCHED_OTHER]
