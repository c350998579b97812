"""How much a run with a fault is given to do, and how fast."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.training import world_slices
from streams.spec import DAY, DomainSpec, Role

RECORDS, PER_SECOND = 12_500, 800.0
"""Records of all sources together: what a domain has to do is in its context as well."""
FEWEST = 50
"""Events of the trigger, however many other records go with them."""


@dataclass(frozen=True, slots=True)
class Load:
    """A stretch of a domain's world, and its pace.

    Attributes
    ----------
    days
        Its length (event days).
    rate
        Events of the trigger per second, so that all sources have :data:`PER_SECOND` together.
    triggers
        How many of these events there are.
    """

    days: float
    rate: float
    triggers: int


def load_of(spec: DomainSpec, seed: int, times: float = 1.0) -> Load:
    """Measure how long a world goes on until it has sent its records, and what they are."""
    epoch, records, triggers, end = spec.timeline.epoch, 0, 0, spec.timeline.epoch
    roles = {source.name: source.role for source in spec.sources}
    for piece in world_slices(spec, seed, spec.options):
        for emission in piece.emissions:
            if emission.source in roles:
                records += len(emission.values)
                triggers += len(emission.values) * (roles[emission.source] is Role.TRIGGER)
        end = piece.until
        if records >= RECORDS * times and triggers >= FEWEST:
            break
    return Load((end - epoch) / DAY, PER_SECOND * triggers / records, triggers)
