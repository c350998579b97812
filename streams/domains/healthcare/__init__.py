"""Healthcare: discharges, scored for readmission within 30 days."""

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
from .files import FILES
from .model import ADAPTATION, HIGH_RISK, RECIPE
from .outcomes import with_outcomes
from .schema import (
    ADMISSION,
    ADMISSIONS,
    DISCHARGES,
    LABEL_DELAY,
    LABS,
    LABS_BEFORE,
    LABS_NOW,
    NOTE,
    NOTES,
    PSEUDONYMS,
    READMISSIONS,
    STAYS,
    VISIT,
    VISITS,
)
from .simulate import OPTIONS, world

SPEC = DomainSpec(
    name="healthcare",
    question="will this patient be readmitted within 30 days of discharge?",
    partitions=4,
    inputs=Inputs(
        sources=(DISCHARGES, ADMISSIONS, LABS, VISITS, NOTES, READMISSIONS),
        files=FILES,
        collect=with_outcomes,
        pseudonyms=PSEUDONYMS,
    ),
    features=Features(
        vector=FEATURES,
        windows=(STAYS,),
        joins=(LABS_NOW, LABS_BEFORE, NOTE, VISIT, ADMISSION),
    ),
    model=Model(recipe=RECIPE, adaptation=ADAPTATION),
    labels=Labels(
        key="discharge_id",
        field="readmitted",
        unlabelled=None,
        delay=LABEL_DELAY + HOUR,  # sent with the heartbeat
    ),
    alerting=Alerting(
        rule=HIGH_RISK,
        accuracy=Accuracy(
            metric="roc_auc",
            threshold=0.58,
            margin=0.03,
            min_samples=500,
            span=30 * DAY,
            step=2 * DAY,
            segment="specialty",
        ),
    ),
    world=WorldSpec(make=world, options=OPTIONS, epoch=EPOCH, days_per_minute=30.0),
)
