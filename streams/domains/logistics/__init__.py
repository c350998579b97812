"""Logistics: readings of vehicles' sensors, scored for whether the vehicle will break down."""

from __future__ import annotations

from streamsim.streams.spec import (
    HOUR,
    MINUTE,
    Accuracy,
    Alerting,
    DomainSpec,
    Features,
    Inputs,
    Labels,
    Model,
    WorldSpec,
)

from .condition import CONDITION
from .features import FEATURES
from .files import FILES
from .model import ADAPTATION, RECIPE, REMAINING_LIFE, SERVICE_DUE
from .outcomes import with_outcomes
from .schema import (
    ENVIRONMENT,
    FAILURES,
    HEARTBEAT,
    LABEL_DELAY,
    LIVES,
    SURROUNDINGS,
    TELEMETRY,
    WORK_ORDERS,
    WORKSHOP,
)
from .simulate import EPOCH, OPTIONS, world

SPEC = DomainSpec(
    name="logistics",
    question="will this vehicle break down within 30 minutes?",
    partitions=4,
    inputs=Inputs(
        sources=(TELEMETRY, ENVIRONMENT, WORK_ORDERS, FAILURES, LIVES),
        files=FILES,
        heartbeat=HEARTBEAT,
        collect=with_outcomes,
    ),
    features=Features(vector=FEATURES, joins=(SURROUNDINGS, WORKSHOP), trackers=(CONDITION,)),
    model=Model(recipe=RECIPE, estimates=(REMAINING_LIFE,), adaptation=ADAPTATION),
    labels=Labels(key="reading_id", field="failed", unlabelled=None, delay=LABEL_DELAY),
    alerting=Alerting(
        rule=SERVICE_DUE,
        accuracy=Accuracy(
            metric="average_precision",
            threshold=0.3,
            margin=0.05,
            min_samples=500,
            span=2 * HOUR,
            step=10 * MINUTE,
            segment="vehicle_type",
        ),
    ),
    world=WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=1 / 36),
)
