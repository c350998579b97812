"""The domain that a benchmark of the engine runs, and the size of its world."""

from __future__ import annotations

from collections.abc import Mapping

from streamsim.models.registry import Registry
from streamsim.simulator.model_training import ensure_champion
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec

DOMAIN = "finance"
"""What is run where none is named: its figures stand beside those of other engines."""
WORLDS: Mapping[str, Mapping[str, float]] = {DOMAIN: {"cards": 5_000, "terminals": 5_000}}
"""Options of the worlds, where they are not the usual ones."""
KEYS = {
    DOMAIN: "cards",
    "healthcare": "patients",
    "logistics": "vehicles",
    "retail": "households",
    "technology": "users",
}
"""The option of each world that says how many entities it has."""


def subject(name: str) -> DomainSpec:
    """Load a domain, and train its model if there is none."""
    spec = load_domain(name)
    ensure_champion(spec, Registry(read_settings().home_path / "registry"), lambda *_: None)
    return spec


def usual_world(spec: DomainSpec) -> Mapping[str, float]:
    """Return the options of the world that a domain's engine is measured with."""
    return {**spec.world.options, **WORLDS.get(spec.name, {})}


def world_of(spec: DomainSpec, keys: int) -> Mapping[str, float]:
    """Return the options of a world with so many entities; of its other sizes, a tenth.

    Raises
    ------
    UsageError
        If it is not known which option that is.
    """
    if spec.name not in KEYS:
        raise UsageError(f"how many entities {spec.name} has cannot be said; try {', '.join(KEYS)}")
    others = dict.fromkeys(WORLDS.get(spec.name, {}), keys / 10)
    return {**spec.world.options, **others, KEYS[spec.name]: keys}
