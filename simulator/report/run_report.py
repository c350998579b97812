"""The report at the end of a run, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import orjson

from streamsim.simulator.report.alert_labels import alert_labels
from streamsim.simulator.report.estimate_lines import before_labels, estimated
from streamsim.simulator.report.estimates import estimates_quality
from streamsim.simulator.report.judge import alert_quality, join_labels, quality
from streamsim.simulator.report.kept_records import KeptRecords
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.surge_alerts import surge_quality
from streamsim.streams.codec import format_times
from streamsim.streams.spec import DomainSpec, Planted
from streamsim.streams.topics import ALERTS, SCORES, TRUTH, topic

SCHEMA = 1


def domain_report(
    spec: DomainSpec,
    ledger: Ledger,
    ends: Mapping[tuple[str, int], int],
    kept: KeptRecords,
    seconds: float,
    dead: Mapping[str, int] | None = None,
    foreign: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Make the report of one domain.

    If the broker has deleted scores, those that it still has are judged, and the workers' count is
    that of the account.

    Parameters
    ----------
    seconds
        Wall time in which events were flowing.
    dead
        Dead letters of all sources by reason.
    foreign
        Records of other programs in the domain's outputs, by topic.
    """
    name_of = partial(topic, spec.name)
    alerts, scores = kept.outputs(name_of(ALERTS)), kept.outputs(name_of(SCORES))
    gone = kept.deleted
    scored = len(scores) if kept.since is None else ledger.counts(spec.trigger.name)["scored"]
    account = ledger.account(ends, scored)
    labels = [value for source in spec.label_sources for value in kept.values(name_of(source.name))]
    spans = spec.alerting.rule.planted is Planted.SPANS
    truth = kept.values(name_of(TRUTH)) if spans else kept.outputs(name_of(TRUTH))
    label_values = {e.source: kept.values(name_of(e.source)) for e in spec.model.estimates}
    estimates = estimates_quality(spec, scores, label_values, ledger.clock())
    latencies = ledger.latencies()
    judged = join_labels(spec, scores, labels, ledger.clock())
    if not labels:  # an event without a label is one of the usual class only where there are any
        judged = replace(judged, final=np.zeros_like(judged.final))
    by_rule = _by_rule(spec, alerts)
    planted = alert_quality(alerts, truth, labels, spec, judged)
    by_labels = alert_labels(spec, alerts, judged) if planted is None else None
    return {
        **account,
        **({"dead_by_reason": dict(dead)} if dead else {}),
        **({"foreign": dict(foreign)} if foreign else {}),
        **({"judged": _judged(kept, len(scores))} if gone else {}),
        "alerts": len(kept.topics[name_of(ALERTS)]) + gone.get(name_of(ALERTS), 0)
        if gone
        else sum(by_rule.values()),
        **({"alerts_by_rule": by_rule} if spec.alerting.event_rules else {}),
        "alert_quality": planted,
        **({"alert_labels": by_labels} if by_labels else {}),
        "surge_quality": surge_quality(spec, alerts, truth, ledger.clock() or 0, kept.since),
        "throughput_eps": round(account["scored"] / seconds, 1) if seconds > 0 else 0.0,
        "latency_ms": {"p50": latencies.percentile(50), "p99": latencies.percentile(99)},
        "model": ledger.model(),
        "quality": quality(spec.model.recipe, judged),
        **({"estimates": estimates} if estimates else {}),
        "accuracy": ledger.accuracy,
        "estimated": estimated(spec, ledger),
    }


def _judged(kept: KeptRecords, scores: int) -> dict[str, Any]:
    """Say what quality and alerts were judged by, if the broker has deleted records."""
    since = None if kept.since is None else str(format_times(np.array([kept.since]))[0])
    return {"since": since, "scores": scores, "deleted": kept.deleted}


def _by_rule(spec: DomainSpec, alerts: Sequence[bytes]) -> dict[str, int]:
    """Count the alerts about entities by rule, the model's rule first."""
    counts = Counter(orjson.loads(alert)["rule"] for alert in alerts)
    names = (spec.alerting.rule.name, *(rule.name for rule in spec.alerting.event_rules))
    return {name: counts[name] for name in names}


def whole_report(
    *, broker: str, seed: int, workers: int, seconds: float, domains: Mapping[str, Any]
) -> dict[str, Any]:
    """Combine the domains' reports into that of the run."""
    return {
        "schema": SCHEMA,
        "broker": broker,
        "seed": seed,
        "duration_s": round(seconds, 1),
        "workers": workers,
        "domains": dict(domains),
    }


def unaccounted(report: Mapping[str, Any]) -> int:
    """Count the events in no class or in two, over all domains and roles."""
    return sum(
        abs(part["unaccounted"])
        for domain in report["domains"].values()
        for part in (domain, domain["context"], domain["labels"])
    )


def as_text(report: Mapping[str, Any]) -> str:
    """Format the report as text."""
    lines = [
        f"{report['duration_s']:g} s on {report['broker']}, "
        f"{report['workers']} worker{'s' * (report['workers'] != 1)}, seed {report['seed']}"
    ]
    for name, domain in report["domains"].items():
        lines += ["", *_domain_lines(name, domain)]
    return "\n".join(lines)


def _domain_lines(name: str, d: Mapping[str, Any]) -> list[str]:
    classes = ("scored", "late", "duplicate", "dead", "filtered")
    account = " + ".join(f"{d[c]:,} {c}" for c in classes)
    verdict = "closed" if not d["unaccounted"] else f"{d['unaccounted']:,} UNACCOUNTED"
    model, latency = d["model"] or {"name": "none", "version": "-"}, d["latency_ms"]
    lines = [
        f"{name}: {d['in']:,} in = {account}  [{verdict}]",
        f"  labels     {_others(d['labels'])}",
    ]
    if d["context"]["in"]:
        lines.append(f"  context    {_others(d['context'])}")
    if warm := d["filtered_by"].get("warm_up"):
        lines.append(f"  warm-up    {warm:,} events filled the state, unscored")
    if dead := d.get("dead_by_reason"):
        most = [f"{n:,} x {why}" for why, n in list(dead.items())[:_REASONS]]
        more = f", and {len(dead) - _REASONS} other reasons" if len(dead) > _REASONS else ""
        lines.append(f"  dead       {', '.join(most)}{more}")
    if foreign := d.get("foreign"):
        told = ", ".join(f"{count:,} in {name}" for name, count in foreign.items())
        lines.append(f"  foreign    records of other programs, skipped: {told}")
    lines += [
        f"  flow       {d['throughput_eps']:,.0f} events/s, latency p50 {latency['p50']:g} ms, "
        f"p99 {latency['p99']:g} ms",
        f"  model      {model['name']} {model['version']}, {_quality(d)}",
        *(_estimate(name, e) for name, e in d.get("estimates", {}).items()),
        *_accuracy(d["accuracy"]),
        *before_labels(d["estimated"]),
        *_deleted(d.get("judged")),
        f"  alerts     {d['alerts']:,}{_alerts(d)}",
        *_surges(d["surge_quality"]),
    ]
    return lines


_REASONS = 3  # that the text names; the JSON has all


def _others(part: Mapping[str, Any]) -> str:
    classes = ", ".join(f"{part[c]:,} {c}" for c in ("applied", "late", "duplicate", "dead"))
    verdict = "closed" if not part["unaccounted"] else f"{part['unaccounted']:,} UNACCOUNTED"
    return f"{part['in']:,} in: {classes}  [{verdict}]"


def _quality(domain: Mapping[str, Any]) -> str:
    """Say how good the scores were.

    >>> quality = {"metric": "roc_auc", "value": None, "labelled": 0}
    >>> _quality({"quality": quality, "labels": {"in": 0}})
    'no label has come, so how right it is cannot be said'
    """
    q = domain["quality"]
    if q["value"] is None and not domain["labels"]["in"]:
        return "no label has come, so how right it is cannot be said"
    if q["value"] is None:
        return f"{q['metric']} not known yet ({q['labelled']:,} events with final labels)"
    return f"{q['metric']} {q['value']:.3f} over {q['labelled']:,} events with final labels"


def _estimate(name: str, e: Mapping[str, Any]) -> str:
    if e["rmse"] is None:
        return f"  estimates  {name}: nothing is known yet of how right it is"
    return (
        f"  estimates  {name}: RMSE {e['rmse']:.3g} (always the mean {e['rmse_of_the_mean']:.3g}) "
        f"over {e['labelled']:,} events"
    )


def _accuracy(state: Mapping[str, Any] | None) -> list[str]:
    if state is None or state["value"] is None:
        return []
    verdict = "LOW" if state["is_low"] else "fine"
    return [
        f"  rolling    {state['metric']} {state['value']:.3f} over {state['samples']:,} events up "
        f"to {state['until'][:10]}, {verdict} (threshold {state['threshold']:g})"
    ]


def _deleted(judged: Mapping[str, Any] | None) -> list[str]:
    """Say what was judged, if the broker has deleted records.

    >>> _deleted({"since": "2025-02-03T00:00:00.000Z", "scores": 900, "deleted": {"t.scores": 100}})
    ['  judged     900 scores from 2025-02-03 on; deleted before: 100 of t.scores']
    """
    if judged is None:
        return []
    since = "" if judged["since"] is None else f" from {judged['since'][:10]} on"
    gone = ", ".join(f"{count:,} of {name}" for name, count in judged["deleted"].items())
    return [f"  judged     {judged['scores']:,} scores{since}; deleted before: {gone}"]


def _surges(q: Mapping[str, Any] | None) -> list[str]:
    """Format the quality of surge alerts; nothing if there were no surges.

    >>> _surges({"alerts": 2, "planted": 1, "precision": 0.5, "recall": 1.0,
    ...     "chance_precision": 0.1})
    ['  surges     2 told, precision 0.50 (by chance 0.1), recall 1.00 of 1']
    """
    if q is None or not (q["alerts"] or q["planted"]):
        return []
    right = (
        ""
        if q["precision"] is None
        else (f", precision {q['precision']:.2f} (by chance {q['chance_precision']:.2g})")
    )
    found = "" if q["recall"] is None else f", recall {q['recall']:.2f} of {q['planted']:,}"
    return [f"  surges     {q['alerts']:,} told{right}{found}"]


def _spell(seconds: float) -> str:
    """Format a span of event time: in days, or in minutes if it is less than a few hours.

    >>> _spell(216_000.0), _spell(1_500.0)
    ('2.5 event days', '25 event minutes')
    """
    days = seconds / 86_400
    return f"{days:.1f} event days" if abs(days) >= 0.25 else f"{seconds / 60:.0f} event minutes"


def _alerts(d: Mapping[str, Any]) -> str:
    """Format the quality of the model's alerts, and the number of each rule if there are more.

    >>> _alerts({"alerts_by_rule": {"leak": 2, "burst": 3}, "alert_quality": None})
    ': 2 leak (no planted truth to judge them by); 3 burst'
    """
    quality = _alert_labels(d.get("alert_labels")) or _alert_quality(d["alert_quality"])
    if "alerts_by_rule" not in d:
        return quality
    first, *others = (f"{count:,} {rule}" for rule, count in d["alerts_by_rule"].items())
    return f": {first}{quality}; {', '.join(others)}"


def _alert_labels(q: Mapping[str, Any] | None) -> str:
    """Format how many alerts the labels confirm.

    >>> _alert_labels({"labelled": 40, "confirmed": 30, "precision": 0.75,
    ...     "chance_precision": 0.01, "recall": 0.2})
    ', by labels: precision 0.75 of 40 (by chance 0.01), recall 0.20'
    """
    if q is None:
        return ""
    if q["precision"] is None:
        return ", none of an event with a final label"
    recall = "" if q["recall"] is None else f", recall {q['recall']:.2f}"
    return (
        f", by labels: precision {q['precision']:.2f} of {q['labelled']:,} "
        f"(by chance {q['chance_precision']:.2g}){recall}"
    )


def _alert_quality(q: Mapping[str, Any] | None) -> str:
    if q is None:
        return " (no planted truth to judge them by)"
    if q["precision"] is None:
        return f", {q['planted']:,} planted events missed"
    lead = "" if q["lead_s_median"] is None else f", {_spell(q['lead_s_median'])} ahead"
    if "failures" in q:
        lead += (
            f"; {q['foreseen']} of {q['failures']} failures foreseen, "
            f"at {q['needless']} needless services"
        )
    return (
        f", precision {q['precision']:.2f} (by chance {q['chance_precision']:.2g}), "
        f"recall {q['recall']:.2f} (by chance {q['chance_recall']:.2g}){lead}"
    )
