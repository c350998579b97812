"""Healthcare: discharges, scored for whether the patient will be back within 30 days."""

from __future__ import annotations

from streamsim.streams.calendar import EPOCH
from streamsim.streams.domains.healthcare.features import FEATURES
from streamsim.streams.domains.healthcare.files import FILES
from streamsim.streams.domains.healthcare.model import HIGH_RISK, RECIPE
from streamsim.streams.domains.healthcare.outcomes import with_outcomes
from streamsim.streams.domains.healthcare.schema import (
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
from streamsim.streams.domains.healthcare.simulate import OPTIONS, world
from streamsim.streams.spec import DAY, HOUR, Accuracy, DomainSpec
from streamsim.streams.spec.world import Timeline

SPEC = DomainSpec(
    name="healthcare",
    title="Hospital readmission",
    question="will this patient be readmitted within 30 days of discharge?",
    partitions=4,
    sources=(DISCHARGES, ADMISSIONS, LABS, VISITS, NOTES, READMISSIONS),
    windows=(STAYS,),
    tables=(),
    lookups=(LABS_NOW, LABS_BEFORE, NOTE, VISIT, ADMISSION),
    features=FEATURES,
    recipe=RECIPE,
    alert=HIGH_RISK,
    accuracy=Accuracy(
        metric="roc_auc",
        threshold=0.58,
        margin=0.03,
        min_samples=500,
        span=30 * DAY,
        step=2 * DAY,
    ),
    world=world,
    options=OPTIONS,
    files=FILES,
    collect=with_outcomes,
    timeline=Timeline(
        days_per_minute=30.0,
        label_delay=LABEL_DELAY + HOUR,  # told with the heartbeat
        epoch=EPOCH,
        heartbeat=HOUR,
    ),
    label_key="discharge_id",
    label_field="readmitted",
    unlabelled=None,
    pseudonyms=PSEUDONYMS,
)
