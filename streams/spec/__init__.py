"""What a domain is, as data and pure functions: its spec, in the parts that it is made of."""

from streamsim.streams.spec.domain import DomainSpec
from streamsim.streams.spec.inputs import Field, Kind, Role, SourceSpec
from streamsim.streams.spec.recipes import Estimate, Estimator, Recipe, Regressor, Selection, Slate
from streamsim.streams.spec.renewals import Renewal
from streamsim.streams.spec.rules import Accuracy, AlertRule, Planted
from streamsim.streams.spec.spans import DAY, HOUR, MINUTE, SECOND

__all__ = [
    "Accuracy",
    "AlertRule",
    "DAY",
    "DomainSpec",
    "Estimate",
    "Estimator",
    "Field",
    "HOUR",
    "Kind",
    "MINUTE",
    "Planted",
    "Recipe",
    "Regressor",
    "Renewal",
    "Role",
    "SECOND",
    "Selection",
    "Slate",
    "SourceSpec",
]
