"""Latency histogram: percentiles within a tenth of the exact ones, and merging."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.consumers.monitor.latency_histogram import Latencies
from tests.property.examples import examples

LEAST_MS = 0.1
"""What no latency at all counts as."""
ROUNDING_MS = 0.005
VALUES = st.integers(0, 100) | st.integers(0, 10**7) | st.integers(-5, 0)


def counted(*parts: Sequence[int]) -> Latencies:
    latencies = Latencies()
    for part in parts:
        latencies.add(np.array(part, np.int64))
    return latencies


@examples(4)
@given(st.lists(VALUES, min_size=1, max_size=40), st.integers(0, 100))
@example([1_000], 100)
@example([10, 11, 121], 50)
def test_a_percentile_is_at_most_a_tenth_too_high(values: list[int], percent: int) -> None:
    exact = float(np.percentile(np.maximum(values, LEAST_MS), percent, method="inverted_cdf"))
    found = counted(values).percentile(percent)
    assert exact - ROUNDING_MS <= found <= exact * 1.1 + ROUNDING_MS


@examples(2)
@given(st.lists(VALUES, min_size=1, max_size=40))
def test_percentiles_do_not_fall(values: list[int]) -> None:
    found = counted(values)
    percentiles = [found.percentile(p) for p in range(101)]
    assert percentiles == sorted(percentiles)


@examples(2)
@given(st.lists(st.lists(VALUES, max_size=10), max_size=4))
def test_merging_is_adding(parts: list[list[int]]) -> None:
    whole = counted([value for part in parts for value in part])
    assert counted(*parts).as_dict() == whole.as_dict()
    merged = Latencies()
    for part in parts:
        merged.merge(json.loads(json.dumps(counted(part).as_dict())))
    assert merged.as_dict() == whole.as_dict()
    assert len(merged) == sum(map(len, parts))
    assert [merged.percentile(p) for p in (0, 50, 99, 100)] == [
        whole.percentile(p) for p in (0, 50, 99, 100)
    ]
