"""Retail: lines of receipts, scored for whether the household will buy again."""

from __future__ import annotations

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

from .features import FEATURES
from .model import ADAPTATION, LAPSING, RECIPE
from .online import ONLINE
from .outcomes import with_outcomes
from .programme import PARTY
from .schema import (
    CUSTOMER,
    CUSTOMERS,
    DATABASE,
    FEEDS,
    LABEL_DELAY,
    LOYALTY,
    OUTCOMES,
    PROGRAMME,
    RESCORING,
    SAVED,
    SPENT,
    TILLS,
    VISITS,
)
from .simulate import OPTIONS, world
from .vendors import FILES as VENDORS

DEMO = {"change_day": 45.0}
"""In a demonstration households take up a new rhythm after a minute."""

SPEC = DomainSpec(
    name="retail",
    question="will this household buy again within 14 days?",
    partitions=4,
    inputs=Inputs(
        sources=(TILLS, CUSTOMERS, LOYALTY, OUTCOMES),
        files=(*VENDORS, *ONLINE),
        databases=(DATABASE,),
        third_parties=(PARTY,),
        collect=with_outcomes,
    ),
    features=Features(
        vector=FEATURES,
        windows=(VISITS, SPENT, SAVED),
        joins=(CUSTOMER, PROGRAMME),
    ),
    model=Model(recipe=RECIPE, rescoring=RESCORING, adaptation=ADAPTATION),
    labels=Labels(
        key="purchase_id",
        field="bought_again",
        unlabelled=None,
        delay=LABEL_DELAY + HOUR,  # sent with the heartbeat
    ),
    alerting=Alerting(
        rule=LAPSING,
        accuracy=Accuracy(
            metric="roc_auc",
            threshold=0.52,
            margin=0.03,
            min_samples=1_500,
            span=14 * DAY,
            step=DAY,
            segment="store_id",
        ),
        feeds=FEEDS,
    ),
    world=WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=45.0, demo=DEMO),
)
