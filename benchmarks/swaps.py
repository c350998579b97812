"""Benchmark of swaps: versions of a model are changed under load while processes are killed.

A whole stack runs at a rate. At random moments a version goes into shadow, becomes a canary or the
champion, is rolled back or withdrawn, or the threshold is set; a worker, the model service or the
process that decides is killed now and then. A checker then reads only the topics: every event has
one score in effect, by a version that was live at its event time; alerts, shadow scores and the
rolling metric agree with that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from streamsim.benchmarks.fault_injection.swap_run import Swaps, run_swaps
from streamsim.benchmarks.faults import BROKERS
from streamsim.benchmarks.measuring.subject import DOMAIN, subject
from streamsim.simulator.brokers.apache import ApacheKafka
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.spec import DomainSpec

NEARLY = 0.98
"""Share of the rate from which on it counts as reached."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    Parameters
    ----------
    runs
        Number of swaps on each broker at each rate.
    rates
        Rates to send at, in events per second.
    broker
        ``embedded``; ``kafka``: an Apache Kafka of its own for each run; or ``both``, one after
        the other.
    """

    domain: str = DOMAIN
    seed: int = 0
    rates: str = "5000"
    runs: int = 20
    broker: str = EMBEDDED


def run(options: Options) -> dict[str, Any]:
    """Swap at every rate on every broker; print the table and return it.

    Raises
    ------
    ExpectationError
        If a check fails. A rate that was not reached is told, and is no failure of the stack.
    """
    try:
        rates = [float(text) for text in options.rates.split(",")]
    except ValueError:
        raise UsageError(f"--rates takes numbers with commas, not {options.rates!r}") from None
    if options.broker not in BROKERS:
        raise UsageError(f"--broker takes {', '.join(BROKERS)}: every run has one of its own")
    spec, rows, failures = subject(options.domain), [], []
    for broker in BROKERS[options.broker]:
        for rate in rates:
            found = _run(spec, options, broker, rate)
            rows.append(row_of(found, broker, rate))
            failures += [f"{broker}, {rate:g}/s: {text}" for text in found.faults]
    click.echo(as_table(rows))
    for row in rows:
        if row["sent_eps"] < NEARLY * row["rate"]:
            click.echo(
                f"the rate was not reached on {row['broker']}: {row['sent_eps']:,.0f} of "
                f"{row['rate']:,.0f} events/s"
            )
    if failures:
        again = f"streamsim bench swaps --seed {options.seed} --runs {options.runs}"
        raise ExpectationError("\n".join(["checks failed:", *failures, f"again: {again}"]))
    return {"domain": spec.name, "seed": options.seed, "swaps": options.runs, "rows": rows}


def _run(spec: DomainSpec, options: Options, broker: str, rate: float) -> Swaps:
    with tempfile.TemporaryDirectory(prefix="swaps-") as name:
        folder = Path(name)

        def on(address: str) -> Swaps:
            return run_swaps(
                spec, options.seed, folder, count=options.runs, rate=rate, broker=address
            )

        if broker == EMBEDDED:
            return on(EMBEDDED)
        with ApacheKafka(folder / "kafka") as kafka:
            return on(kafka.address)


def row_of(found: Swaps, broker: str, rate: float) -> dict[str, Any]:
    """Return the figures of a run as JSON types."""
    live, verdict = found.live, found.verdict
    return {
        "broker": broker,
        "rate": rate,
        "sent_eps": round(found.sent_eps, 1),
        "scored_eps": round(found.scored_eps, 1),
        "events": verdict.events,
        "decisions": live.timeline.decisions,
        "refused": live.timeline.refused,
        "plans_in_effect": live.in_effect,
        "kills": dict(found.kills),
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "repeats": verdict.repeats,
        "by_version": dict(live.by_version),
        "by_canary": live.by_canary,
        "shadow_scores": live.shadows,
        "shadowed_events": live.shadowed,
        "metric_states": live.states,
        "failed_requests": found.failed,
        "passing_failures": found.passing,
        "faults": list(found.faults),
    }


def as_table(rows: list[dict[str, Any]]) -> str:
    """Format the figures, a column per run."""
    lines = [f"{'':34}" + "".join(f"{row['broker']:>14}" for row in rows)]
    for what, key in (
        ("events/s asked for", "rate"),
        ("events/s sent", "sent_eps"),
        ("events/s scored", "scored_eps"),
        ("events", "events"),
        ("decisions carried out", "decisions"),
        ("plans that scored an event", "plans_in_effect"),
        ("outputs lost", "lost"),
        ("outputs doubled", "doubled"),
        ("identical repeats", "repeats"),
        ("scores by a canary", "by_canary"),
        ("scores in shadow", "shadow_scores"),
        ("events with a shadow", "shadowed_events"),
        ("states of the rolling metric", "metric_states"),
        ("requests failed, service up", "failed_requests"),
        ("requests failed, service killed", "passing_failures"),
        ("faults", "faults"),
    ):
        values = [len(row[key]) if key == "faults" else row[key] for row in rows]
        lines.append(f"{what:34}" + "".join(f"{value:>14,.0f}" for value in values))
    for row in rows:
        lines.append(f"killed on {row['broker']}: {_counts(row['kills'])}")
        lines.append(f"scores by version: {_counts(row['by_version'])}")
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"
