"""Benchmark of policies: when a model should learn anew, on streams that change.

Each policy is played over rows as a pipeline logs them. What it decides at a time uses labels that
are known by then; what it has learnt answers from a declared lead later on. The best schedule in
hindsight is the floor that no schedule of the same times can beat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from threadpoolctl import threadpool_limits

from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.learnt_versions import LearntVersions, Versions
from streamsim.benchmarks.policies.on_alarm import OnAlarm
from streamsim.benchmarks.policies.played import Every, Policy, play
from streamsim.benchmarks.policies.policy_figures import PolicyFigures, figures, loss_table
from streamsim.benchmarks.policies.stream_rows import StreamRows, logged
from streamsim.models.adapting.gates import metric_of
from streamsim.simulator.domain_stream import file_slices, world_slices
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DAY, Adaptation, DomainSpec
from streamsim.streams.spec.adapting import Trigger, by_hand

STEPS, CHANGE = 16, 5
"""Times of the grid in a world, and the one at which the world changes."""
LEAD = 0.02
"""Training takes this share of a step, unless it is said."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    ``data`` is a file, or a folder of files, of the domain; without it, it is its world, of each
    seed, once with a change and once without. Lengths are in days of event time, and by default are
    set by the domain: ``first``, what the first model learns; ``step``, between two times at which
    it may learn; ``lead``, what training takes. ``adaptation`` sets numbers of the loop:
    ``least_rows=500,cooldown=0``.
    """

    domain: str = "finance"
    data: Path | None = None
    seeds: str = "31337"
    first: float | None = None
    step: float | None = None
    lead: float | None = None
    adaptation: str = ""


def run(options: Options) -> dict[str, Any]:
    """Play all policies on each stream; print the tables and return the figures."""
    spec = load_domain(options.domain)
    given = spec.model.adaptation or Adaptation()
    adaptation = by_hand(given, filter(None, options.adaptation.split(",")))
    found: dict[str, Any] = {"domain": spec.name, "metric": metric_of(spec), "streams": {}}
    for name, rows, length in streams(spec, options):
        grid = grid_of(spec, rows, options, length)
        versions = LearntVersions(spec, rows, grid, adaptation)
        own = compared(spec, rows, grid, versions, adaptation)
        judged = int((grid.segment(rows.data.times) >= 0).sum())
        said = {
            "rows": len(rows), "judged": judged, "steps": grid.count,
            "step_days": grid.step / DAY, "lead_days": grid.lead / DAY,
        }  # fmt: skip
        click.echo(
            f"\n{spec.name}, {name}: {judged:,} events judged, {grid.count} steps of "
            f"{grid.step / DAY:.3g} days, training takes {grid.lead / DAY:.2g} days"
        )
        table(metric_of(spec), own)
        found["streams"][name] = {**said, "policies": {one.name: one.as_dict() for one in own}}
    return found


def streams(spec: DomainSpec, options: Options) -> Iterable[tuple[str, StreamRows, float]]:
    """Yield the streams: name, rows, and the length of what the first model learns (days)."""
    if options.data is not None:
        rows = logged(spec, file_slices(spec, options.data))
        whole = float(rows.data.times[-1] - rows.data.times[0]) / DAY
        yield options.data.name, rows, options.first or whole / 6
        return
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    if "change_day" not in spec.world.options:
        raise UsageError(f"the world of {spec.name} does not change: --data takes a file of it")
    first = options.first or spec.model.recipe.days
    step = options.step or spec.alerting.accuracy.span / DAY / 2
    delay = spec.labels.delay / DAY
    length = first + delay + (STEPS + 1) * step + delay
    for seed in seeds:
        for name, day in (("changed", first + delay + CHANGE * step), ("unchanged", 0.0)):
            world = {**spec.world.options, **spec.model.recipe.world, "change_day": day}
            rows = logged(spec, world_slices(spec, seed, world, length))
            yield f"{name}, seed {seed}", rows, first + delay


def grid_of(spec: DomainSpec, rows: StreamRows, options: Options, first: float) -> Grid:
    """Return the times at which a model may learn."""
    step = (options.step or spec.alerting.accuracy.span / DAY / (1 if options.data else 2)) * DAY
    lead = LEAD * step if options.lead is None else options.lead * DAY
    return Grid.over(rows.data.times, round(first * DAY), round(step), round(lead))


def policies(
    spec: DomainSpec, grid: Grid, versions: Versions, adaptation: Adaptation
) -> Mapping[str, Policy]:
    """Return the policies by name."""
    delay, own = spec.labels.delay, adaptation.policy
    accuracy = spec.alerting.accuracy
    span = max(1, round(accuracy.span / grid.step))
    alarm = partial(OnAlarm, own, delay, versions, span=span)
    loop = partial(
        alarm,
        metric=accuracy if Trigger.METRIC in own.triggers else None,
        features=Trigger.DRIFT in own.triggers,
        gated=True,
    )
    return {
        "never": Every(0),
        "every 8": Every(8),
        "every 4": Every(4),
        "every 2": Every(2),
        "always": Every(1),
        "metric": alarm(metric=accuracy),
        "errors": alarm(errors=True),
        "features": alarm(features=True),
        "metric, gated": alarm(metric=accuracy, gated=True),
        "errors, gated": alarm(errors=True, gated=True),
        "loop": loop(),
        "loop, then all": loop(again=True),
    }


def compared(
    spec: DomainSpec, rows: StreamRows, grid: Grid, versions: Versions, adaptation: Adaptation
) -> list[PolicyFigures]:
    """Play all policies over a stream."""
    # OpenMP's threads spin while they wait for each other; on a busy machine that takes longer.
    # A draw without positives counts not.
    with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
        played = {
            name: play(policy, rows, grid, versions)
            for name, policy in policies(spec, grid, versions, adaptation).items()
        }
        losses = loss_table(rows, grid, versions)
        return figures(metric_of(spec), played, losses, rows, grid, versions)


def table(metric: str, found: Iterable[PolicyFigures]) -> None:
    """Print figures."""
    click.echo(
        f"{'':<19}{'learnt':>7}{'taken':>6}  {'log loss':<27}{f'1 - {metric}':<27}"
        f"{'regret':<30}regret, as often"
    )
    for own in found:
        click.echo(
            f"{own.name:<19}{own.learnings:>7}{own.taken:>6}  {own.loss!s:<27}{own.lack!s:<27}"
            f"{own.regret!s:<30}{own.regret_as_often!s}"
        )
