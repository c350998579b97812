"""Weeks of test by the protocol of the fraud detection handbook: which rows, and their figures.

A week of test begins seven days after its week of training ends. A fraud is known seven days after
it: cards with a fraud in that week of training leave the test, and each day of the test those whose
fraud has become known by then. So a later week has the rows that it would have, were the model
trained anew for it. What the judged model was trained on makes no difference.

References
----------
Le Borgne, Siblini, Lebichot, Bontempi: *Reproducible Machine Learning for Credit Card Fraud
Detection - Practical Handbook*, 2022, chapters 3 and 4 (``get_train_test_set`` and
``card_precision_top_k``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import (
    Interval,
    Weighted,
    auc,
    average_precision,
    interval,
    per_draw,
)

WEEK, DELAY = 7, 7
"""Days of training and of test by the protocol, and days until a fraud is known."""
TOP = 100
DRAWS = 500
_DAY = pd.Timedelta(days=1)


def weeks_of_test(
    scores: pd.DataFrame, frauds: pd.DataFrame, first: pd.Timestamp
) -> list[pd.DataFrame]:
    """Return the rows of each whole week of test, from the first week to the end of the scores.

    Parameters
    ----------
    scores
        Columns ``day``, ``card_id``, ``score`` and ``fraud``; a row per transaction.
    frauds
        Columns ``day`` (of the transaction) and ``card_id``.
    first
        First day of the first week.
    """
    weeks = []
    last = scores["day"].max()
    while first + (WEEK - 1) * _DAY <= last:
        weeks.append(pd.concat(_days(scores, frauds, first)))
        first += WEEK * _DAY
    return weeks


def _days(
    scores: pd.DataFrame, frauds: pd.DataFrame, start: pd.Timestamp
) -> Iterator[pd.DataFrame]:
    """Yield each day of a week without the cards that are known as compromised by then."""
    trained = frauds["day"].between(start - (WEEK + DELAY) * _DAY, start - (DELAY + 1) * _DAY)
    known = set(frauds.loc[trained, "card_id"])
    for number in range(WEEK):
        told = start + (number - DELAY - 1) * _DAY
        known |= set(frauds.loc[frauds["day"] == told, "card_id"])
        today = scores[scores["day"] == start + number * _DAY]
        yield today[~today["card_id"].isin(known)]


def card_precisions(week: pd.DataFrame) -> list[float]:
    """Return the share of compromised cards among each day's 100 most suspicious ones.

    A card that has been found is left out on later days.
    """
    found: set[str] = set()
    shares = []
    for _, today in week.groupby("day"):
        cards = (
            today[~today["card_id"].isin(found)]
            .groupby("card_id")[["score", "fraud"]]
            .max()
            .sort_values("score", ascending=False)
            .head(TOP)
        )
        shares.append(float(cards["fraud"].mean()))
        found |= set(cards.index[cards["fraud"]])
    return shares


def figures_of(weeks: Sequence[pd.DataFrame]) -> dict[str, Interval]:
    """Return the figures, each the mean over the weeks, with intervals.

    ``auc`` and ``average_precision`` draw cards again, each with all of its transactions;
    ``cp_100`` draws days.
    """
    cards = np.concatenate([week["card_id"].to_numpy(str) for week in weeks])
    shares = [np.array(card_precisions(week)) for week in weeks]
    every = np.concatenate(shares)
    return {
        "auc": interval(_over(auc, weeks), cards, draws=DRAWS),
        "average_precision": interval(_over(average_precision, weeks), cards, draws=DRAWS),
        "cp_100": interval(per_draw(partial(_average, every)), np.arange(len(every))),
    }


def _average(values: Floats, weight: Floats) -> float:
    return float(np.average(values, weights=weight))


def _over(figure: Callable[[Ints, Floats], Weighted], weeks: Sequence[pd.DataFrame]) -> Weighted:
    """Return the mean over the weeks of a figure, as a function of the weights of all rows."""
    ends = np.cumsum([len(week) for week in weeks])
    parts = [
        (figure(week["fraud"].to_numpy(np.int64), week["score"].to_numpy()), end - len(week), end)
        for week, end in zip(weeks, ends, strict=True)
    ]
    return lambda own: np.mean([of(own[:, begin:end]) for of, begin, end in parts], axis=0)
