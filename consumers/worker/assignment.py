"""Assignment: which partitions of a domain the group has assigned to this worker."""

from __future__ import annotations

from faust.types import TP

from streamsim.streams.errors import StackError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic


def assigned_partitions(spec: DomainSpec, assigned: frozenset[TP]) -> list[int]:
    """Return the assigned partitions of a domain, in order: all its sources have the same.

    Raises
    ------
    StackError
        If the sources were assigned different partitions.
    """
    own = {
        source.name: {tp.partition for tp in assigned if tp.topic == topic(spec.name, source.name)}
        for source in spec.inputs.sources
    }
    partitions = own[spec.trigger.name]
    if any(other != partitions for other in own.values()):
        raise StackError(f"the sources of {spec.name} were assigned different partitions: {own}")
    return sorted(partitions)
