"""Load of a run with a fault: number of records and rate."""

from __future__ import annotations

from streamsim.simulator.domain_stream import world_slices
from streamsim.streams.spec import DAY, DomainSpec, Role

RECORDS, PER_SECOND = 12_500, 800.0
"""Records of all sources together, as a domain's context is work as well."""
FEWEST = 50
"""Minimum number of trigger events, beside the number of records."""


def days_of(spec: DomainSpec, seed: int, times: float = 1.0) -> float:
    """Return the event days in which a world sends the records of a run."""
    epoch, records, triggers, end = spec.world.epoch, 0, 0, spec.world.epoch
    roles = {source.name: source.role for source in spec.inputs.sources}
    for piece in world_slices(spec, seed, spec.world.options):
        for emission in piece.emissions:
            if emission.source in roles:
                records += len(emission.values)
                triggers += len(emission.values) * (roles[emission.source] is Role.TRIGGER)
        end = piece.until
        if records >= RECORDS * times and triggers >= FEWEST:
            break
    return (end - epoch) / DAY
