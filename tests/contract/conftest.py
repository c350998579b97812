"""Fixtures of the contract tests, which run for every domain."""

from __future__ import annotations

import pytest

from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.simulator.testing.replay import champion
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Slice
from tests.contract.runs import days, small


@pytest.fixture(params=domain_names(), scope="module")
def domain(request: pytest.FixtureRequest) -> DomainSpec:
    return load_domain(request.param)


@pytest.fixture(scope="module")
def model(domain: DomainSpec, registry: Registry) -> Loaded:
    return champion(domain)


@pytest.fixture(scope="module")
def world(domain: DomainSpec) -> tuple[Slice, ...]:
    """Return the first days of the domain's small world; the tests of a module share it."""
    return tuple(small(domain, 7, days(domain)))
