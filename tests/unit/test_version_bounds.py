"""Bounds of errors and latency: by the latest batches, and not by a few."""

from __future__ import annotations

import pytest

from streamsim.consumers.monitor.version_counts import Count, Part, VersionCounts, read_counts
from streamsim.simulator.run.life import version_bounds
from streamsim.simulator.run.life.version_bounds import LATEST, LatestCounts, breach
from streamsim.streams.errors import UsageError
from streamsim.streams.spec.adapting import Trial

TRIAL = Trial(most_errors=0.1, slowest=3.0, slow_ms=100.0, least_times=20)
PART = Part(0, "canary", "2")


def answers(times: int, ms: float, failed: int = 0, part: Part = PART) -> Count:
    own = VersionCounts()
    for _ in range(times):
        own.answered(part, 10, ms / 1000)
    for n in range(failed):
        own.failed(part, 10, f"ValueError: {n}")
    return read_counts(own.as_list())[part]


def test_a_version_that_fails_is_found_and_its_reason_told() -> None:
    found = breach(TRIAL, "canary", "2", answers(60, 5, 40))
    assert found is not None
    assert found.why == "2 failed 40 of 100 times as canary: ValueError: 39"
    assert found.evidence["bound"] == "errors"
    assert (found.evidence["failed"], found.evidence["times"]) == (40, 100)


@pytest.mark.parametrize(("good", "failed"), [(0, 19), (18, 2), (90, 10), (100, 0)])
def test_few_batches_and_few_failures_are_no_breach(good: int, failed: int) -> None:
    assert breach(TRIAL, "shadow", "2", answers(good, 5, failed)) is None


def test_a_version_that_is_slow_is_found() -> None:
    found = breach(TRIAL, "champion", "2", answers(30, 400), answers(30, 50))
    assert found is not None
    assert found.evidence["bound"] == "latency"
    assert 400 <= found.evidence["p95_ms"] <= 440
    assert "ms for a batch as champion" in found.why


@pytest.mark.parametrize(
    ("own", "usual"),
    [
        (answers(30, 90), answers(30, 2)),  # below what is slow at all
        (answers(30, 400), answers(30, 200)),  # below the ratio
        (answers(19, 400), answers(30, 2)),
        (answers(30, 400), answers(19, 2)),
        (answers(30, 400), None),
    ],
)
def test_what_is_not_slow_or_not_known_is_no_breach(own: Count, usual: Count | None) -> None:
    assert breach(TRIAL, "canary", "2", own, usual) is None


def test_sums_of_several_workers_and_processes_are_added_once() -> None:
    latest = LatestCounts()
    latest.take(0, 1, {PART: answers(5, 5)})
    latest.take(0, 1, {PART: answers(5, 5)})
    latest.take(0, 1, {PART: answers(5, 5, 3)})
    latest.take(1, 1, {PART: answers(7, 5)})
    latest.take(0, 2, {PART: answers(2, 5)})  # it was started again
    total = latest.of("canary", "2")
    assert (total.times, total.failed) == (5 + 3 + 7 + 2, 3)


def test_an_earlier_trial_of_the_version_does_not_count() -> None:
    latest, later = LatestCounts(), PART._replace(since=100)
    latest.take(0, 1, {PART: answers(0, 5, 50), later: answers(4, 5, part=later)})
    assert latest.of("canary", "2", 100) == answers(4, 5, part=later)
    assert latest.of("canary", "2").failed == 50
    assert latest.of("shadow", "2") == Count()


def test_a_version_that_begins_to_fail_late_is_found_as_soon() -> None:
    latest = LatestCounts()
    for n in range(1, 40):
        latest.take(0, 1, {PART: answers(100 * n, 5)})
    latest.take(0, 1, {PART: answers(3_900, 5, 60)})
    found = latest.of("canary", "2")
    assert LATEST <= found.times <= LATEST + 100
    assert breach(TRIAL, "canary", "2", found) is not None


@pytest.mark.parametrize(
    "numbers", [{"most_errors": 1.0}, {"slowest": 0.5}, {"slow_ms": -1.0}, {"least_times": 0}]
)
def test_bounds_that_are_none_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Trial(**numbers)  # type: ignore[arg-type]


def test_sums_of_two_processes_with_one_number_are_told_apart() -> None:
    latest = LatestCounts()
    for _ in range(5):
        latest.take(0, 1, {PART: Count(10, 10, 3, 3)})
        latest.take(0, 2, {PART: Count(10, 10)})
    assert latest.of(PART.role, PART.version) == Count(20, 20, 3, 3)
    for began in range(3, 50):
        latest.take(0, began, {PART: Count(10, 10)})
    assert len(latest._said) == version_bounds.MOST_PROCESSES
