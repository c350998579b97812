"""Payments: finance with a logistic regression."""

from dataclasses import replace

from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.spec import Estimator


def build(seed: int) -> Estimator:
    """Return the classifier, unfitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model: Estimator
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, random_state=seed))
    return model


RECIPE = replace(
    FINANCE.model.recipe, name="payments-fraud", build=build, days=30, ordinary_days=15
)
SPEC = replace(FINANCE, name="payments", model=replace(FINANCE.model, recipe=RECIPE))
