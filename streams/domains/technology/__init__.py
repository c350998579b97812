"""Technology: viewing events, answered with what to recommend; what is watched next tells later."""

from __future__ import annotations

from streamsim.streams.calendar import EPOCH
from streamsim.streams.domains.technology.features import FEATURES
from streamsim.streams.domains.technology.files import FILES
from streamsim.streams.domains.technology.history import HISTORY
from streamsim.streams.domains.technology.learning import RENEWAL
from streamsim.streams.domains.technology.model import ENGAGEMENT, RECIPE, SLATE
from streamsim.streams.domains.technology.outcomes import with_outcomes
from streamsim.streams.domains.technology.schema import (
    CATALOGUE,
    FINISHES,
    LABEL_DELAY,
    OUTCOMES,
    PLAYS,
    PREFERENCE,
    PREFERENCES,
    TRAFFIC,
    VIEWS,
)
from streamsim.streams.domains.technology.simulate import OPTIONS, world
from streamsim.streams.spec import DAY, HOUR, Accuracy, DomainSpec
from streamsim.streams.spec.world import Timeline

SPEC = DomainSpec(
    name="technology",
    title="Recommendation",
    question="is what is watched next, begun within a day, among the ten titles recommended?",
    partitions=4,
    sources=(VIEWS, CATALOGUE, PREFERENCES, OUTCOMES),
    windows=(PLAYS, FINISHES),
    tables=(),
    lookups=(PREFERENCE,),
    trackers=(HISTORY,),
    feeds=TRAFFIC,
    features=FEATURES,
    recipe=RECIPE,
    alert=ENGAGEMENT,
    accuracy=Accuracy(
        metric="hit_rate",
        threshold=0.18,
        margin=0.02,
        min_samples=1_500,
        span=7 * DAY,
        step=DAY,
    ),
    world=world,
    options=OPTIONS,
    files=FILES,
    collect=with_outcomes,
    timeline=Timeline(
        days_per_minute=15.0,
        label_delay=LABEL_DELAY + HOUR,  # told with the heartbeat
        epoch=EPOCH,
        heartbeat=HOUR,
    ),
    label_key="view_id",
    label_field="next_title",
    unlabelled=None,
    slate=SLATE,
    renewal=RENEWAL,
)
