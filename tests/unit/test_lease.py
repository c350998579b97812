"""The lease: some seconds of work ahead of the clocks, however unevenly workers report them."""

from __future__ import annotations

from streamsim.simulator.run.life.lease import AHEAD_S, FEW, SPAN_S, Lease

HOUR = 3_600_000
LEAST = 1_000


def test_reports_shortly_after_each_other_do_not_make_the_pace() -> None:
    lease, clock, now = Lease(LEAST), 0, 100.0
    for _ in range(20):  # an hour of events a second; the second worker is a batch ahead
        for more, later in ((0, 0.0), (HOUR // 4, 0.01)):
            lease.observe(clock + more, now + later)
        clock, now = clock + HOUR, now + 1.0
    end = lease.end(None)
    assert end is not None
    ahead = end - (clock - HOUR + HOUR // 4)
    assert 0.7 * AHEAD_S * HOUR < ahead < 1.5 * AHEAD_S * HOUR


def test_a_burst_at_the_start_does_not_put_the_end_far_ahead() -> None:
    lease = Lease(LEAST)
    lease.observe(0, 100.0)
    lease.observe(10 * HOUR, 100.0 + SPAN_S)
    lease.observe(11 * HOUR, 101.0 + SPAN_S)
    end = lease.end(None)
    assert end is not None
    assert end - 11 * HOUR <= LEAST + AHEAD_S * HOUR


def test_one_leap_of_the_clock_is_no_pace() -> None:
    lease = Lease(LEAST)
    for second in range(FEW + 2):
        lease.observe(second * HOUR, 100.0 + second)
    lease.observe(1_000 * HOUR, 100.0 + FEW + 2)
    end = lease.end(None)
    assert end is not None
    assert end - 1_000 * HOUR <= LEAST + AHEAD_S * HOUR
