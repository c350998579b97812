"""The domain that an engine benchmark runs, and the size of its world."""

from __future__ import annotations

from collections.abc import Mapping

from streamsim.models.registry import Registry
from streamsim.simulator.model_training import ensure_champion
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec

DOMAIN = "finance"
"""The default domain, whose figures are compared with those of other engines."""
WORLDS: Mapping[str, Mapping[str, float]] = {DOMAIN: {"cards": 5_000, "terminals": 5_000}}
"""Options of the worlds that differ from their defaults."""
KEYS = {
    DOMAIN: "cards",
    "healthcare": "patients",
    "logistics": "vehicles",
    "retail": "households",
    "technology": "users",
}
"""The option of each world for its number of entities."""


def subject(name: str) -> DomainSpec:
    """Load a domain; train its model if it has none."""
    spec = load_domain(name)
    ensure_champion(spec, Registry(read_settings().home_path / "registry"), lambda *_: None)
    return spec


def usual_world(spec: DomainSpec) -> Mapping[str, float]:
    """Return the options of the world for a domain's engine benchmarks."""
    return {**spec.world.options, **WORLDS.get(spec.name, {})}


def world_of(spec: DomainSpec, keys: int) -> Mapping[str, float]:
    """Return the options of a world with ``keys`` entities, and a tenth of it in other sizes.

    Raises
    ------
    UsageError
        If the domain has no known option for its number of entities.
    """
    if spec.name not in KEYS:
        raise UsageError(
            f"the number of entities of {spec.name} has no option; try {', '.join(KEYS)}"
        )
    others = dict.fromkeys(WORLDS.get(spec.name, {}), keys / 10)
    return {**spec.world.options, **others, KEYS[spec.name]: keys}
