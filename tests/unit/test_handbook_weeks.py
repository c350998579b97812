"""Weeks of test by the handbook's protocol: the cards that leave them, and figures of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from streamsim.benchmarks.public_data.handbook_weeks import (
    TOP,
    card_precisions,
    figures_of,
    weeks_of_test,
)

BEGIN = pd.Timestamp("2018-07-01", tz="UTC")
FIRST = BEGIN + pd.Timedelta(days=14)


def payments(days: int = 31, cards: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A payment of each card on each day, one in fifty a fraud, with scores that tell a little."""
    random = np.random.default_rng(seed)
    n = days * cards
    scores = pd.DataFrame(
        {
            "day": BEGIN + pd.to_timedelta(np.repeat(np.arange(days), cards), unit="D"),
            "card_id": np.tile([f"c{i:03}" for i in range(cards)], days),
            "fraud": random.random(n) < 0.02,
        }
    )
    scores["score"] = random.random(n) * 0.8 + 0.2 * scores["fraud"]
    return scores, scores.loc[scores["fraud"], ["day", "card_id"]]


def test_a_week_of_test_is_whole_and_weeks_go_on_to_the_end() -> None:
    scores, frauds = payments()
    weeks = weeks_of_test(scores, frauds, FIRST)
    begun = [str(week["day"].min().date()) for week in weeks]
    assert begun == [
        "2018-07-15",
        "2018-07-22",
    ]  # of the third, from the 29th, three days are there
    assert all(week["day"].nunique() == 7 for week in weeks)


def test_a_card_leaves_the_test_when_its_fraud_is_known() -> None:
    scores, _ = payments(21, 8)
    days = ("2018-06-30", "2018-07-01", "2018-07-07", "2018-07-08", "2018-07-09", "2018-07-15")
    frauds = pd.DataFrame(
        {
            "day": [pd.Timestamp(day, tz="UTC") for day in days],
            "card_id": [f"c{i:03}" for i in range(6)],
        }
    )
    (week,) = weeks_of_test(scores, frauds, FIRST)
    tested = {card: len(rows) for card, rows in week.groupby("card_id")}
    # Before the week of training, within it, and known on the second and third day of the test.
    assert tested == {"c000": 7, "c003": 1, "c004": 2, "c005": 7, "c006": 7, "c007": 7}


def test_a_card_that_was_found_is_not_counted_again() -> None:
    day = [BEGIN, BEGIN + pd.Timedelta(days=1)]
    week = pd.DataFrame(
        [
            {"day": at, "card_id": f"c{i}", "score": 1 - i / 500, "fraud": i < 10}
            for at in day
            for i in range(2 * TOP)
        ]
    )
    assert card_precisions(week) == [0.1, 0.0]


def test_figures_are_the_mean_over_the_weeks_with_intervals_around_it() -> None:
    weeks = weeks_of_test(*payments(), FIRST)
    found = figures_of(weeks)
    for name, figure in (("auc", roc_auc_score), ("average_precision", average_precision_score)):
        expected = np.mean([figure(week["fraud"], week["score"]) for week in weeks])
        assert found[name].value == pytest.approx(expected)
    shares = [share for week in weeks for share in card_precisions(week)]
    assert found["cp_100"].value == pytest.approx(np.mean(shares))
    alone = figures_of(weeks[:1])
    for name, figure in found.items():
        assert figure.low < figure.value < figure.high
        if name != "cp_100":
            assert figure.high - figure.low < alone[name].high - alone[name].low
