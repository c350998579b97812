"""Healthcare: recipe of the readmission model, and the alert about high-risk discharges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsim.streams.spec import (
    DAY,
    Adaptation,
    AlertRule,
    Estimator,
    Margins,
    Planted,
    Policy,
    Recipe,
    Selection,
    Trial,
    Trigger,
    Window,
)

from .features import FEATURES, WORDY
from .risk_order import RiskOrder


def build(seed: int) -> Estimator:
    """Return an unfitted gradient-boosted classifier.

    With log loss and a small learning rate it is calibrated without further calibration. Words are
    in the order of their risk: scikit-learn's own categories take ten times as long to score, and
    their artefacts hold types that are not trusted.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return RiskOrder(
        HistGradientBoostingClassifier(
            max_iter=200,
            learning_rate=0.05,
            max_leaf_nodes=15,
            min_samples_leaf=40,
            l2_regularization=5.0,
            max_features=0.4,
            early_stopping=False,
            random_state=seed,
        ),
        [FEATURES.names.index(name) for name in WORDY],
    )


def sentence(facts: Mapping[str, Any]) -> str:
    """Return what was seen: length and reason of the stay, and where the patient went."""
    where = str(facts["disposition"] or "somewhere").replace("_", " ")
    return f"left after {facts['days']} days ({facts['diagnosis'] or 'unknown'}), to {where}"


RECIPE = Recipe(
    name="healthcare-readmission",
    build=build,
    metric="roc_auc",
    max_false_alerts=3e-2,
    days=105.0,
    # Long enough to contain earlier stays of the patients.
    ordinary_days=80.0,
    world={"patients": 42_000, "readmissions": 1.0, "defects": 1.0},
    ordinary={"patients": 20_000, "readmissions": 0.0, "defects": 0.0},
    seed=1_000_003,
    # Of 0.2, 0.4, 0.5, 1 and 2 the weakest at which no shuffled copy is selected.
    selection=Selection(penalty=0.4),
    trusted=(f"{RiskOrder.__module__}.RiskOrder",),
)

HIGH_RISK = AlertRule(
    name="high_risk_discharge",
    formula=(
        "alert if the chance to be readmitted within 30 days reaches the threshold that the model "
        "was released with"
    ),
    noun="patient",
    facts=("diagnosis", "days", "disposition", "medications", "inpatient_year"),
    sentence=sentence,
    critical=0.6,
    planted=Planted.SPANS,
)

ADAPTATION = Adaptation(
    policy=Policy(
        triggers=(Trigger.METRIC,),
        window=Window.ALL,
        settle=14 * DAY,
        patience=90 * DAY,
        cooldown=30 * DAY,
        budget_span=180 * DAY,
        least_rows=3_000,
        least_positives=300,
    ),
    margins=Margins(better=0.01),
    trial=Trial(shadow_for=14 * DAY, canary_for=7 * DAY),
    warm_up=365 * DAY,
    gap=0,
)
"""Discharges are few: learning from all of them is better than from those since a change."""
