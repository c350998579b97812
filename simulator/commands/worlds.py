"""Options of simulated worlds on the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DomainSpec


def worlds_of(texts: Sequence[str], specs: Sequence[DomainSpec]) -> dict[str, dict[str, float]]:
    """Read ``DOMAIN.OPTION=VALUE``; return the options by domain.

    Raises
    ------
    UsageError
        If a domain is not run, its world has no such option, or a value is no number.
    """
    known = {spec.name: spec for spec in specs}
    found: dict[str, dict[str, float]] = {}
    for text in texts:
        place, _, value = text.partition("=")
        domain, _, option = place.partition(".")
        if domain not in known:
            raise UsageError(f"--world takes DOMAIN.OPTION=VALUE of a domain that is run: {text!r}")
        own = options_of([f"{option}={value}"], known[domain])
        found[domain] = {**found.get(domain, {}), **own}
    return found


def options_of(texts: Sequence[str], spec: DomainSpec) -> dict[str, float]:
    """Read ``OPTION=VALUE`` of a domain's world.

    Raises
    ------
    UsageError
        If the world has no such option, or the value is no number.
    """
    found: dict[str, float] = {}
    for text in texts:
        option, _, value = text.partition("=")
        if option not in spec.world.options:
            names = ", ".join(spec.world.options)
            raise UsageError(f"the world of {spec.name} has no {option!r}; it has: {names}")
        try:
            found[option] = float(value)
        except ValueError:
            raise UsageError(f"{option} is a number, not {value!r}") from None
        if not math.isfinite(found[option]):
            raise UsageError(f"{option} is a finite number, not {value!r}")
    return found


def demos(specs: Sequence[DomainSpec]) -> dict[str, Mapping[str, float]]:
    """Return the options of worlds that are run as a demonstration, at their own pace."""
    return {spec.name: spec.world.demo for spec in specs if spec.world.demo}
