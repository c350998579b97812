"""``streamsim models list|show|promote|diff``: what the registry has released."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from streamsim.models.checking.trial import try_model
from streamsim.models.registry import Registry
from streamsim.models.releasing.release import Release
from streamsim.simulator.commands import running_models
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec.renewals import champion_of

_SHOWN = ("source", "from", "to", "rows", "positives", "fingerprint", "definition")


def run_list() -> None:
    """List all models with their versions."""
    registry = _registry()
    for name in registry.models():
        _list(registry, name)


def run_show(model: str | None, version: str | None) -> None:
    """Print a version's card."""
    registry, name = _known("show", model)
    chosen = version or registry.champion(name)
    if chosen is None:
        raise UsageError(f"no version of {name} is the champion: name one")
    click.echo(registry.card(name, chosen))


def run_promote(
    model: str | None, version: str | None, why: str | None = None, run: str | None = None
) -> None:
    """Make a version the champion, and tell what a running stack does.

    A version that a run has made is promoted in that run alone.
    """
    if model is not None and version is not None and champion_of(version) != version:
        running_models.change("promote", model, version=version, why=why, run=run)
        return
    registry, name = _known("promote", model)
    if version is None:
        raise UsageError("models promote needs a version")
    registry.release(name, version)
    try_model(registry, name, version)
    registry.promote(name, version)
    click.echo(f"{name} {version} is champion")
    if run is not None or running_models.is_served(name):
        running_models.change("promote", name, version=version, why=why, run=run)
    else:
        click.echo(f"no running stack serves {name}; the next one begins with {version}")


def run_diff(model: str, first: str, second: str) -> None:
    """Print two versions side by side; a mark shows what differs."""
    registry, name = _known("diff", model)
    told = [dict(_told(registry, registry.release(name, own))) for own in (first, second)]
    rows = [("", first, second)]
    rows += [(key, told[0].get(key, "-"), told[1].get(key, "-")) for key in told[0] | told[1]]
    wide = [max(len(row[place]) for row in rows) for place in (0, 1)]
    click.echo(f"{name}")
    for what, own, other in rows:
        mark = "*" if what and own != other else " "
        click.echo(f"{mark} {what:{wide[0]}}  {own:{wide[1]}}  {other}".rstrip())


def algorithm(card: str) -> str:
    """Return the algorithm that a model's card names; empty if it names none.

    >>> algorithm("**Model.** LogisticRegression of 4 features, feature hash `1a`.")
    'LogisticRegression of 4 features'
    """
    found = re.search(r"^\*\*Model\.\*\* (.+?), feature hash", card, re.MULTILINE)
    return found[1] if found else ""


def _told(registry: Registry, release: Release) -> Iterator[tuple[str, str]]:
    """Yield what is compared of a version."""
    signature = release.signature
    yield "created", release.created
    yield "algorithm", algorithm(registry.card(signature.model, signature.version)) or "-"
    for name, value in release.metrics.items():
        yield name, f"{value:g}"
    yield "alerts from", f"{signature.threshold:g}"
    if signature.accuracy is not None:
        yield "accuracy low from", f"{signature.accuracy:g}"
    yield "features", f"{len(signature.features)} ({signature.feature_hash})"
    yield "ignored", ", ".join(signature.ignored) or "none"
    for key in _SHOWN:
        if key in release.data:
            value = release.data[key]
            yield key, f"{value:,}" if isinstance(value, int) else str(value)


def _registry() -> Registry:
    return Registry(read_settings().home_path / "registry")


def _known(action: str, model: str | None) -> tuple[Registry, str]:
    """Return the registry, and the name of a model that it has."""
    registry = _registry()
    if model is None:
        raise UsageError(f"models {action} needs the name of a model")
    if not registry.versions(model):
        raise ModelError(f"no model {model!r} in {registry.root}")
    return registry, model


def _list(registry: Registry, name: str) -> None:
    """Print the versions of a model; one that cannot be read does not keep the others back."""
    try:
        champion = registry.champion(name)
    except ModelError as error:
        click.echo(f"{name:20} {error}")
        champion = None
    for number in registry.versions(name):
        mark = "champion" if number == champion else ""
        try:
            release = registry.release(name, number)
            made = algorithm(registry.card(name, number))
        except ModelError as error:
            about = str(error)
        else:
            metric = ", ".join(f"{k} {v:g}" for k, v in release.metrics.items())
            about = "  ".join(filter(None, (release.created, made, metric)))
        click.echo(f"{name:20} {number:>4} {mark:9} {about}")
