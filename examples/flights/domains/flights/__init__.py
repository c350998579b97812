"""Flights: scheduled departures, scored for a late arrival; the landing tells."""

from streamsim.streams import spec

from .features import FEATURES
from .files import FILES
from .schema import (
    AIRLINE,
    AIRPORT,
    DEPARTURES,
    DESTINATION,
    LABEL_DELAY,
    LANDINGS,
    LATE_DEPARTURES,
    OWN,
)
from .simulate import EPOCH, OPTIONS, world


def build(seed: int) -> spec.Estimator:
    """Return a small gradient-boosted classifier, unfitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: spec.Estimator
    model = HistGradientBoostingClassifier(
        max_iter=80, min_samples_leaf=60, learning_rate=0.08, early_stopping=False,
        random_state=seed,
    )  # fmt: skip
    return model


LATE = spec.Recipe(
    name="flights-late",
    build=build,
    metric="average_precision",
    max_false_alerts=2e-2,
    days=60,
    ordinary_days=20,
    world={"flights": 360, "trouble": 1.0},
    ordinary={"flights": 360, "trouble": 0.0},
    seed=1_000_003,
)
LATE_ARRIVAL = spec.AlertRule(
    name="late_arrival_likely",
    formula="alert if the score reaches the threshold that the model was released with",
    noun="flight",
    facts=("carrier", "origin", "destination"),
    sentence=lambda facts: "{carrier} from {origin} to {destination}".format(**facts),
    critical=0.85,
    cooldown=spec.HOUR,
    planted=spec.Planted.SPANS,
)
ACCURACY = spec.Accuracy(
    metric="average_precision",
    threshold=0.3,
    margin=0.03,
    min_samples=1_000,
    span=7 * spec.DAY,
    step=spec.DAY,
    segment="origin",
)
ADAPTATION = spec.Adaptation(
    policy=spec.Policy(
        triggers=(spec.Trigger.METRIC,),
        settle=2 * spec.DAY,
        patience=28 * spec.DAY,
        cooldown=14 * spec.DAY,
        least_rows=10_000,
        least_positives=1_000,
    ),
    margins=spec.Margins(better=0.01),
    trial=spec.Trial(shadow_for=4 * spec.DAY, canary_for=3 * spec.DAY),
    warm_up=14 * spec.DAY,
    holdout=0.1,
    gap=0,
    most=250_000,
)
"""Delays come in waves that no model learns in time: the gates must keep the champion."""
SPEC = spec.DomainSpec(
    name="flights",
    question="will this flight arrive 15 or more minutes late?",
    partitions=4,
    inputs=spec.Inputs(sources=(DEPARTURES, LANDINGS, LATE_DEPARTURES), files=FILES),
    features=spec.Features(vector=FEATURES, tables=(AIRPORT, AIRLINE, DESTINATION), joins=(OWN,)),
    model=spec.Model(recipe=LATE, adaptation=ADAPTATION),
    # A cancelled or diverted flight has no arrival: whether it was late is unknown.
    labels=spec.Labels(key="departure_id", delay=LABEL_DELAY, field="late", unlabelled=None),
    alerting=spec.Alerting(rule=LATE_ARRIVAL, accuracy=ACCURACY),
    world=spec.WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=20.0),
)
