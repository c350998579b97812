"""Are the alerts right? Unseen worlds judged against what they planted, and one without fraud.

The worlds run in process, through the same pipeline as a worker's; a test shows that a broker
changes nothing of the outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Any

import click

from models.loaded import Loaded
from producers.wire import finale, wire
from simulator.judge import alert_quality
from simulator.testing.inprocess import InProcess, as_records
from simulator.testing.replay import champion
from streams.errors import ExpectationError, UsageError
from streams.registry import load_domain
from streams.spec import DAY, DomainSpec, Role
from streams.topics import ALERTS, SCORES, TRUTH, topic
from streams.world import Slice

DAYS = 30
QUIET_DAYS = 60
NEEDED = {"precision": 0.6, "recall": 0.5, "false_per_100k": 2.0}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may say; the seeds are those that no tuning has seen."""

    seeds: str = "31337,31338,31339"


def run(options: Options) -> dict[str, Any]:
    """Judge every seed, print the figures and return them.

    Raises
    ------
    ExpectationError
        If a figure falls short of what the project promises.
    """
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    spec = load_domain("finance")
    model = champion(spec)
    click.echo(
        f"{model.signature.model} {model.signature.version}, a simulated month per seed\n"
        f"{'seed':>8}{'events':>9}{'planted':>9}{'alerts':>8}{'precision':>11}{'recall':>8}"
        f"{'chance':>9}  recall by kind"
    )
    worlds = []
    for seed in seeds:
        judged = judge_world(spec, model, seed)
        worlds.append(judged)
        kinds = ", ".join(f"{k} {v:.2f}" for k, v in judged["recall_by_kind"].items())
        click.echo(
            f"{seed:>8}{judged['events']:>9,}{judged['planted']:>9}{judged['alerts']:>8}"
            f"{judged['precision']:>11.3f}{judged['recall']:>8.3f}{judged['chance']:>9.4f}  {kinds}"
        )
    quiet = quiet_world(spec, model, seeds[0])
    click.echo(
        f"without fraud (seed {seeds[0]}): {quiet['alerts']} alerts in {quiet['events']:,} events, "
        f"{quiet['false_per_100k']:.2f} per 100,000"
    )
    if (
        any(w["precision"] < NEEDED["precision"] or w["recall"] < NEEDED["recall"] for w in worlds)
        or quiet["false_per_100k"] > NEEDED["false_per_100k"]
    ):
        raise ExpectationError(f"short of what is promised: {NEEDED}")
    return {"worlds": worlds, "quiet": quiet, "needed": NEEDED}


def judge_world(spec: DomainSpec, model: Loaded, seed: int) -> dict[str, Any]:
    """Run a month of a world and judge its alerts against its truth.

    ``chance`` is the precision that alerts at random would reach: the share of planted events.
    """
    alerts, truth, labels, events = _run(spec, model, seed, DAYS, {})
    found = alert_quality(alerts, truth, labels, spec)
    if found is None or found["precision"] is None:
        raise ExpectationError(f"seed {seed}: nothing was planted, or no alert raised")
    return {
        "seed": seed,
        "events": events,
        "alerts": len(alerts),
        "chance": found["planted"] / events,
        **found,
    }


def quiet_world(spec: DomainSpec, model: Loaded, seed: int) -> dict[str, Any]:
    """Count alerts in a world in which there is nothing to find."""
    alerts, _, _, events = _run(spec, model, seed, QUIET_DAYS, {"fraud": 0.0})
    return {
        "events": events,
        "alerts": len(alerts),
        "false_per_100k": len(alerts) / events * 100_000,
    }


def _run(
    spec: DomainSpec, model: Loaded, seed: int, days: int, options: dict[str, float]
) -> tuple[list[bytes], list[bytes], list[bytes], int]:
    """Run a world in process; return alerts, truth and labels, and count the scored events.

    Labels are followed for their delay beyond the end, so that lead times are known.
    """
    end = spec.timeline.epoch + days * DAY
    label_sources = {s.name for s in spec.sources if s.role is Role.LABEL}
    truth: list[bytes] = []
    labels: list[bytes] = []

    def noted(slices: Iterator[Slice]) -> Iterator[Slice]:
        for piece in slices:
            for emission in piece.emissions:
                if emission.source in label_sources:
                    labels.extend(emission.values)
                elif emission.source == TRUTH and piece.until <= end:
                    truth.extend(emission.values)
            if piece.until <= end:
                yield piece

    world = spec.world(seed, {**spec.options, **options}).slices()
    last = end + spec.timeline.label_delay
    domain = InProcess(spec, model.score, model.signature)
    batches = wire(spec, noted(takewhile(lambda s: s.until <= last, world)))
    alerts: list[bytes] = []
    events = 0
    for record in domain.run(as_records(spec, chain(batches, [finale(spec, end)]))):
        if record.topic == topic(spec.name, ALERTS) and record.value is not None:
            alerts.append(record.value)
        events += record.topic == topic(spec.name, SCORES)
    return alerts, truth, labels, events
