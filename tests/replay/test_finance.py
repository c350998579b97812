"""Replay-based tests of the finance domain: events in, verdicts out, in event time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamsim.simulator.testing.outcome import Outcome, UnmetError
from streamsim.simulator.testing.replay import record_world
from streamsim.simulator.testing.scenario import Scenario
from streamsim.streams.spec import DomainSpec

pytestmark = pytest.mark.usefixtures("registry")

Replay = Callable[..., Outcome]


def habits(card: str = "c1", days: int = 10) -> Scenario:
    """A card that pays about 20 EUR at noon, every day from 2025-03-01 on."""
    events = Scenario("finance")
    for day in range(1, days + 1):
        events.add(
            "transactions",
            at=f"2025-03-{day:02}T12:00:00Z",
            card_id=card,
            terminal_id="t1",
            amount_cents=2_000 + 10 * day,
        )
    return events


def test_a_payment_far_beyond_the_cards_habits_is_noticed_at_once(replay: Replay) -> None:
    events = habits()
    at = "2025-03-11T03:00:00Z"
    events.add("transactions", at=at, card_id="c1", terminal_id="t9", amount_cents=190_000)
    outcome = replay(events)
    alert = outcome.expect_alert("suspected_fraud", on="c1", after=at, within_s=0)
    assert {"amount", "amount for this card"} & {r["what"] for r in alert.body["why"]}
    outcome.expect_no_alert(before="2025-03-11")
    outcome.expect_closed(scored=11)


def test_a_terminal_with_many_frauds_is_suspected_seven_days_later(replay: Replay) -> None:
    events = Scenario("finance")
    for day in range(1, 15):
        for card in range(8):  # eight cards a day, a fraud each; known six days later
            events.add(
                "transactions",
                at=f"2025-03-{day:02}T{10 + card:02}:00:00Z",
                event_id=f"tx-{day}-{card}",
                card_id=f"c{card}",
                terminal_id="rogue",
                amount_cents=2_500,
            )
        if day > 6:
            for card in range(8):
                events.add(
                    "chargebacks",
                    at=f"2025-03-{day:02}T18:00:00Z",
                    transaction_id=f"tx-{day - 6}-{card}",
                    transaction_time=f"2025-03-{day - 6:02}T{10 + card:02}:00:00Z",
                    card_id=f"c{card}",
                    terminal_id="rogue",
                    amount_cents=2_500,
                )
    outcome = replay(events)
    early = max(outcome.score_of(f"tx-{day}-0").score for day in range(1, 8))
    late = min(outcome.score_of(f"tx-{day}-0").score for day in range(11, 15))
    assert late > 10 * early
    outcome.expect_closed()
    assert outcome.account["labels"]["applied"] == 64


@pytest.mark.parametrize(
    ("behind_s", "row_class"),
    [
        (6 * 3600, "scored"),  # just within the allowed lateness
        (6 * 3600 + 1, "late"),  # just over it
    ],
)
def test_lateness_is_counted_from_the_sources_own_clock(
    replay: Replay, behind_s: int, row_class: str
) -> None:
    events = habits(days=2)
    noon = 1_740_916_800_000 + 86_400_000 * 0  # 2025-03-02T12:00:00Z
    events.add(
        "transactions",
        at=noon - behind_s * 1000,
        card_id="c2",
        terminal_id="t1",
        amount_cents=500,
    )
    outcome = replay(events)
    outcome.expect_closed(**{"scored": 2, "late": 0, row_class: 3 if row_class == "scored" else 1})


def test_every_copy_is_a_duplicate_and_every_wreck_is_dead_with_its_bytes(replay: Replay) -> None:
    events = habits(days=1)
    at = "2025-03-01T13:00:00Z"
    payment = {"card_id": "c1", "terminal_id": "t1", "amount_cents": 700}
    for _ in range(3):
        events.add("transactions", at=at, event_id="twice", **payment)
    events.add_raw("transactions", b'{"event_id": "cut o', at=at, key=b"c1")
    events.add("transactions", at=at, **{**payment, "amount_cents": -1})
    events.add("transactions", at="2031-01-01T00:00:00Z", **payment)
    outcome = replay(events)
    outcome.expect_closed(scored=3, duplicate=2, dead=2)
    assert {d.value for d in outcome.dead} >= {b'{"event_id": "cut o'}
    assert sorted(d.reason for d in outcome.dead) == [
        "amount_cents: not between 0 and 1e+08",
        "not JSON",
    ]


def test_batches_and_partitions_make_no_difference(replay: Replay, finance: DomainSpec) -> None:
    recording = record_world(finance, seed=3, days=2)
    whole, cut = replay(recording), replay(recording, rows=97)
    assert whole.scores == cut.scores
    assert whole.alerts == cut.alerts
    assert whole.account == cut.account


def test_the_world_as_it_was(
    replay: Replay, golden: Callable[[Outcome], None], finance: DomainSpec
) -> None:
    golden(replay(record_world(finance, seed=20, days=4, cards=300, terminals=120, fraud=3)))


def test_a_failed_expectation_shows_the_nearest_misses_and_the_timeline(replay: Replay) -> None:
    events = habits()
    at = "2025-03-11T03:00:00Z"
    events.add("transactions", at=at, card_id="c1", terminal_id="t9", amount_cents=190_000)
    outcome = replay(events)
    with pytest.raises(UnmetError) as missed:
        outcome.expect_alert("suspected_fraud", on="c1", after="2025-03-05", within_s=3600)
    text = str(missed.value)
    assert "nearest misses:\n  2025-03-11 03:00:00  suspected_fraud on c1" in text
    assert "2025-03-04 12:00:00" in text
    assert "2025-03-06 12:00:00" in text
    with pytest.raises(UnmetError, match=r"extra +c1 at 2025-03-11 03:00:00"):
        outcome.expect_exactly([])
    with pytest.raises(UnmetError, match="expected no alert on c1; there are 1"):
        outcome.expect_no_alert(on="c1")
    with pytest.raises(UnmetError, match="11 instead of 12"):
        outcome.expect_closed(scored=12)
