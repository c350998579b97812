"""Rain: a day's readings of a weather station, scored for rain; the gauge tells the next day."""

from streamsim.streams import spec

from .features import FEATURES
from .files import FILES
from .schema import GAUGES, LABEL_DELAY, READINGS
from .simulate import EPOCH, OPTIONS, world


def build(seed: int) -> spec.Estimator:
    """Return a small gradient-boosted classifier, unfitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: spec.Estimator
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=30, early_stopping=False,
        random_state=seed,
    )  # fmt: skip
    return model


RAIN = spec.Recipe(
    name="rain-day",
    build=build,
    metric="roc_auc",
    max_false_alerts=2e-2,
    days=60,
    ordinary_days=30,
    world={"stations": 400, "spells": 1.0},
    ordinary={"stations": 400, "spells": 0.0},
    seed=1_000_003,
)
RAIN_LIKELY = spec.AlertRule(
    name="rain_likely",
    formula="alert if the score reaches the threshold that the model was released with",
    noun="station",
    facts=("pressure", "visibility"),
    sentence=lambda facts: "pressure {pressure:+.1f}, visibility {visibility:+.1f}".format(**facts),
    critical=0.95,
    cooldown=2 * spec.DAY,
    planted=spec.Planted.SPANS,
)
ACCURACY = spec.Accuracy(
    metric="roc_auc",
    threshold=0.75,
    margin=0.03,
    min_samples=300,
    span=365 * spec.DAY,
    step=7 * spec.DAY,
)
ADAPTATION = spec.Adaptation(
    policy=spec.Policy(
        triggers=(spec.Trigger.METRIC, spec.Trigger.SCHEDULE),
        every=730 * spec.DAY,
        settle=30 * spec.DAY,
        patience=730 * spec.DAY,
        cooldown=180 * spec.DAY,
        budget=8,
        budget_span=3_650 * spec.DAY,
        least_rows=1_000,
        least_positives=200,
    ),
    margins=spec.Margins(better=0.005),
    trial=spec.Trial(shadow_for=60 * spec.DAY, canary_for=0, least_rows=50),
    warm_up=365 * spec.DAY,
    holdout=0.05,
    gap=0,
)
"""All years are learnt from, and a model is judged by the last few: the series changes steadily."""
SPEC = spec.DomainSpec(
    name="rain",
    question="did it rain on this day?",
    partitions=2,
    inputs=spec.Inputs(sources=(READINGS, GAUGES), files=FILES, heartbeat=spec.DAY),
    features=spec.Features(vector=FEATURES),
    model=spec.Model(recipe=RAIN, adaptation=ADAPTATION),
    labels=spec.Labels(key="reading_id", delay=LABEL_DELAY, field="rained", unlabelled=None),
    alerting=spec.Alerting(rule=RAIN_LIKELY, accuracy=ACCURACY),
    world=spec.WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=300.0),
)
