"""Logistics: readings of vehicles' sensors, scored for whether the vehicle will break down."""

from __future__ import annotations

from streamsim.streams.domains.logistics.condition import CONDITION
from streamsim.streams.domains.logistics.features import FEATURES
from streamsim.streams.domains.logistics.files import FILES
from streamsim.streams.domains.logistics.model import RECIPE, REMAINING_LIFE, SERVICE_DUE
from streamsim.streams.domains.logistics.outcomes import with_outcomes
from streamsim.streams.domains.logistics.schema import (
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
from streamsim.streams.domains.logistics.simulate import EPOCH, OPTIONS, world
from streamsim.streams.spec import HOUR, MINUTE, Accuracy, DomainSpec
from streamsim.streams.spec.world import Timeline

SPEC = DomainSpec(
    name="logistics",
    title="Fleet maintenance",
    question="will this vehicle break down within 30 minutes?",
    partitions=4,
    sources=(TELEMETRY, ENVIRONMENT, WORK_ORDERS, FAILURES, LIVES),
    windows=(),
    tables=(),
    lookups=(SURROUNDINGS, WORKSHOP),
    trackers=(CONDITION,),
    features=FEATURES,
    recipe=RECIPE,
    alert=SERVICE_DUE,
    accuracy=Accuracy(
        metric="average_precision",
        threshold=0.3,
        margin=0.05,
        min_samples=500,
        span=2 * HOUR,
        step=10 * MINUTE,
    ),
    world=world,
    options=OPTIONS,
    files=FILES,
    collect=with_outcomes,
    timeline=Timeline(
        days_per_minute=1 / 36,
        label_delay=LABEL_DELAY,
        epoch=EPOCH,
        heartbeat=HEARTBEAT,
    ),
    label_key="reading_id",
    label_field="failed",
    unlabelled=None,
    estimates=(REMAINING_LIFE,),
)
