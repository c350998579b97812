"""How good is a domain's model? Scores, chances and estimates on worlds that no tuning has seen.

Worlds of the usual kind, with as many entities as the model has learnt from: these are what is
drawn again for the intervals, those of all seeds together. What the alerts are worth is another
question (:mod:`streamsim.benchmarks.alerts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click
import numpy as np

from streamsim.benchmarks.alerts import DAYS
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import Loaded
from streamsim.models.training import judge_estimates, measure
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.model_training import training_data
from streamsim.simulator.testing.replay import champion
from streamsim.streams.answers import estimates_of, items_of, scores_of
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.statistics.intervals import Interval

NEEDED = {"logistics": {"calibration_error": 0.02}}
"""At most."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may say; the seeds are those that no tuning has seen."""

    domain: str = "logistics"
    seeds: str = "31337,31338,31339"


def run(options: Options) -> dict[str, Any]:
    """Measure, print and return the figures.

    Raises
    ------
    UsageError
        If the seeds are no numbers.
    ExpectationError
        If a figure is above what the project promises.
    """
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    spec = load_domain(options.domain)
    model, needed = champion(spec), NEEDED.get(spec.name, {})
    data = together([unseen(spec, seed) for seed in seeds])
    figures = figures_of(spec, model, data)
    click.echo(
        f"{model.signature.model} {model.signature.version}, worlds of seeds {options.seeds}: "
        f"{len(data.labels):,} events with final labels, of "
        f"{len(np.unique(data.entities.astype(str)))} {spec.alerting.rule.noun}s"
    )
    for name, figure in figures.items():
        click.echo(f"{name:36} {figure}")
    if short := {name: most for name, most in needed.items() if figures[name].value > most}:
        raise ExpectationError(f"more than is promised: {short}")
    return {"figures": {name: asdict(figure) for name, figure in figures.items()}}


def unseen(spec: DomainSpec, seed: int) -> Labelled:
    """Make the rows of a world, entities named by its seed."""
    sizes = {name: value for name, value in spec.model.recipe.world.items() if value > 10}
    days = DAYS.get(spec.name, 60.0) + spec.longest_delay / DAY
    data = training_data(spec, world_slices(spec, seed, {**spec.world.options, **sizes}, days))
    data.entities[:] = [f"{seed}/{entity}" for entity in data.entities]
    return data


def together(worlds: list[Labelled]) -> Labelled:
    """Put the rows of several worlds one after the other."""
    names = ("features", "labels", "times", "entities", "numbers")
    columns: Mapping[str, Any] = {
        name: np.concatenate([getattr(world, name) for world in worlds]) for name in names
    }
    return Labelled(**columns)


def figures_of(spec: DomainSpec, model: Loaded, data: Labelled) -> dict[str, Interval]:
    """Return the model's figures over rows that it has not seen."""
    answer, n = model.answer(data.features), len(spec.model.estimates)
    truth = spec.model.truth(data.labels, items_of(answer, n))
    return {
        **measure(truth, data.entities, scores_of(answer)),
        **judge_estimates(spec.model, data, estimates_of(answer, n)),
    }
