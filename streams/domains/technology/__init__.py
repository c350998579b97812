"""Technology: viewing events, answered with recommendations and labelled by the next title."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamsim.streams.calendar import EPOCH
from streamsim.streams.spec import (
    DAY,
    HOUR,
    Accuracy,
    Alerting,
    DomainSpec,
    Features,
    Inputs,
    Labels,
    Model,
    WorldSpec,
)
from streamsim.streams.tables.column_map import maps_in

from .features import FEATURES
from .files import FILES
from .history import HISTORY
from .learning import RENEWAL
from .model import ENGAGEMENT, RECIPE, SLATE
from .outcomes import with_outcomes
from .schema import (
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
from .simulate import OPTIONS, world

_INPUTS = Inputs(
    sources=(VIEWS, CATALOGUE, PREFERENCES, OUTCOMES),
    files=FILES,
    collect=with_outcomes,
)
_SETS = maps_in(Path(__file__).parent / "sets", _INPUTS)

SPEC = DomainSpec(
    name="technology",
    question="is what is watched next, begun within a day, among the ten titles recommended?",
    partitions=4,
    inputs=replace(_INPUTS, files=(*FILES, *_SETS)),
    features=Features(
        vector=FEATURES,
        windows=(PLAYS, FINISHES),
        joins=(PREFERENCE,),
        trackers=(HISTORY,),
    ),
    model=Model(recipe=RECIPE, slate=SLATE, renewal=RENEWAL),
    labels=Labels(
        key="view_id",
        field="next_title",
        unlabelled=None,
        delay=LABEL_DELAY + HOUR,  # sent with the heartbeat
    ),
    alerting=Alerting(
        rule=ENGAGEMENT,
        accuracy=Accuracy(
            metric="hit_rate",
            threshold=0.18,
            margin=0.02,
            min_samples=1_500,
            span=7 * DAY,
            step=DAY,
            segment="device",
        ),
        feeds=TRAFFIC,
    ),
    world=WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=15.0),
)
