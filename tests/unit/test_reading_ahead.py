"""Slices come in groups: all of them, in order, and few events ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamsim.streams.domain_registry import load_domain
from streamsim.streams.privacy.edge import pseudonymised
from streamsim.streams.reading.reading_ahead import EVENTS, SLICES, in_groups
from streamsim.streams.spec.world import Emission, Slice

TAKEN: list[int] = []


def slices(events: int, count: int) -> Iterator[Slice]:
    TAKEN.clear()
    for number in range(count):
        TAKEN.append(number)
        times = np.full(events, number)
        yield Slice(number, (Emission("s", times, times, [b"k"] * events, [b"{}"] * events),))


def test_all_slices_come_in_order_in_groups() -> None:
    groups = list(in_groups(slices(3, 1_000)))
    assert [piece.until for group in groups for piece in group] == list(range(1_000))
    assert max(map(len, groups)) == SLICES
    assert len(groups[-1]) == 1_000 % SLICES


def test_no_more_is_read_than_a_group_needs() -> None:
    first = next(in_groups(slices(EVENTS, 10)))
    assert len(first) == 1 == len(TAKEN)


@pytest.mark.parametrize("asked", ["databases", "third_parties"])
def test_what_is_asked_while_events_are_sent_is_not_asked_early(asked: str) -> None:
    inputs = load_domain("retail").inputs
    own = {name: () for name in ("databases", "third_parties") if name != asked}
    inputs = replace(inputs, pseudonyms={"household_id": "household"}, **own)
    next(pseudonymised(inputs, slices(1, 10), bytes(range(32))))
    assert len(TAKEN) == 1


def test_all_else_is_read_ahead() -> None:
    inputs = load_domain("healthcare").inputs
    next(pseudonymised(inputs, slices(1, 10), bytes(range(32))))
    assert len(TAKEN) == 10
