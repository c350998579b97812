"""Champions for the tests: trained by the code of now, and only where there are none yet."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from streamsim.models.registry import Registry
from streamsim.simulator.model_training import ensure_champions
from streamsim.simulator.training_code import training_code
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import ModelError
from streamsim.streams.spec import DomainSpec

FIRST = "1"


def fill(registry: Registry, kept: Path, others: Path) -> None:
    """Give every domain its champion, version 1.

    Parameters
    ----------
    kept
        Folder in which champions are kept for the next run.
    others
        A registry that may have them as well: ``make setup`` has trained one.
    """
    kept.mkdir(parents=True, exist_ok=True)
    specs = [load_domain(name) for name in domain_names()]
    with (kept / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may run the tests
        for spec in specs:
            for root in (kept, others):
                if fits(Registry(root), spec):
                    copy(spec.model.recipe.name, root, registry.root)
                    break
        if not all(fits(registry, spec) for spec in specs):
            ensure_champions(registry)
        for spec in specs:
            if not fits(Registry(kept), spec):
                copy(spec.model.recipe.name, registry.root, kept)


def stale(kept: Path, others: Path) -> list[str]:
    """Return the domains whose champion has to be trained first."""
    registries = [Registry(kept), Registry(others)]
    specs = map(load_domain, domain_names())
    return [spec.name for spec in specs if not any(fits(r, spec) for r in registries)]


def fits(registry: Registry, spec: DomainSpec) -> bool:
    """Say whether a domain's champion is what training it now would make."""
    name, recipe = spec.model.recipe.name, spec.model.recipe
    if registry.champion(name) != FIRST:
        return False
    try:
        data = registry.release(name, FIRST).data
    except ModelError:
        return False
    same = str(data["source"]).startswith(f"world of seed {recipe.seed}, ")
    return same and data.get("code") == training_code(spec.name)


def copy(name: str, origin: Path, to: Path) -> None:
    """Copy a model's first version, its champion, in place of what is there."""
    shutil.rmtree(to / name, ignore_errors=True)
    shutil.copytree(origin / name / FIRST, to / name / FIRST)
    copied = Registry(to)
    copied.mark_tried(copied.release(name, FIRST).sha256)
    copied.promote(name, FIRST)
