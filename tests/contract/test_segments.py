"""The segments of every domain: a column that its events have, with few values."""

from __future__ import annotations

from collections import Counter

import pytest

from streamsim.consumers.monitor.segment_names import UNKNOWN, segment_name
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Slice
from tests.contract.runs import bodies


def test_a_segment_is_a_column_of_few_values(domain: DomainSpec, world: tuple[Slice, ...]) -> None:
    field = domain.alerting.accuracy.segment
    if field is None:
        pytest.skip(f"the metric of {domain.name} is not measured by segment")
    assert field in {own.name for own in domain.trigger.fields}
    events = bodies(world, domain.trigger.name)
    values = Counter(segment_name(event.get(field)) for event in events)
    assert 2 <= len(values) <= 40
    assert values[UNKNOWN] < len(events) / 2
