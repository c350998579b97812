"""Retail: recipe of the model of returning households, and the alert about lapsing ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.streams.events import Floats, Mask, Matrix
from streamsim.streams.spec import (
    DAY,
    Adaptation,
    AlertRule,
    Estimator,
    Grouped,
    Margins,
    Planted,
    Policy,
    Recipe,
    Trial,
    Trigger,
    Window,
)

from .features import FEATURES

REGULAR = 8
"""Least visits of a valued household in 90 days."""
VALUED = 120.0
"""Least spending of a valued household in 90 days (USD)."""

_VISITS = FEATURES.names.index("visits_90d")
_SPENT = FEATURES.names.index("spent_90d")


def build(seed: int) -> Estimator:
    """Return an unfitted gradient-boosted classifier.

    The lines of a receipt are nearly equal, and households repeat. The trees are small with large
    leaves, or they would memorise households.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(  # type: ignore[no-any-return]
        max_iter=300,
        learning_rate=0.02,
        max_leaf_nodes=6,
        min_samples_leaf=200,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=seed,
    )


def lapsing(scores: Floats) -> Floats:
    """Return the probability that a household will not buy again."""
    return np.round(1.0 - scores, 6)


def is_valued(features: Matrix) -> Mask:
    """Return which households visit and spend enough to be valued."""
    valued: Mask = (features[:, _VISITS] >= REGULAR) & (features[:, _SPENT] >= VALUED)
    return valued


def sentence(facts: Mapping[str, Any]) -> str:
    """Return what was seen: the purchase after which no other is expected."""
    currency = facts.get("currency") or "USD"
    return f"last seen at store {facts['store_id']}, {facts['amount_cents'] / 100:,.2f} {currency}"


RECIPE = Recipe(
    name="retail-return",
    build=build,
    metric="roc_auc",
    max_false_alerts=1.2e-2,
    days=110,
    ordinary_days=110,
    # More lapses than usual, so that there is enough to learn from.
    world={"households": 1800, "lapses": 4.0, "defects": 1.0},
    ordinary={"households": 1000, "lapses": 0.0, "defects": 0.0},
    seed=1_000_003,
)

LAPSING = AlertRule(
    name="customer_lapsing",
    formula=(
        "alert if a household that came at least eight times in 90 days, and spent at least "
        "120 USD, is as unlikely to buy again within 14 days as the model was released with"
    ),
    noun="household",
    facts=("store_id", "basket_id", "amount_cents", "currency"),
    sentence=sentence,
    critical=0.8,
    about=0,
    risk=lapsing,
    eligible=is_valued,
    cooldown=14 * DAY,
    planted=Planted.SPANS,
    group="store_id",
    grouped=Grouped(within=7 * DAY, least=5),
)

ADAPTATION = Adaptation(
    policy=Policy(
        triggers=(Trigger.METRIC,),
        window=Window.CHANGE,
        span=90 * DAY,
        settle=7 * DAY,
        patience=60 * DAY,
        cooldown=14 * DAY,
        budget_span=90 * DAY,
        least_rows=4_000,
        least_positives=400,
    ),
    margins=Margins(better=0.02),
    trial=Trial(shadow_for=5 * DAY, canary_for=3 * DAY),
    warm_up=60 * DAY,
    gap=0,
)
"""Ten days of purchases since a change suffice. Labels come after 17 days."""
