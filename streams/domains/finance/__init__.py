"""Finance: card transactions, scored for fraud; chargebacks tell later."""

from __future__ import annotations

from streamsim.streams.calendar import EPOCH
from streamsim.streams.domains.finance.features import FEATURES
from streamsim.streams.domains.finance.files import FILES
from streamsim.streams.domains.finance.model import RECIPE, SUSPECTED_FRAUD
from streamsim.streams.domains.finance.schema import (
    CARDS,
    CHARGEBACKS,
    LABEL_DELAY,
    TERMINALS,
    TRANSACTIONS,
)
from streamsim.streams.domains.finance.simulate import OPTIONS, world
from streamsim.streams.spec import DAY, HOUR, Accuracy, DomainSpec
from streamsim.streams.spec.world import Timeline

SPEC = DomainSpec(
    name="finance",
    title="Card fraud",
    question="is this card transaction fraud?",
    partitions=8,
    sources=(TRANSACTIONS, CHARGEBACKS),
    windows=(CARDS,),
    tables=(TERMINALS,),
    features=FEATURES,
    recipe=RECIPE,
    alert=SUSPECTED_FRAUD,
    accuracy=Accuracy(
        metric="average_precision",
        threshold=0.5,
        margin=0.05,
        min_samples=2_000,
        span=7 * DAY,
        step=12 * HOUR,
    ),
    world=world,
    options=OPTIONS,
    files=FILES,
    timeline=Timeline(
        days_per_minute=20.0,
        label_delay=LABEL_DELAY,
        epoch=EPOCH,
        heartbeat=HOUR,
    ),
    label_key="transaction_id",
)
