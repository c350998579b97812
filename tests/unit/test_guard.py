"""The guard ends process groups when its supervisor is gone, and only those that it was told of."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from streamsim.simulator.processes.guard import end_groups
from tests.guarded import Guard

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); "
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """A process that ends when it is asked to, one that does not, and one more."""
    with ExitStack() as stack:
        processes = []
        for begin in ("print(flush=True); ", STUBBORN, "print(flush=True); "):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", begin + SLEEP],
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            process.stdout.readline()
            processes.append(process)
        yield processes


def test_who_does_not_end_when_asked_is_killed(started: list[subprocess.Popen[bytes]]) -> None:
    asked, stubborn, other = started
    end_groups({asked.pid, stubborn.pid}, 0.2)
    assert asked.wait(5) == -signal.SIGTERM
    assert stubborn.wait(5) == -signal.SIGKILL
    assert other.poll() is None


def test_groups_end_with_their_supervisor_but_for_those_released(
    started: list[subprocess.Popen[bytes]],
) -> None:
    asked, _, other = started
    guard = Guard()
    for process in (asked, other):
        guard.watch(process)
    guard.release(other)
    guard.close()
    assert asked.wait(5) == -signal.SIGTERM
    assert other.poll() is None
