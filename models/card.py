"""Model card, written at training.

References
----------
Mitchell et al. (2019), Model Cards for Model Reporting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsim.models.composed import Composed
from streamsim.models.kept_columns import KeptColumns
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimator, Model
from streamsim.streams.statistics.intervals import Interval

FOLDS = 3
"""Number of folds of the cross-validation."""


def write_card(
    spec: DomainSpec,
    signature: Signature,
    metrics: Mapping[str, float],
    sure: Mapping[str, Interval],
    data: Mapping[str, Any],
    estimator: Estimator,
    about_features: str = "",
) -> str:
    """Write the card; ``{version}`` is filled in by the registry.

    Parameters
    ----------
    metrics
        The stored metrics, in order.
    sure
        The metrics with confidence intervals.
    data
        Description of the training rows.
    about_features
        Sections on feature relevance.
    """
    apart = (
        f"folds of {spec.alerting.rule.noun}s" if spec.model.recipe.by_entity else "blocks of time"
    )
    rows = "\n".join(
        f"| {name} | {spec.features.vector.help[name]} | {usual:g} |"
        for name, usual in zip(signature.features, signature.reference, strict=True)
    )
    shown = {name: sure.get(name, f"{value:g}") for name, value in metrics.items()}
    figures = "\n".join(f"| {name} | {value} |" for name, value in shown.items())
    return f"""# {signature.model} {{version}}

**Question.** {spec.question}
**Model.** {_named(estimator)}, feature hash `{signature.feature_hash}`.
**Alert.** {spec.alerting.rule.formula}: {signature.threshold:g}. It is set for
{data["budget"]}, on {data["ordinary_rows"]:,} ordinary events.

## Data
{data["source"]}, {data["from"]} to {data["to"]}: {data["rows"]:,} events, {data["positives"]:,} of
them positive, seed {data["seed"]}, fingerprint `{data["fingerprint"]}`. Labels that were not known
by the end of the period are left out with their events.

## Metrics
Cross-validated in {FOLDS} {apart}; in brackets where 95 % of the figures lie if every
{spec.alerting.rule.noun} is drawn again, with all of its events.

| metric | value |
|---|---|
{figures}

{about_features}## Features
| feature | meaning | usual |
|---|---|---|
{rows}

## Limits
{_calibration_text(spec.model, metrics)} {_caps(spec.model)}The card describes
the period that it names, and nothing after it.
"""


def _named(estimator: Estimator) -> str:
    if isinstance(estimator, Composed):
        return _named(estimator.classifier)
    if isinstance(estimator, KeptColumns):
        return f"{type(estimator.estimator).__name__} of {len(estimator.columns)} features"
    return type(estimator).__name__


def _calibration_text(model: Model, metrics: Mapping[str, float]) -> str:
    """Write how far a score is a probability."""
    error = f"by {metrics['calibration_error']:g} on average"
    if not model.recipe.calibrated:
        return (
            "A score ranks events; it is a probability only where prevalence is as above, "
            f"and wrong {error} even there: nothing calibrates it."
        )
    return (
        "A score is a probability, calibrated by a sigmoid on scores of rows that the model had "
        f"not seen, and wrong {error}. It is true of a world in which as much happens as in the "
        "one above; where prevalence is another, it ranks events and no more."
    )


def _caps(model: Model) -> str:
    """Write the bounds and units of the estimates."""
    return "".join(
        f"`{e.name}` ({e.help}) lies from {e.low:g} to {e.high:g} {e.unit}: what is beyond "
        "counts as that, in training and in the errors above. Rows without a known truth are left "
        "out. "
        for e in model.estimates
    )
