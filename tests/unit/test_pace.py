"""A warm-up is sent at once; the pace begins with the first scored event."""

from __future__ import annotations

import numpy as np

from streamsim.producers.batches import Batch
from streamsim.producers.pace import AfterWarmUp, ByRate, BySpeed
from tests.virtual_clock import VirtualClock


def batch(*due: int) -> Batch:
    n = len(due)
    times = np.array(due, np.int64)
    return Batch(["s"] * n, [0] * n, times, list(due), [b"k"] * n, [b"v"] * n, [False] * n)


def test_the_speed_counts_from_the_end_of_the_warm_up() -> None:
    clock = VirtualClock(1_000)
    pace = AfterWarmUp(500, clock, lambda wall_ms: BySpeed(wall_ms, 10.0))
    assert pace.due_ms(batch(100, 200)) is None
    clock.sleep(7)  # the warm-up took a while
    due = pace.due_ms(batch(500, 600))
    assert due is not None
    assert due.tolist() == [8_000, 8_010]
    clock.sleep(1)
    again = pace.due_ms(batch(700))
    assert again is not None
    assert again.tolist() == [8_020]


def test_the_rate_counts_from_the_end_of_the_warm_up() -> None:
    pace = AfterWarmUp(500, VirtualClock(1_000), lambda wall_ms: ByRate(wall_ms, 2.0))
    assert pace.due_ms(batch(1, 2, 3, 4)) is None
    due = pace.due_ms(batch(400, 500, 600))  # it reaches the first scored event
    assert due is not None
    assert due.tolist() == [1_000, 1_500, 2_000]
