"""Model card of a challenger: what it learnt from, its gates, and what was not done anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsim.models.adapting.gate_verdict import Verdict, table
from streamsim.models.card import FOLDS
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


def write_challenger_card(
    spec: DomainSpec,
    signature: Signature,
    champion: str,
    verdict: Verdict,
    figures: Mapping[str, float],
    data: Mapping[str, Any],
) -> str:
    """Write the card; ``{version}`` is filled in by the registry.

    Parameters
    ----------
    champion
        The version that it was compared with.
    figures
        Of both models, on the later events.
    data
        Description of the events; see :func:`.challenger.described`.
    """
    metrics = "\n".join(f"| {name} | {value:g} |" for name, value in figures.items())
    features = "\n".join(
        f"| {name} | {spec.features.vector.help.get(name, '')} | {usual:g} |"
        for name, usual in zip(signature.features, signature.reference, strict=True)
    )
    again = ""
    if count := data.get("refit_rows"):
        again = f"\nAfter it had passed it was fitted once more, to all {count:,} events.\n"
    decided = "better than" if verdict.better else "not better than"
    ignored = ", ".join(signature.ignored) or "none"
    return f"""# {signature.model} {{version}}

**Question.** {spec.question}
**Verdict.** It is {decided} version {champion}: {verdict.why}.
**Alert.** {spec.alerting.rule.formula}: {signature.threshold:g}. It is set for
{data["budget"]}, on {data["ordinary_rows"]:,} ordinary events of the stream.

## Data
Features as they were logged with the scores of the stream, {data["from"]} to {data["to"]}, joined
with the labels that were known before {data["known_until"]}: {data["rows"]:,} events to learn from,
{data["positives"]:,} of them positive; then {data["holdout_rows"]:,} later ones to compare on,
{data["holdout_positives"]:,} of them positive. {data["left_out"]:,} events between them are left
out. Seed {data["seed"]}, fingerprint `{data["fingerprint"]}`, request {data["request"]}.
{again}
## Gates
{table(verdict.gates)}

## Metrics
Of the later events, which it had not learnt from when it was judged.

| metric | value |
|---|---|
{metrics}

## Features
| feature | meaning | usual |
|---|---|---|
{features}

## Limits
No feature was selected anew: it ignores those that version {champion} ignores ({ignored}). No
importance was measured. The thresholds are set on scores of events of the stream, cross-validated
in {FOLDS} folds, not on a world without troubles: with few ordinary events they cannot be set for
fewer false alerts than one of them. The card describes the period that it names, and nothing after
it.
"""
