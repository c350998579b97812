"""Benchmark of a domain's model: scores, probabilities and estimates on unseen worlds.

The worlds have the default options, with as many entities as the training world. The intervals are
by bootstrap over the entities of all seeds together. Another benchmark is of the alerts
(:mod:`streamsim.benchmarks.alerts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click
import numpy as np

from streamsim.benchmarks.alerts import DAYS
from streamsim.benchmarks.measuring.judged_champion import about, judged_champion
from streamsim.models.labelled import Labelled
from streamsim.models.loaded import Loaded
from streamsim.models.training import judge_estimates, measure
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.model_training import training_data
from streamsim.streams.answers import estimates_of, items_of, scores_of
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.statistics.intervals import Interval

NEEDED = {"logistics": {"calibration_error": 0.02}}
"""Upper limits of the figures."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line. No tuning has used the seeds.

    A champion that was trained on files is judged only if ``trained_on_files`` is set.
    """

    domain: str = "logistics"
    seeds: str = "31337,31338,31339"
    trained_on_files: bool = False


def run(options: Options) -> dict[str, Any]:
    """Measure the model; print the figures and return them.

    Raises
    ------
    UsageError
        If the seeds are not numbers, or the champion was trained on files.
    ExpectationError
        If a figure is above the project's target.
    """
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    spec = load_domain(options.domain)
    model, release = judged_champion(spec, options.trained_on_files)
    needed = NEEDED.get(spec.name, {})
    data = together([unseen(spec, seed) for seed in seeds])
    figures = figures_of(spec, model, data)
    click.echo(
        f"{about(release)}\nworlds of seeds {options.seeds}: "
        f"{len(data.labels):,} events with final labels, of "
        f"{len(np.unique(data.entities.astype(str)))} {spec.alerting.rule.noun}s"
    )
    for name, figure in figures.items():
        click.echo(f"{name:36} {figure}")
    if short := {name: most for name, most in needed.items() if figures[name].value > most}:
        raise ExpectationError(f"above the targets: {short}")
    return {"figures": {name: asdict(figure) for name, figure in figures.items()}}


def unseen(spec: DomainSpec, seed: int) -> Labelled:
    """Return the rows of a world, with entities named by its seed."""
    sizes = {name: value for name, value in spec.model.recipe.world.items() if value > 10}
    days = DAYS.get(spec.name, 60.0) + spec.longest_delay / DAY
    data = training_data(spec, world_slices(spec, seed, {**spec.world.options, **sizes}, days))
    data.entities[:] = [f"{seed}/{entity}" for entity in data.entities]
    return data


def together(worlds: list[Labelled]) -> Labelled:
    """Concatenate the rows of several worlds."""
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
