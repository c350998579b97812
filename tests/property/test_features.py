"""Features equal their definitions, row by row, after any history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.cards import (
    LATENESS,
    MONDAY,
    Event,
    Payment,
    assert_alike,
    features_of,
    histories,
    keeping,
    naive_features,
)
from tests.property.examples import examples

ROWS = st.sampled_from([1, 20, 8192])


@examples(1)
@given(histories(), ROWS)
def test_features_in_order_are_those_of_a_double_loop(events: Sequence[Event], rows: int) -> None:
    assert_alike(features_of(events, rows=rows), naive_features(events))


@examples(0.5)
@given(histories(), ROWS, st.integers(1, 5))
def test_of_a_hot_card_only_the_latest_payments_count(
    events: Sequence[Event], rows: int, keep: int
) -> None:
    found = features_of(events, keeping(keep), rows=rows)
    assert_alike(found, naive_features(events, keep=keep))


@examples(0.5)
@given(histories(disordered=True), ROWS, st.just(900) | st.integers(1, 5))
def test_an_event_is_scored_with_what_had_arrived(
    events: Sequence[Event], rows: int, keep: int
) -> None:
    found = features_of(events, keeping(keep), rows=rows)
    assert_alike(found, naive_features(events, keep=keep, arrived_only=True))


# What comes at the last moment still goes before what was held until then.
AT_THE_LAST_MOMENT = [
    Payment(1, MONDAY + 1, "c0", "t0", 100, 0),
    Payment(2, MONDAY + LATENESS, "c1", "t0", 100, 0),
    Payment(0, MONDAY, "c0", "t0", 900, LATENESS),
]


@examples(0.5)
@given(histories(disordered=True), ROWS)
@example(AT_THE_LAST_MOMENT, 1)
def test_held_events_have_the_features_of_events_in_order(
    events: Sequence[Event], rows: int
) -> None:
    held = features_of(events, hold=True, rows=rows)
    assert_alike(held, naive_features(events))
    in_order = sorted(events, key=lambda e: e.number)
    assert held == features_of([_punctual(e) for e in in_order])


def _punctual(event: Event) -> Event:
    return replace(event, delay=0) if isinstance(event, Payment) else event
