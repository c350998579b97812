"""What our fraud alerts must and must not say, as replays of short stories."""

import pytest

from streamsim import Scenario


@pytest.fixture
def habits():
    """Ten days of a card that pays about 20 euros a day at one terminal."""
    events = Scenario("finance")
    for day in range(1, 11):
        pay(events, f"2025-03-{day:02}T12:00:00Z", terminal="t1", cents=2_000 + 10 * day)
    return events


def pay(events, at, *, terminal, cents):
    """Let a payment of card c1 arrive; return its id."""
    return events.add("transactions", at=at, card_id="c1", terminal_id=terminal, amount_cents=cents)


def test_ordinary_payments_raise_nothing(habits, replay):
    outcome = replay(habits)
    outcome.expect_no_alert()
    outcome.expect_closed(scored=10)


def test_a_payment_out_of_all_proportion_is_noticed_within_a_minute(habits, replay):
    pay(habits, "2025-03-11T03:00:00Z", terminal="t9", cents=190_000)
    outcome = replay(habits)
    alert = outcome.expect_alert(
        "suspected_fraud", on="c1", after="2025-03-11T03:00:00Z", within_s=60
    )
    assert alert.body["facts"]["terminal_id"] == "t9"


def test_a_payment_that_is_sent_twice_is_scored_once(habits, replay):
    for _ in range(2):
        habits.add(
            "transactions", at="2025-03-11T12:00:00Z", event_id="twice",
            card_id="c1", terminal_id="t1", amount_cents=2_050,
        )  # fmt: skip
    replay(habits).expect_closed(scored=11, duplicate=1)


def test_a_stolen_card_as_it_was(habits, replay, golden):
    for hour in range(8):
        pay(habits, f"2025-03-11T{hour:02}:30:00Z", terminal=f"t{hour}", cents=30_000)
    golden(replay(habits))
