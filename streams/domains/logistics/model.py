"""Logistics: the recipe of the model of failing vehicles, and the alert that asks for a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.domains.logistics.features import FEATURES
from streams.domains.logistics.schema import HORIZON
from streams.events import Mask
from streams.spec import MINUTE, AlertRule, Estimator, Planted, Recipe

KNOWN = 300
"""So many readings of a vehicle are needed to say what is usual for it."""
_READINGS = FEATURES.names.index("readings")


def build(seed: int) -> Estimator:
    """Return an unfitted gradient-boosted classifier.

    Readings of one vehicle, a minute apart, are nearly one: small trees with large leaves, or they
    learn vehicles by heart.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(  # type: ignore[no-any-return]
        max_iter=120,
        learning_rate=0.06,
        max_leaf_nodes=4,
        min_samples_leaf=120,
        l2_regularization=20.0,
        max_features=0.2,
        early_stopping=False,
        random_state=seed,
    )


def is_known(features: npt.NDArray[np.float32]) -> Mask:
    """Say which readings are of vehicles that have been followed for long enough."""
    known: Mask = features[:, _READINGS] >= KNOWN
    return known


def sentence(facts: Mapping[str, Any]) -> str:
    """Say what was seen: a vehicle that is likely to break down soon."""
    kind = facts.get("vehicle_type") or "vehicle"
    return f"{kind} likely to break down within {HORIZON // MINUTE} minutes of driving"


RECIPE = Recipe(
    name="logistics-failure",
    build=build,
    metric="average_precision",
    max_false_alerts=5e-3,
    days=3 / 24,
    ordinary_days=2 / 24,
    # More wear than usual, so that there is enough to learn from.
    world={"vehicles": 64, "failures": 3.0, "faults": 1.0, "defects": 1.0},
    ordinary={"vehicles": 42, "failures": 0.0, "faults": 1.0, "defects": 0.0},
    seed=1_000_003,
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
)
