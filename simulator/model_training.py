"""Train a domain's model on its world or on files: features in process, then the recipe."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from streamsim.consumers.state.account import LATE
from streamsim.models.labelled import Labelled
from streamsim.models.registry import Registry
from streamsim.models.thresholds import AlertBudget
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices, world_slices
from streamsim.simulator.file_identity import identity
from streamsim.simulator.in_process import Gathering, InProcess, as_records
from streamsim.simulator.training_code import training_code
from streamsim.simulator.training_period import Period, spelled, up_to
from streamsim.streams.domain_registry import add_folders, domain_folders, domain_names, load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.feature_vector import UNKNOWN
from streamsim.streams.spec.world import Slice

MOST_LATE = 0.2
"""Largest share of late events of a source that is in order of time."""
Progress = Callable[[str, float], None]
"""Called with the current step and the share of it that is done (0 to 1)."""


WORLD = "world of seed"
"""How the source of a model begins that learnt from a simulated world."""
SCORES_FROM = "scores_from"
"""Of a model that learnt from a file, the time from which on the file's events are new to it."""
IDENTITY = "identity"
"""Of such a model, the identity of the file; see :mod:`streamsim.simulator.file_identity`."""
LEFT_OUT = "left_out"
"""Of such a model, the features that stand on times which the file does not have."""


def ensure_champion(spec: DomainSpec, registry: Registry, progress: Progress) -> Signature:
    """Return the champion's signature; train and promote a model if no champion fits.

    A champion that was trained on the domain's world is replaced when a file in the domain's
    folder has changed since. A champion that was trained on a user's files stays.
    """
    name = spec.model.recipe.name
    champion = registry.champion(name)
    if champion is not None:
        release = registry.release(name, champion)
        fits = release.signature.feature_hash == spec.features.fingerprint
        fits &= release.signature.estimates == tuple(e.name for e in spec.model.estimates)
        if fits and release.data.get("definition") in (None, definition(spec)):
            return release.signature
    signature = train_on_world(spec, registry, progress)
    registry.promote(name, signature.version)
    return signature


def ensure_champions(registry: Registry, done: Callable[[str], None] = lambda name: None) -> None:
    """Call :func:`ensure_champion` for all domains, as many at a time as there are cores."""
    names = domain_names()
    # Spawned, not forked: the caller may have threads.
    with ProcessPoolExecutor(
        min(len(names), os.cpu_count() or 1), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        folders = domain_folders()
        training = {pool.submit(_ensure, name, registry.root, folders): name for name in names}
        for one in as_completed(training):
            one.result()
            done(training[one])


def _ensure(name: str, root: Path, folders: Sequence[str]) -> None:
    add_folders(folders)
    ensure_champion(load_domain(name), Registry(root), lambda what, share: None)


def train_on_world(
    spec: DomainSpec,
    registry: Registry,
    progress: Progress,
    seed: int | None = None,
    budget: AlertBudget | None = None,
) -> Signature:
    """Train on the recipe's world and set the threshold on its ordinary world."""
    from streamsim.models.training import train

    recipe = spec.model.recipe
    seed = recipe.seed if seed is None else seed
    share = 0.4

    def first(done: float) -> None:
        progress("learning from the world", done * share)

    def second(done: float) -> None:
        progress("setting the threshold", share + 0.1 + done * (0.8 - share))

    data = training_data(spec, world_slices(spec, seed, recipe.world, recipe.days, first))
    ordinary = training_data(
        spec, world_slices(spec, seed + 1, recipe.ordinary, recipe.ordinary_days, second)
    )
    progress("fitting", 0.9)
    signature = train(
        spec,
        registry,
        data,
        source=f"{WORLD} {seed}, {recipe.days} days, {dict(recipe.world)}",
        genuine=ordinary.features,
        about={"definition": definition(spec), "code": training_code(spec.name)},
        budget=budget,
    )
    progress("done", 1.0)
    return signature


def definition(spec: DomainSpec) -> str:
    """Return a fingerprint of the files that define a domain: its world, features and recipe."""
    folder = Path(str(sys.modules[f"streamsim.streams.domains.{spec.name}"].__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def train_on_files(
    spec: DomainSpec,
    registry: Registry,
    path: Path,
    period: Period,
    budget: AlertBudget | None = None,
    progress: Progress = lambda what, share: None,
) -> Signature:
    """Train on a period of a file; the features are computed from all that was before its end.

    The thresholds of alerts and of the rolling accuracy are learnt from the same period.

    Raises
    ------
    UsageError
        If the file has no events with a final label in the period.
    """
    from streamsim.models.training import train

    def read(done: float) -> None:
        progress(f"learning from {path.name}", 0.8 * done)

    sent: Counter[str] = Counter()

    def counted(slices: Iterable[Slice]) -> Iterator[Slice]:
        for piece in slices:
            for own in piece.emissions:
                sent[own.source] += len(own)
            yield piece

    data = training_data(spec, counted(up_to(file_slices(spec, path), period.known, read)))
    names = [source.name for source in spec.label_sources]
    if sent[spec.trigger.name] and not any(sent[name] for name in names):
        raise UsageError(
            f"{path} has no labels ({', '.join(names)}) of the events in the period to train on"
        )
    inside = (data.times >= period.since) & (data.times < period.until)
    if not inside.any():
        raise UsageError(f"{path} has no events in the period to train on whose label is final")
    about: dict[str, object] = {SCORES_FROM: spelled(period.known), IDENTITY: identity(path)}
    if undated := _undated(spec, path):
        about[LEFT_OUT] = undated
        # A column that is always unknown separates nothing, so the model does not use it.
        data.features[:, [spec.features.vector.names.index(name) for name in undated]] = UNKNOWN
    progress("fitting", 0.8)
    return train(
        spec,
        registry,
        data.take(inside),
        source=path.resolve().name,
        about=about,
        budget=budget,
        learns_accuracy=True,
    )


def _undated(spec: DomainSpec, path: Path) -> list[str]:
    """Return the features that stand on times which a file does not have."""
    from streamsim.producers.file_kinds import find_files

    kinds = [kind for _, kind in find_files(spec.inputs, path)]
    return sorted({name for kind in kinds for name in kind.undated})


def training_data(spec: DomainSpec, slices: Iterable[Slice]) -> Labelled:
    """Compute the features of all events and join their labels.

    Events whose label may still arrive after the last slice are left out.
    """
    gathering = Gathering(spec)
    domain = InProcess(spec, watch=gathering.watch)
    for _ in domain.run(as_records(spec, wire(spec, gathering.passing(slices)))):
        pass
    late = domain.pipeline.account.total(spec.trigger.name)[LATE]
    of = late + len(gathering)
    if late > MOST_LATE * of:
        raise UsageError(
            f"{late:,} of {of:,} events are late, so the source is not in order of "
            "time: sort it, or name a column that orders it ([file] order in a column map)"
        )
    whole, known = gathering.joined()
    for place, estimate in enumerate(spec.model.estimates):
        # Of the latest events only short durations are known yet: to keep them would be a bias.
        whole.numbers[whole.times + estimate.delay > gathering.end, place] = np.nan
    return whole.take(known & (whole.times + spec.labels.delay <= gathering.end))
