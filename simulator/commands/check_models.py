"""``streamsim models check``: recipes on small fixed worlds against a committed reference."""

from __future__ import annotations

import pkgutil
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from streamsim.models.recipe_check.recipe_gates import (
    Gate,
    Measured,
    Reference,
    gates,
    incomparable,
)
from streamsim.models.recipe_check.reference_file import (
    libraries,
    read_reference,
    write_reference,
)
from streamsim.simulator.recipe_worlds import measure_recipes, own_world
from streamsim.streams.domain_registry import domain_folders, domain_names, load_domain
from streamsim.streams.errors import ExpectationError, ModelError, UsageError


def run_check(*, domains: Sequence[str], reference: Path, update: bool) -> None:
    """Train and judge recipes, and compare them with the reference.

    Raises
    ------
    ExpectationError
        If a recipe is worse, or cannot be trained.
    UsageError
        If a domain has no reference, or one that cannot be compared with.
    """
    names = list(dict.fromkeys(domains)) or _own_domains()
    specs = {name: load_domain(name) for name in names}
    kept = read_reference(reference)
    missing = [name for name in names if name not in kept]
    if missing and not update:
        raise UsageError(
            f"{reference} has no reference for {', '.join(missing)}: "
            f"{_how(missing, reference)} makes one"
        )
    worlds = {n: kept[n].world if n in kept else own_world(spec) for n, spec in specs.items()}
    found = measure_recipes(worlds, lambda name: click.echo(f"{name} is judged", err=True))
    if update:
        _update(found, kept, reference)
        return
    _judge(found, kept, reference)


def _own_domains() -> list[str]:
    """Return the domains of the user's folders; all domains if there are none."""
    own = sorted(m.name for m in pkgutil.iter_modules(domain_folders()[1:]) if m.ispkg)
    return own or list(domain_names())


def _how(names: Sequence[str], reference: Path) -> str:
    told = ["--update", "--reference", str(reference)]
    return shlex.join(["streamsim", "models", "check", *names, *told])


def _update(
    found: Mapping[str, Measured | str], kept: Mapping[str, Reference], reference: Path
) -> None:
    """Write the reference anew; print how it compares with the one before."""
    measured = {name: own for name, own in found.items() if isinstance(own, Measured)}
    for name, own in found.items():
        if isinstance(own, str):
            raise ModelError(f"{name} cannot be trained: {own}")
        if own.refused:
            raise ModelError(f"{name} cannot be a reference: {own.refused}")
    for name, own in measured.items():
        old = kept.get(name)
        _print(name, own, gates(own, old) if old and not incomparable(own, old) else _alone(own))
    write_reference(reference, measured)
    click.echo(f"{reference} has the figures of {', '.join(measured)}")


def _judge(
    found: Mapping[str, Measured | str], kept: Mapping[str, Reference], reference: Path
) -> None:
    worse, stale = [], []
    for name, own in found.items():
        if isinstance(own, str):
            click.echo(f"{name} cannot be trained: {own}\n")
            worse.append(f"{name} (cannot be trained)")
        elif why := incomparable(own, kept[name]):
            _print(name, own, _alone(own))
            stale.append(f"{name} cannot be compared, {why}{_other_libraries(kept[name])}")
        else:
            judged = gates(own, kept[name])
            _print(name, own, judged)
            if failed := [gate.name for gate in judged if gate.passed is False]:
                worse.append(f"{name} ({', '.join(failed)})")
    if worse:
        raise ExpectationError("; ".join([f"worse than {reference}: {', '.join(worse)}", *stale]))
    if stale:
        names = [line.split()[0] for line in stale]
        again = _how(names, reference)
        raise UsageError(f"{'; '.join(stale)}. If that is meant, {again} makes the reference anew")
    click.echo(f"no recipe is worse than {reference}: {', '.join(found)}")


def _other_libraries(kept: Reference) -> str:
    now = libraries()
    other = [f"{n} {v}, now {now.get(n)}" for n, v in kept.libraries.items() if now.get(n) != v]
    return f" ({'; '.join(other)})" if other else ""


def _alone(own: Measured) -> list[Gate]:
    """Return the figures for a table without a comparison."""
    found = [
        Gate(name, f"{f.value:.4f} ({f.low:.4f} to {f.high:.4f})")
        for name, f in own.figures.items()
    ]
    size = Gate("size (bytes)", f"{own.size:,}")
    return [*found, size, Gate("loads apart", own.refused or "yes"), Gate("features", own.features)]


def _print(name: str, own: Measured, judged: Sequence[Gate]) -> None:
    world = own.world
    click.echo(
        f"{name}: {own.model} learnt from {own.learnt[0]:,} events and is judged on "
        f"{own.judged[0]:,} later ones, {own.judged[1]:,} positive "
        f"(world of seed {world.seed}, {world.days:.4g} days)"
    )
    head = ("figure", "now", "reference", "change", "bound", "")
    rows: list[tuple[str, ...]] = [head]
    rows += [(g.name, g.now, g.reference, g.change, g.bound, g.verdict) for g in judged]
    if not any(gate.reference for gate in judged):
        rows = [row[:2] for row in rows]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo(f"  {'  '.join(map(str.ljust, row, wide))}".rstrip())
    click.echo(f"  fitted in {own.fit_s:.1f} s, 1,024 events scored in {own.score_ms:.1f} ms\n")
