"""Benchmark of variety: quality of technology's slates by the diversity of their titles.

Neither the model nor a test has seen the worlds. Only the world knows the true similarity of
titles: the model uses the similarity in its own weights.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from streamsim.models.labelled import Labelled
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.model_training import training_data
from streamsim.simulator.testing.replay import champion
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.domains.technology.catalogue import catalogue
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import interval, per_draw

DIVERSITIES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
DAYS = 30
DRAWS = 500
LATEST = 5_000
"""Number of last events whose slates count for the coverage."""
CALL = 1_024
"""Rows of one timed call."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line. No test or tuning uses the seeds."""

    seeds: str = "2000003,2000029"


def run(options: Options) -> dict[str, Any]:
    """Measure every diversity on every world; print the figures and return them."""
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    model = champion(SPEC)
    recommender = model.estimator
    assert isinstance(recommender, SlateClassifier)
    click.echo(
        f"{model.signature.model} {model.signature.version}, whose own diversity is "
        f"{recommender.diversity:g}; {DAYS} days per seed\n"
        f"{'seed':>10}{'diversity':>11}{'hit rate':>28}{'unlike':>8}{'genres':>8}{'titles':>8}"
        f"{'rows/s':>9}"
    )
    rows = []
    for seed in seeds:
        data = training_data(SPEC, world_slices(SPEC, seed, SPEC.world.options, DAYS))
        for amount in DIVERSITIES:
            rows.append(
                {"seed": seed, "events": len(data.labels), **judged(recommender, data, amount)}
            )
            click.echo(_line(rows[-1]))
    return {"model": model.signature.version, "slates": rows}


def judged(recommender: SlateClassifier, data: Labelled, diversity: float) -> dict[str, Any]:
    """Return the figures of a diversity.

    Returns
    -------
    ``hits``, the share of slates with the title watched next, with its interval over users;
    ``unlike``, one minus the mean true cosine similarity of a slate's titles; ``genres`` of a
    slate; ``titles`` shown to any user; and rows per second of a call.
    """
    items = recommender.slates(data.features, diversity=diversity)
    right = (items == data.labels[:, None]).any(axis=1) & (data.labels > 0)
    hits = interval(_mean(right.astype(float)), data.entities.astype(str), draws=DRAWS)
    return {
        "diversity": diversity,
        "hits": hits.as_dict(),
        "unlike": unlikeness(items),
        "genres": float(np.mean([len(set(row)) for row in catalogue().genre[items - 1].tolist()])),
        "titles": len(np.unique(items[-LATEST:])),
        "rows_s": _speed(recommender, data, diversity),
    }


def unlikeness(items: Ints) -> float:
    """Return one less the mean cosine of two titles of a slate."""
    size, total = items.shape[1], 0.0
    for part in np.array_split(items, len(items) // CALL + 1):
        traits = catalogue().traits[part - 1]
        total += float((np.linalg.norm(traits.sum(axis=1), axis=1) ** 2 - size).sum())
    return float(1 - total / len(items) / size / (size - 1))


def _mean(values: Floats) -> Any:
    return per_draw(lambda own: float(np.average(values, weights=own)))


def _speed(recommender: SlateClassifier, data: Labelled, diversity: float) -> float:
    """Return rows per second of whole answers with scores, the best of five calls."""
    before, recommender.diversity = recommender.diversity, diversity
    try:
        took = [_took(recommender, data.features[-CALL:]) for _ in range(6)]
    finally:
        recommender.diversity = before
    return float(CALL / min(took[1:]))


def _took(recommender: SlateClassifier, rows: Any) -> float:
    began = time.perf_counter()
    recommender.recommend(rows)
    return time.perf_counter() - began


def _line(row: dict[str, Any]) -> str:
    hits = row["hits"]
    shown = f"{hits['value']:.4f} ({hits['low']:.4f} to {hits['high']:.4f})"
    return (
        f"{row['seed']:>10}{row['diversity']:>11.2f}{shown:>28}{row['unlike']:>8.3f}"
        f"{row['genres']:>8.2f}{row['titles']:>8}{row['rows_s']:>9,.0f}"
    )
