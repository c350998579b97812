"""Retail: lines of receipts, scored for whether the household will buy again."""

from __future__ import annotations

from streamsim.streams.calendar import EPOCH
from streamsim.streams.domains.retail.features import FEATURES
from streamsim.streams.domains.retail.model import LAPSING, RECIPE
from streamsim.streams.domains.retail.outcomes import with_outcomes
from streamsim.streams.domains.retail.programme import ASK
from streamsim.streams.domains.retail.schema import (
    CUSTOMER,
    CUSTOMERS,
    DATABASE,
    FEEDS,
    LABEL_DELAY,
    LOYALTY,
    OUTCOMES,
    PROGRAMME,
    RECALL,
    SAVED,
    SPENT,
    TILLS,
    VISITS,
)
from streamsim.streams.domains.retail.simulate import OPTIONS, world
from streamsim.streams.domains.retail.vendors import FILES
from streamsim.streams.spec import DAY, HOUR, Accuracy, DomainSpec
from streamsim.streams.spec.world import Timeline

SPEC = DomainSpec(
    name="retail",
    title="Customer purchase behaviour",
    question="will this household buy again within 14 days?",
    partitions=4,
    sources=(TILLS, CUSTOMERS, LOYALTY, OUTCOMES),
    windows=(VISITS, SPENT, SAVED),
    tables=(),
    lookups=(CUSTOMER, PROGRAMME),
    databases=(DATABASE,),
    asks=(ASK,),
    recall=RECALL,
    feeds=FEEDS,
    features=FEATURES,
    recipe=RECIPE,
    alert=LAPSING,
    accuracy=Accuracy(
        metric="roc_auc",
        threshold=0.52,
        margin=0.03,
        min_samples=1_500,
        span=14 * DAY,
        step=DAY,
    ),
    world=world,
    options=OPTIONS,
    files=FILES,
    collect=with_outcomes,
    timeline=Timeline(
        days_per_minute=45.0,
        label_delay=LABEL_DELAY + HOUR,  # told with the heartbeat
        epoch=EPOCH,
        heartbeat=HOUR,
    ),
    label_key="purchase_id",
    label_field="bought_again",
    unlabelled=None,
)
