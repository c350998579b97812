"""Check a run by its topics: no output lost, none doubled, all in order.

The topics of the sources are replayed in process, without a fault. The outputs of the run must be
the same, event by event: classes, features (bit for bit), scores, alerts, dead letters with their
bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.models.loaded import Loaded
from streamsim.producers.recording import Recorded, Recording
from streamsim.simulator.report.effect import ACCURACY_ID, identity
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.simulator.testing.replay import replay
from streamsim.streams.events import INGEST_TIME
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import ALERTS, DEAD, LATE, METRICS, SCORES, SHADOW, topic


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of the check.

    Attributes
    ----------
    events, records
        Number of events of the trigger, and of records of all sources.
    lost, doubled
        Number of missing outputs; number of outputs that should not exist, or that differ from the
        replay's or from their own repeat.
    repeats
        Number of identical repeats, which are no fault.
    faults
        All faults, as text.
    """

    events: int
    records: int
    lost: int
    doubled: int
    repeats: int
    faults: tuple[str, ...]


def check(
    spec: DomainSpec,
    recording: Recording,
    account: Mapping[str, Any],
    *,
    renews: bool = True,
    decided: tuple[Schedule, Mapping[str, Loaded]] | None = None,
) -> Verdict:
    """Compare a run's recording with a replay of its sources, and its account with both.

    Parameters
    ----------
    renews
        Whether the run renews its model, if the domain declares that.
    decided
        The plans by which versions of the model answered, and these versions, if people or a policy
        decided that in the run.
    """
    if decided is None:
        expected = replay(spec, recording, renews=renews)
    else:
        plans, versions = decided
        estimators = {name: loaded.estimator for name, loaded in versions.items()}
        first = versions[plans.plan(0).champion.version]
        expected = replay(spec, recording, first, decided=(plans, estimators))
    found = make_outcome(spec, recording.records, account)
    faults: list[str] = []
    lost = doubled = repeats = 0
    for name in (SCORES, SHADOW, ALERTS, DEAD, LATE):
        records = recording.of(topic(spec.name, name))
        again, unlike = _repeats(records)
        repeats, doubled = repeats + again, doubled + unlike
        if unlike:
            faults.append(f"{name}: {unlike} repeats differ from the first")
        if name == SHADOW:  # an event whose shadow does not answer in time has none
            continue
        ours, theirs = _by_id(found, name), _by_id(expected, name)
        missing, extra = theirs.keys() - ours.keys(), ours.keys() - theirs.keys()
        if name == ALERTS:
            # A replay waits longer at its end, and may publish a step of the rolling metric more.
            told = _told(recording.of(topic(spec.name, METRICS)))
            missing = {
                key
                for key in missing
                if theirs[key].rule in spec.alerting.rule_names or theirs[key].time_ms <= told
            }
        differing = [key for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]]
        lost += len(missing)
        doubled += len(extra) + len(differing)
        for what, keys in (("missing", missing), ("extra", extra), ("different", differing)):
            if keys:
                some = sorted(map(str, keys))[:3]
                faults.append(f"{name}: {len(keys)} {what}, as {', '.join(some)}")
    faults += _account_faults(expected.account, account)
    faults += _out_of_order(found, expected)
    total = sum(int(part["in"]) for part in (account, account["context"], account["labels"]))
    return Verdict(int(account["in"]), total, lost, doubled, repeats, tuple(faults))


def _told(metrics: Iterable[Recorded]) -> int:
    """Return the event time up to which the run has published its rolling metric (ms)."""
    headers = (dict(record.headers) for record in metrics)
    return max((int(h[ACCURACY_ID] or 0) for h in headers if ACCURACY_ID in h), default=0)


def _by_id(outcome: Outcome, name: str) -> dict[Any, Any]:
    if name == SCORES:
        return {score.source: score for score in outcome.scores}
    if name == ALERTS:
        return {alert.id: alert for alert in outcome.alerts}
    return {r.source: r for r in (outcome.dead if name == DEAD else outcome.late)}


def _repeats(records: Iterable[Recorded]) -> tuple[int, int]:
    """Count the repeats of an id, and those of them that differ from the first record."""
    first: dict[Any, Recorded] = {}
    again = unlike = 0
    for record in records:
        known = first.setdefault(identity(record), record)
        if known is not record:
            again += 1
            unlike += _said(known) != _said(record)
    return again, unlike


def _said(record: Recorded) -> Any:
    headers = tuple(h for h in record.headers if h[0] != INGEST_TIME)
    return record.key, record.value, record.timestamp, headers


def _account_faults(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    faults = []
    for part, own, wanted in (
        ("triggers", found, expected),
        ("labels", found["labels"], expected["labels"]),
        ("context", found["context"], expected["context"]),
    ):
        wrong = {
            name: (own[name], count)
            for name, count in wanted.items()
            if isinstance(count, int) and own[name] != count
        }
        if wrong or own["unaccounted"]:
            faults.append(f"account of {part}, (found, expected): {wrong or 'not closed'}")
    return faults


def _out_of_order(found: Outcome, expected: Outcome) -> list[str]:
    """Find partitions whose events were first scored in an order other than the replay's."""
    faults = []
    for p, offsets in expected.order.items():
        ours = found.order.get(p, ())
        both = set(ours) & set(offsets)
        pairs = zip(*([o for o in own if o in both] for own in (ours, offsets)), strict=True)
        if wrong := sum(one != other for one, other in pairs):
            faults.append(f"partition {p}: {wrong} scores out of order")
    return faults
