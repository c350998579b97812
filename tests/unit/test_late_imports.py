"""Programs of a stack import what takes long only when they use it: a run starts four of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "sklearn", "scipy.stats", "sqlalchemy", "river")
"""Each takes between half a second and two of processor time."""


@pytest.mark.parametrize(
    "module",
    [
        "streamsim.simulator.commands.up",
        "streamsim.simulator.commands.send",
        "streamsim.simulator.commands.watch",
        "streamsim.consumers.worker.app",
        "streamsim.models.serve",
    ],
)
def test_a_program_begins_without_heavy_libraries(module: str) -> None:
    code = f"import sys, {module}; print(*(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
