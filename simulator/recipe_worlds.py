"""Recipes on fixed worlds: trained in memory on a world's first part, judged on the rest."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np

from streamsim.models.labelled import Labelled
from streamsim.models.loaded import answer
from streamsim.models.recipe_check.clean_load import load_apart
from streamsim.models.recipe_check.earlier_later import apart
from streamsim.models.recipe_check.recipe_figures import (
    fit_by_recipe,
    intervals,
    numbered,
    paired,
)
from streamsim.models.recipe_check.recipe_gates import FixedWorld, Measured
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.model_training import training_data
from streamsim.streams.domain_registry import add_folders, domain_folders, load_domain
from streamsim.streams.errors import StreamsimError, UsageError
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.statistics.intervals import weights

AFTER = 2
"""Distance from the recipe's seed; its training worlds have that seed and the next."""
ROWS = 1024


def own_world(spec: DomainSpec) -> FixedWorld:
    """Return the world of a domain that has no reference: like the recipe's, of another seed."""
    recipe = spec.model.recipe
    return FixedWorld(recipe.seed + AFTER, recipe.days, dict(recipe.world))


def measure_recipe(spec: DomainSpec, world: FixedWorld) -> Measured:
    """Train and judge one recipe.

    Raises
    ------
    ModelError
        If the world is too short, or has next to none of a class.
    """
    if unknown := sorted(world.options.keys() - spec.world.options.keys()):
        raise UsageError(f"the world of {spec.name} has no option {', '.join(unknown)}")
    data = training_data(spec, world_slices(spec, world.seed, world.options, world.days))
    earlier, later, _ = apart(spec, data)
    began = time.perf_counter()
    fitted = fit_by_recipe(spec, earlier)
    fit_s = time.perf_counter() - began
    figures, positives = intervals(spec, fitted.estimator, later)
    size, refused = load_apart(spec, fitted, earlier.features)
    return Measured(
        model=spec.model.recipe.name,
        world=world,
        learnt=(len(earlier.labels), _positives(spec, earlier)),
        judged=(len(later.labels), positives),
        rows=_fingerprint(earlier, later),
        features=spec.features.fingerprint,
        figures=figures,
        paired=paired(spec, earlier, later),
        size=size,
        refused=refused,
        fit_s=fit_s,
        score_ms=_score_ms(fitted.estimator, later),
    )


def measure_recipes(
    worlds: Mapping[str, FixedWorld],
    done: Callable[[str], None] = lambda name: None,
) -> dict[str, Measured | str]:
    """Train and judge the recipes of several domains, as many at a time as there are cores.

    Returns
    -------
    What was measured by domain, or why it could not be.
    """
    found: dict[str, Measured | str] = {}
    # Spawned, not forked: the caller may have threads.
    with ProcessPoolExecutor(
        max(1, min(len(worlds), os.cpu_count() or 1)),
        mp_context=multiprocessing.get_context("spawn"),
    ) as pool:
        folders = domain_folders()
        running = {
            pool.submit(_measure, name, world, folders): name for name, world in worlds.items()
        }
        for one in as_completed(running):
            found[running[one]] = one.result()
            done(running[one])
    return {name: found[name] for name in worlds}


def _measure(name: str, world: FixedWorld, folders: Sequence[str]) -> Measured | str:
    add_folders(folders)
    try:
        return measure_recipe(load_domain(name), world)
    except StreamsimError as error:
        return str(error)
    except Exception as error:  # of any kind: the recipe is the user's
        return f"{error!r}"[:300]


def _positives(spec: DomainSpec, data: Labelled) -> int:
    """Count positive labels; with a slate, labels name items, and those above 0 are counted."""
    return int((data.labels > 0).sum() if spec.model.slate else (data.labels == 1).sum())


def _fingerprint(*parts: Labelled) -> str:
    """Return a hash of events, their labels and the draws of their entities; not of features."""
    digest = hashlib.sha256()
    for data in parts:
        group = numbered(data.entities)
        for array in (data.labels, data.times, group, next(weights(group))[0]):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _score_ms(estimator: Estimator, data: Labelled) -> float:
    """Return the median time to score 1,024 rows, or as many as there are (ms)."""
    rows = data.features[:ROWS]
    taken = []
    for _ in range(9):
        began = time.perf_counter()
        answer(estimator, rows)
        taken.append((time.perf_counter() - began) * 1e3)
    return float(np.median(taken))
