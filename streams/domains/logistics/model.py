"""Logistics: recipes of the failure model and the remaining-life model, and the service alert.

Both models have the same features: one predicts a breakdown within the horizon, the other the
remaining life.

References
----------
Heimes (2008), Recurrent neural networks for remaining useful life estimation, *PHM 2008*.
Li, Ding and Sun (2018), Remaining useful life estimation in prognostics using deep convolution
neural networks, *Reliability Engineering and System Safety* 172: as there, the remaining life is
capped, because nothing can be predicted from a vehicle without wear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsim.streams.events import Mask, Matrix
from streamsim.streams.spec import (
    DAY,
    HOUR,
    MINUTE,
    Adaptation,
    AlertRule,
    Estimate,
    Estimator,
    Grouped,
    Margins,
    Planted,
    Policy,
    Recipe,
    Regressor,
    Trial,
    Trigger,
    Window,
)

from .features import FEATURES
from .schema import HORIZON, LIFE, LIFE_DELAY, LIVES, REMAINING

KNOWN = 300
"""Least readings of a vehicle from which its own normal values are known."""
_READINGS = FEATURES.names.index("readings")


def build(seed: int) -> Estimator:
    """Return an unfitted gradient-boosted classifier.

    Readings of one vehicle, a minute apart, are nearly equal. The trees are small with large
    leaves, or they would memorise vehicles.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(  # type: ignore[no-any-return]
        max_iter=120,
        learning_rate=0.06,
        max_leaf_nodes=6,
        min_samples_leaf=120,
        l2_regularization=20.0,
        max_features=0.2,
        early_stopping=False,
        random_state=seed,
    )


def build_life(seed: int) -> Regressor:
    """Return an unfitted regressor of the remaining minutes; its trees are as in :func:`build`."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(  # type: ignore[no-any-return]
        max_iter=120,
        learning_rate=0.06,
        max_leaf_nodes=6,
        min_samples_leaf=120,
        l2_regularization=20.0,
        max_features=0.2,
        early_stopping=False,
        random_state=seed,
    )


def is_known(features: Matrix) -> Mask:
    """Return which readings are of vehicles with enough earlier readings."""
    known: Mask = features[:, _READINGS] >= KNOWN
    return known


def sentence(facts: Mapping[str, Any]) -> str:
    """Return what was seen: a vehicle that is likely to break down soon, and about when."""
    kind, left = facts.get("vehicle_type") or "vehicle", float(facts[REMAINING])
    return f"{kind} likely to break down soon, about {left:.0f} minutes left"


REMAINING_LIFE = Estimate(
    name=REMAINING,
    help="minutes until the vehicle breaks down",
    unit="min",
    source=LIVES.name,
    field=REMAINING,
    build=build_life,
    low=0.0,
    high=LIFE / MINUTE,
    delay=LIFE_DELAY,
)

RECIPE = Recipe(
    name="logistics-failure",
    build=build,
    metric="average_precision",
    max_false_alerts=5e-3,
    days=5 / 24,
    ordinary_days=2 / 24,
    # As much wear as in the simulated world, in which the probabilities must be calibrated.
    world={"vehicles": 72, "failures": 1.0, "faults": 1.0, "defects": 1.0},
    ordinary={"vehicles": 42, "failures": 0.0, "faults": 1.0, "defects": 0.0},
    seed=1_000_003,
    calibrated=True,
    by_entity=True,
)

SERVICE_DUE = AlertRule(
    name="service_due",
    formula=(
        "alert if a vehicle of which 300 readings are known is as likely to break down within 30 "
        "minutes as the model was released with"
    ),
    noun="vehicle",
    facts=("vehicle_type", "latitude", "longitude"),
    sentence=sentence,
    critical=0.8,
    eligible=is_known,
    cooldown=2 * HORIZON,
    planted=Planted.SPANS,
    # One wear raises an alert after each cool-down, until the part is changed.
    group="vehicle",
    grouped=Grouped(within=6 * HORIZON, least=2),
)

ADAPTATION = Adaptation(
    policy=Policy(
        triggers=(Trigger.METRIC,),
        window=Window.ALL,
        settle=5 * HOUR,
        patience=12 * HOUR,
        cooldown=2 * HOUR,
        budget_span=DAY,
        least_rows=4_000,
        least_positives=100,
    ),
    margins=Margins(better=0.02),
    trial=Trial(shadow_for=HOUR, canary_for=30 * MINUTE),
    warm_up=6 * HOUR,
    gap=0,
)
"""Failures are few, and learning from all of them is better than from those since a change. After
five hours the part that is held out is of the change."""
