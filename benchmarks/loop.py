"""Benchmark of the closed loop: a world changes, and the model is to follow, seed by seed.

Each seed has three runs in process: the changed world with the loop, the same without it, and the
unchanged world with the loop. A model that is renewed by the clock has the renewal for its loop.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from streamsim.benchmarks.closed_loop.driven_loop import Alone, Looped, Run, Told
from streamsim.benchmarks.closed_loop.loop_figures import LoopFigures, figures_of, together
from streamsim.benchmarks.closed_loop.loop_worlds import WORLDS, LoopWorld
from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import as_records
from streamsim.simulator.model_training import ensure_champion
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Records
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec

ROWS = 2_048
"""Records that the pipeline takes at a time. What is decided in a step holds after it."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line. No tuning has used the seeds."""

    domain: str = "finance"
    seeds: str = "4101,4102,4103,4104,4105,4106,4107,4108,4109,4110"


def run(options: Options) -> dict[str, Any]:
    """Run every seed; print the figures and return them."""
    try:
        seeds = [int(text) for text in str(options.seeds).split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    spec = load_domain(options.domain)
    world = WORLDS.get(spec.name)
    if world is None or "change_day" not in spec.world.options:
        raise UsageError(f"bench loop has no world of {spec.name}; it has {', '.join(WORLDS)}")
    model = _champion(spec)
    accuracy = spec.alerting.accuracy
    click.echo(
        f"{model.signature.model} {model.signature.version}: {world.days:.4g} days, change at "
        f"{world.change_day:.4g}; {accuracy.metric} of {world.judged:.4g} days before it and at "
        f"the end; back is within {accuracy.margin:g} of before\n{HEAD}"
    )
    found: list[LoopFigures] = []
    result: dict[str, Any] = {"world": asdict(world), "seeds": {}}
    for seed in seeds:
        began = time.perf_counter()
        told = three_runs(spec, model, world, seed)
        own = figures_of(spec, world, *told.values())
        seconds = time.perf_counter() - began
        found.append(own)
        click.echo(f"{seed:>8}{_line(own)}{seconds:>7.0f}")
        result["seeds"][str(seed)] = {
            **asdict(own), "recovery": own.recovery, "seconds": round(seconds, 1),
            "happened": {name: [asdict(h) for h in one.happened] for name, one in told.items()},
        }  # fmt: skip
    totals = together(found, accuracy.margin)
    for name, figure in totals.items():
        click.echo(f"{name:20} {figure}")
    result["together"] = {name: figure.as_dict() for name, figure in totals.items()}
    return result


HEAD = (
    f"{'seed':>8}{'detected':>10}{'promoted':>10}{'back':>10}{'before':>8}{'lowest':>8}{'end':>7}"
    f"{'control':>9}{'unchanged':>11}{'recovery':>10}  learnt, promoted, refused, back   "
    "in vain: alarms, learnt, promoted      s"
)


def _line(own: LoopFigures) -> str:
    did = f"{own.learnings}, {own.promotions}, {own.refused}, {own.rolled_back}"
    idle = f"{own.false_alarms}, {own.false_learnings}, {own.false_promotions}"
    return (
        f"{own.detected:>8.3g} d{own.promoted:>8.3g} d{own.back:>8.3g} d"
        f"{own.before:>8.3f}{own.lowest:>8.3f}{own.end:>7.3f}{own.control:>9.3f}{own.unchanged:>11.3f}{own.recovery:>10.2f}"
        f"  {did:<33}{idle:<31}"
    )


def three_runs(spec: DomainSpec, model: Loaded, world: LoopWorld, seed: int) -> dict[str, Told]:
    """Run a seed: changed with the loop, changed without, unchanged with the loop."""
    with TemporaryDirectory() as changed, TemporaryDirectory() as same:
        looped, control = _looped(spec, model, Path(changed)), Alone(spec, model)
        _play(records_of(spec, world, seed), looped, control)
        unchanged = _looped(spec, model, Path(same))
        still = replace(world, options={**world.options, "change_day": 0})
        _play(records_of(spec, still, seed), unchanged)
    return {
        "looped": looped.told(), "control": control.told(), "unchanged": unchanged.told()
    }  # fmt: skip


def records_of(spec: DomainSpec, world: LoopWorld, seed: int) -> Iterator[Records]:
    """Return the records of a world, as a broker would hand them out."""
    options: Mapping[str, float] = {
        **spec.world.options, "change_day": world.change_day, **world.options
    }  # fmt: skip
    return as_records(spec, wire(spec, world_slices(spec, seed, options, world.days)), ROWS)


def _play(records: Iterator[Records], *runs: Run) -> None:
    for piece in records:
        for run in runs:
            run.take(piece)


def _looped(spec: DomainSpec, model: Loaded, folder: Path) -> Run:
    if spec.model.renewal is not None:
        return Alone(spec, model, renewed=True)
    return Looped(spec, model, folder)


def _champion(spec: DomainSpec) -> Loaded:
    """Return the champion: any that knows the features, for what it was trained on is no matter."""
    registry, name = Registry(read_settings().home_path / "registry"), spec.model.recipe.name
    version = registry.champion(name)
    if version is not None:
        signature = registry.release(name, version).signature
        if signature.feature_hash == spec.features.fingerprint:
            return Loaded(*registry.load(name, version))
    signature = ensure_champion(spec, registry, lambda what, share: None)
    return Loaded(*registry.load(name, signature.version))
