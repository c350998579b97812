"""Benchmark of renewals: the champion alone against its renewed versions, on unseen worlds.

Both run in process, through the pipeline of a worker: a version learns from the events before it
and scores those after it. Events from the first renewed version on are compared, event by event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import orjson

from streamsim.models.loaded import Loaded
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.testing.replay import champion
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.events import MODEL_VERSION, Floats, Ints
from streamsim.streams.labels import label_of, read_labels
from streamsim.streams.spec import DomainSpec, Role
from streamsim.streams.spec.renewals import champion_of
from streamsim.streams.spec.world import Slice
from streamsim.streams.statistics.intervals import Interval, interval, per_draw
from streamsim.streams.topics import SCORES, topic

DAYS, DRAWS = 60.0, 400


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line. No tuning has used the seeds."""

    domain: str = "technology"
    seeds: str = "31337,31338,31339"


@dataclass(frozen=True, slots=True)
class Compared:
    """Events with a known label, the same ones in both runs.

    Attributes
    ----------
    frozen, renewed
        Whether the slate of each was right: the champion's, and that of the valid version.
    label
        The true item of each.
    entity
        The entity of each.
    """

    frozen: Floats
    renewed: Floats
    label: Ints
    entity: Any

    def figure(self, which: Floats, rows: Any = slice(None)) -> Interval:
        """Return the mean over events, with its interval over entities."""
        values = which[rows]
        mean = per_draw(lambda own: float(np.average(values, weights=own)) if own.sum() else 0.0)
        return interval(mean, self.entity[rows], draws=DRAWS)


def run(options: Options) -> dict[str, Any]:
    """Compare on every seed; print the figures and return them.

    Raises
    ------
    ExpectationError
        If the lower end of the gain's interval is not above 0.
    """
    try:
        seeds = [int(text) for text in str(options.seeds).split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    spec = load_domain(options.domain)
    if spec.model.renewal is None or spec.model.slate is None:
        raise UsageError(f"the model of {spec.name} is not renewed, or puts nothing forward")
    model = champion(spec)
    size = spec.model.slate.size
    click.echo(
        f"{model.signature.model} {model.signature.version}, {DAYS:g} simulated days per "
        f"seed: share of slates of {size} that were right, from the first renewed version on\n"
        f"{'seed':>8}{'events':>9}  {'champion':<27}{'renewed':<27}{'gain':<28}new items: share, "
        "champion, renewed"
    )
    result = {}
    for seed in seeds:
        compared = compare(spec, model, seed, DAYS)
        figures = {
            "champion": compared.figure(compared.frozen),
            "renewed": compared.figure(compared.renewed),
            "gain": compared.figure(compared.renewed - compared.frozen),
        }
        new = compared.label > _known(model)
        fresh = [float(new.mean())]
        fresh += [float(hit[new].mean()) if new.any() else 0.0
                  for hit in (compared.frozen, compared.renewed)]  # fmt: skip
        click.echo(
            f"{seed:>8}{len(compared.label):>9,}  "
            + f"{figures['champion']!s:<27}{figures['renewed']!s:<27}{figures['gain']!s:<28}"
            + f"{fresh[0]:.3f}, {fresh[1]:.3f}, {fresh[2]:.3f}"
        )
        named = {name: figure.as_dict() for name, figure in figures.items()}
        result[str(seed)] = {"events": len(compared.label), **named, "new": fresh}
        if figures["gain"].low <= 0:
            raise ExpectationError(f"seed {seed}: renewals gain {figures['gain']}")
    return result


def compare(spec: DomainSpec, model: Loaded, seed: int, days: float, **options: float) -> Compared:
    """Run a world twice, with renewals and without.

    Parameters
    ----------
    options
        Options of the world, over its defaults.
    """
    slices = list(world_slices(spec, seed, {**spec.world.options, **options}, days))
    said = {source.name for source in spec.inputs.sources if source.role is Role.LABEL}
    labels = read_labels(spec.labels, (
        value
        for piece in slices
        for emission in piece.emissions
        if emission.source in said
        for value in emission.values
    ))  # fmt: skip
    frozen = _scores(spec, InProcess(spec, model.answer, model.signature), slices)
    renewing = InProcess(spec, model.answer, model.signature, renewed=model.estimator)
    renewed = {
        key: score
        for key, score in _scores(spec, renewing, slices).items()
        if champion_of(score[2]) != score[2]
    }
    ids = list(renewed)
    label, known = label_of(spec.labels, labels, ids)
    ids = [key for key, is_known in zip(ids, known.tolist(), strict=True) if is_known]
    right = [
        spec.model.truth(label[known], np.array([found[key][1] for key in ids])).astype(np.float64)
        for found in (frozen, renewed)
    ]
    return Compared(right[0], right[1], label[known], np.array([renewed[key][0] for key in ids]))


def _scores(
    spec: DomainSpec, domain: InProcess, slices: list[Slice]
) -> dict[str, tuple[str, list[int], str]]:
    """Return by event its entity, its slate and the version that scored it."""
    found = {}
    name = topic(spec.name, SCORES)
    batches = [*wire(spec, slices), finale(spec, slices[-1].until)]
    for record in domain.run(as_records(spec, batches)):
        if record.topic == name and record.value is not None:
            body, version = orjson.loads(record.value), dict(record.headers)[MODEL_VERSION]
            entity = body[spec.trigger.key]
            found[body["event_id"]] = entity, body["items"], version.decode()
    return found


def _known(model: Loaded) -> int:
    """Return the number of items that the champion knows; items with higher numbers are newer."""
    return len(getattr(model.estimator, "popularity_", ()))
