"""A worker's partitions of a domain: those of the trigger, and the same of every other source."""

from __future__ import annotations

import pytest
from faust.types import TP

from streamsim.consumers.worker.assignment import assigned_partitions
from streamsim.streams.errors import StackError
from streamsim.streams.spec import DomainSpec


def of(spec: DomainSpec, *partitions: int) -> set[TP]:
    names = [source.name for source in spec.inputs.sources]
    return {TP(f"{spec.name}.{name}", p) for name in names for p in partitions}


def test_the_partitions_are_those_of_all_sources_of_the_domain(
    finance: DomainSpec, retail: DomainSpec
) -> None:
    assigned = frozenset(of(finance, 5, 1) | of(retail, 0, 3))
    assert assigned_partitions(finance, assigned) == [1, 5]
    assert assigned_partitions(retail, assigned) == [0, 3]
    assert assigned_partitions(finance, frozenset(of(retail, 0))) == []


def test_sources_with_different_partitions_end_the_worker(finance: DomainSpec) -> None:
    assigned = of(finance, 1, 5) - {TP("finance.chargebacks", 5)}
    with pytest.raises(StackError, match="sources of finance were assigned different partitions"):
        assigned_partitions(finance, frozenset(assigned))
