"""Versions of a model to swap between: its champion, and others that score otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from streamsim.models.fitting import fit
from streamsim.models.loaded import answer
from streamsim.models.registry import Registry
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.model_training import ensure_champion, training_data
from streamsim.streams.answers import scores_of
from streamsim.streams.errors import ModelError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DAY, DomainSpec

OTHERS = 3
LEARNT = 0.4
"""Share of the recipe's days that the others learn from, all together."""
DELAYS = 3
"""Least days that they learn from, as a multiple of the labels' delay."""
DIFFERING = 0.1
"""Least share of the events on which another version must score otherwise."""


def make_versions(spec: DomainSpec, home: Path, seed: int = 0) -> Sequence[str]:
    """Release a domain's champion and other versions in a home of its own.

    The others are made by the champion's recipe, each on another part of a world. Each has an own
    threshold, which as many of its scores reach as the champion's reach its own.

    Returns
    -------
    All versions, the champion first.

    Raises
    ------
    ModelError
        If a version scores as the champion does.
    """
    registry = Registry(read_settings().home_path / "registry")
    champion = ensure_champion(spec, registry, lambda what, share: None)
    own, recipe = Registry(home / "registry"), spec.model.recipe
    own.adopt(registry.root / champion.model / champion.version)
    own.promote(champion.model, champion.version)
    days = min(recipe.days, max(recipe.days * LEARNT, DELAYS * spec.labels.delay / DAY))
    data = training_data(spec, world_slices(spec, recipe.seed + seed + 1, recipe.world, days))
    rule = spec.alerting.rule
    theirs = scores_of(answer(own.load(champion.model, champion.version)[0], data.features))
    share = float((rule.risks(theirs, data.features) < champion.threshold).mean())
    versions = [champion.version]
    for number in range(OTHERS):
        part = data.take(np.arange(len(data.labels)) % OTHERS != number)
        estimator = fit(spec, part, seed + number).estimator
        scores = scores_of(answer(estimator, data.features))
        if (np.round(scores, 6) != np.round(theirs, 6)).mean() < DIFFERING:
            raise ModelError(f"another version of {champion.model} scores as the champion does")
        threshold = float(np.quantile(rule.risks(scores, data.features), share))
        released = own.add(
            estimator,
            replace(champion, threshold=round(min(max(threshold, 0.01), 0.99), 6)),
            metrics={},
            data={"source": f"a part of a world, for {champion.model} {champion.version}"},
            card="# {version}\n",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        versions.append(released.version)
    return versions
