"""What workers count of versions: summed up, written and read, and foreign records refused."""

from __future__ import annotations

from typing import Any

import pytest

from streamsim.consumers.monitor.version_counts import (
    KEPT,
    Count,
    Part,
    VersionCounts,
    read_counts,
)
from streamsim.streams.errors import ForeignRecordError

PART = Part(5, "canary", "2")


def counted() -> VersionCounts:
    own = VersionCounts()
    own.answered(PART, 10, 0.02)
    own.answered(PART, 30, 0.5)
    own.failed(PART, 7, "first")
    own.failed(PART, 3, "second")
    own.answered(Part(-1, "champion", "1"), 4, 0.0)
    return own


def test_what_is_written_is_read_again() -> None:
    found = read_counts(counted().as_list())
    own = found[PART]
    assert (own.times, own.rows, own.failed, own.failed_rows) == (4, 50, 2, 10)
    assert own.why == "second"
    assert 500 <= own.percentile(95) <= 550
    assert found[Part(-1, "champion", "1")].answered == 1


def test_a_sum_less_an_earlier_one_is_what_came_between() -> None:
    earlier = read_counts(counted().as_list())[PART]
    own = counted()
    own.failed(PART, 2, "third")
    own.answered(PART, 1, 0.02)
    later = read_counts(own.as_list())[PART].minus(earlier)
    assert later == Count(2, 3, 1, 2, later.ms, "third")
    assert sum(later.ms.values()) == 1


def test_a_worker_keeps_the_counts_of_the_latest_plans() -> None:
    own = VersionCounts()
    for since in range(3 * KEPT):
        own.answered(Part(since, "champion", "1"), 1, 0.0)
    assert [one["since"] for one in own.as_list()] == list(range(2 * KEPT, 3 * KEPT))


@pytest.mark.parametrize(
    "change",
    [
        {"role": "king"}, {"times": "4"}, {"times": -1}, {"failed": 9}, {"failed_rows": 99},
        {"ms": {"x": 1}}, {"ms": {"3": "many"}}, {"ms": {"3": -1}}, {"why": None}, {"since": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_no_worker_has_written_is_refused(change: dict[str, Any]) -> None:
    first, *rest = counted().as_list()
    with pytest.raises(ForeignRecordError):
        read_counts([{**first, **change}, *rest])


@pytest.mark.parametrize("items", [None, {}, [3], "many"])
def test_what_is_no_list_of_counts_is_refused(items: Any) -> None:
    with pytest.raises(ForeignRecordError):
        read_counts(items)
