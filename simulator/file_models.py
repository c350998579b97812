"""File models: which model judges a user's file, and which of its events are new to that model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from streamsim.models.registry import Registry
from streamsim.models.releasing.release import Release
from streamsim.producers.recording import read_manifest
from streamsim.simulator.file_identity import is_same
from streamsim.simulator.model_training import IDENTITY, SCORES_FROM, WORLD
from streamsim.simulator.training_period import parse_day
from streamsim.streams.errors import UsageError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


def doubts(
    specs: Iterable[DomainSpec],
    champions: Iterable[Signature],
    registry: Registry,
    sources: Mapping[str, Path],
    columns: Mapping[str, Path],
    score_from: Mapping[str, int],
) -> list[str]:
    """Say which files are judged by a model that learnt from a simulated world, or from them.

    A recording is a stream of its own: its model is the one that it was recorded with.

    Parameters
    ----------
    sources, columns, score_from
        Of a run, by domain: its file, its column map, the time of its first scored event (ms).
    """
    said = []
    for spec, champion in zip(specs, champions, strict=True):
        path = sources.get(spec.name)
        if path is None or _is_recording(path):
            continue
        release = registry.release(champion.model, champion.version)
        told = f" --columns {columns[spec.name]}" if spec.name in columns else ""
        if str(release.data.get("source")).startswith(WORLD):
            said.append(
                f"{spec.name}: the model learnt from a simulated world, which is no judge of "
                f"{path.name}; train one on it: streamsim train {spec.name} --source {path}"
                f"{told} --first 70%"
            )
        elif _learnt_from(release, path) and _is_early(release, score_from.get(spec.name)):
            said.append(
                f"{spec.name}: the model learnt from events of {path.name} that it now scores; "
                "to score only what came after: --after-training"
            )
    return said


def after_training(
    specs: Iterable[DomainSpec], registry: Registry, sources: Mapping[str, Path]
) -> dict[str, int]:
    """Return, by domain, the time from which its file's events are new to its champion (ms).

    Raises
    ------
    UsageError
        If there is no file, or a champion did not learn from its domain's file.
    """
    if not sources:
        raise UsageError("--after-training goes with --source")
    found = {}
    for spec in specs:
        path = sources.get(spec.name)
        if path is None:
            continue
        if _is_recording(path):
            raise UsageError(f"--after-training: {path.name} is a recording, no file to learn from")
        name = spec.model.recipe.name
        champion = registry.champion(name)
        release = None if champion is None else registry.release(name, champion)
        fits = release is not None and release.signature.feature_hash == spec.features.fingerprint
        if release is None or not fits or not _learnt_from(release, path):
            raise UsageError(
                f"--after-training: the model of {spec.name} did not learn from {path.name}; "
                f"train one on it: streamsim train {spec.name} --source {path} --first 70%"
            )
        found[spec.name] = parse_day(str(release.data[SCORES_FROM]))
    return found


def _is_recording(path: Path) -> bool:
    return path.is_file() and read_manifest(path) is not None


def _learnt_from(release: Release, path: Path) -> bool:
    known = release.data.get(IDENTITY)
    return SCORES_FROM in release.data and known is not None and is_same(known, path)


def _is_early(release: Release, score_from: int | None) -> bool:
    """Say whether events are scored that the model learnt from."""
    return score_from is None or score_from < parse_day(str(release.data[SCORES_FROM]))
