"""Finance: card transactions, scored for fraud and labelled by chargebacks."""

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
from .model import ADAPTATION, RECIPE, SUSPECTED_FRAUD
from .schema import (
    CARDS,
    CHARGEBACKS,
    LABEL_DELAY,
    TERMINALS,
    TRANSACTIONS,
)
from .simulate import OPTIONS, world

DEMO = {"change_day": 30.0}
"""In a demonstration fraud changes its pattern after a minute and a half."""

_INPUTS = Inputs(sources=(TRANSACTIONS, CHARGEBACKS), files=FILES)
_SETS = maps_in(Path(__file__).parent / "sets", _INPUTS)

SPEC = DomainSpec(
    name="finance",
    question="is this card transaction fraud?",
    partitions=8,
    inputs=replace(_INPUTS, files=(*FILES, *_SETS)),
    features=Features(vector=FEATURES, windows=(CARDS,), tables=(TERMINALS,)),
    model=Model(recipe=RECIPE, adaptation=ADAPTATION),
    labels=Labels(key="transaction_id", delay=LABEL_DELAY),
    alerting=Alerting(
        rule=SUSPECTED_FRAUD,
        accuracy=Accuracy(
            metric="average_precision",
            threshold=0.5,
            margin=0.05,
            min_samples=2_000,
            span=7 * DAY,
            step=12 * HOUR,
            segment="category",
        ),
    ),
    world=WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=20.0, demo=DEMO),
)
