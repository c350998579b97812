"""Domain specifications: a domain as data and pure functions, in groups."""

from streamsim.streams.spec.adapting import (
    Action,
    Adaptation,
    Margins,
    Policy,
    Trial,
    Trigger,
    Window,
)
from streamsim.streams.spec.domain import DomainSpec
from streamsim.streams.spec.feature_vector import UNKNOWN, Aggregates, FeatureSpec
from streamsim.streams.spec.features import AsOfJoin, Features, GlobalTableSpec, Tracker, Windows
from streamsim.streams.spec.input_maps import FileMap, TableMap
from streamsim.streams.spec.inputs import Field, Inputs, Kind, Role, SourceSpec
from streamsim.streams.spec.labelling import Labels
from streamsim.streams.spec.modelling import Model, Rescoring
from streamsim.streams.spec.recipes import Estimate, Estimator, Recipe, Regressor, Selection, Slate
from streamsim.streams.spec.renewals import Renewal
from streamsim.streams.spec.rules import (
    Accuracy,
    Alerting,
    AlertRule,
    EventRule,
    Grouped,
    Planted,
)
from streamsim.streams.spec.spans import DAY, HOUR, MINUTE, SECOND
from streamsim.streams.spec.third_parties import ThirdPartySpec
from streamsim.streams.spec.world import Emission, Slice, WorldSpec

__all__ = [
    "Trigger",
    "Trial",
    "Window",
    "Action",
    "Accuracy",
    "Adaptation",
    "Aggregates",
    "AlertRule",
    "Alerting",
    "AsOfJoin",
    "DAY",
    "DomainSpec",
    "Emission",
    "Estimate",
    "Estimator",
    "EventRule",
    "FeatureSpec",
    "Features",
    "Field",
    "FileMap",
    "GlobalTableSpec",
    "Grouped",
    "HOUR",
    "Inputs",
    "Kind",
    "Labels",
    "MINUTE",
    "Margins",
    "Model",
    "Planted",
    "Policy",
    "Recipe",
    "Regressor",
    "Renewal",
    "Rescoring",
    "Role",
    "SECOND",
    "Selection",
    "Slate",
    "Slice",
    "SourceSpec",
    "TableMap",
    "ThirdPartySpec",
    "Tracker",
    "UNKNOWN",
    "Windows",
    "WorldSpec",
]
