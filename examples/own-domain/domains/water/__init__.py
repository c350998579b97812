"""Water: readings of meters, scored for a leak; plumbers tell later."""

from streamsim.streams import spec

from .features import FEATURES
from .schema import LABEL_DELAY, READINGS, REPAIRS, USE
from .simulate import EPOCH, OPTIONS, world


def build(seed: int) -> spec.Estimator:
    """Return a small gradient-boosted classifier, unfitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: spec.Estimator
    model = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=seed)
    return model


LEAK = spec.Recipe(
    name="water-leak",
    build=build,
    metric="average_precision",
    max_false_alerts=1e-3,
    days=40,
    ordinary_days=25,
    world={"meters": 240, "leaks": 2.0},
    ordinary={"meters": 240, "leaks": 0.0},
    seed=1_000_003,
)
SUSPECTED_LEAK = spec.AlertRule(
    name="suspected_leak",
    formula="alert if the score reaches the threshold that the model was released with",
    noun="meter",
    facts=("litres",),
    sentence=lambda facts: f"{facts['litres']} litres in four hours",
    critical=0.97,
    cooldown=spec.DAY,
    planted=spec.Planted.SPANS,
)
ACCURACY = spec.Accuracy(
    metric="average_precision",
    threshold=0.3,
    margin=0.05,
    min_samples=500,
    span=7 * spec.DAY,
    step=12 * spec.HOUR,
)
SPEC = spec.DomainSpec(
    name="water",
    question="is there a leak behind this meter?",
    partitions=4,
    inputs=spec.Inputs(sources=(READINGS, REPAIRS)),
    features=spec.Features(vector=FEATURES, windows=(USE,)),
    model=spec.Model(recipe=LEAK),
    labels=spec.Labels(key="reading_id", delay=LABEL_DELAY),
    alerting=spec.Alerting(rule=SUSPECTED_LEAK, accuracy=ACCURACY),
    world=spec.WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=30.0),
)
