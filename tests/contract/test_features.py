"""Features do not depend on how the stream is batched, nor on later events."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.world import Emission, Slice
from tests.contract.runs import Features, days, features, small, some


@pytest.fixture(scope="module")
def whole(domain: DomainSpec, world: tuple[Slice, ...]) -> Features:
    """Return the features of the whole world."""
    return features(domain, world)


def alike(one: Features, other: Features) -> None:
    assert one.keys() == other.keys()
    for event_id, row in one.items():
        np.testing.assert_array_equal(row, other[event_id], event_id)


def test_batches_make_no_difference(domain: DomainSpec) -> None:
    slices = small(domain, 7, some(domain, 8))
    alike(features(domain, slices), features(domain, slices, rows=61))


def test_every_feature_is_a_number_and_varies(domain: DomainSpec, whole: Features) -> None:
    rows = np.stack(list(whole.values()))
    names = domain.features.vector.names
    assert rows.shape[1] == len(names), f"{len(names)} names, {rows.shape[1]} columns"
    assert np.isfinite(rows).all()
    flat = [
        n for n, c in zip(domain.features.vector.names, rows.T, strict=True) if c.min() == c.max()
    ]
    assert not flat


def test_every_feature_can_explain_an_alert(domain: DomainSpec) -> None:
    """Where the model answers with a slate, its items explain nothing."""
    grouped = {name for group in domain.features.vector.groups.values() for name in group}
    if domain.model.slate is None:
        assert not set(domain.features.vector.names) - grouped


@pytest.mark.parametrize("other", [8, 9])
def test_nothing_that_comes_later_changes_a_feature(
    domain: DomainSpec, world: tuple[Slice, ...], whole: Features, other: int
) -> None:
    """Two worlds that differ only after an instant, in events, labels and reference records."""
    length = days(domain)
    beat = domain.inputs.heartbeat
    cut = domain.world.epoch + int(length * 0.6 * DAY) // beat * beat
    past = [piece for piece in world if piece.until <= cut]
    grafted = [
        Slice(one.until, (*early(one, cut), *late(renamed(another), cut)))
        for one, another in zip(world, small(domain, other, length), strict=True)
    ]
    before = {
        key
        for piece in past
        for emission in piece.emissions
        if emission.source == domain.trigger.name
        for key in ids(emission.values)
    }
    own = {i: row for i, row in whole.items() if i in before}
    assert len(own) > 500
    changed = features(domain, grafted)
    alike(own, {i: row for i, row in changed.items() if i in before})


def early(piece: Slice, cut: int) -> list[Emission]:
    """Return the events that happened before the instant; some of them are sent later."""
    return [e.take(np.flatnonzero(e.event_time < cut)) for e in piece.emissions]


def late(piece: Slice, cut: int) -> list[Emission]:
    return [e.take(np.flatnonzero(e.event_time >= cut)) for e in piece.emissions]


def ids(values: list[bytes]) -> list[str]:
    found = []
    for value in values:
        try:
            found.append(orjson.loads(value)["event_id"])
        except (orjson.JSONDecodeError, KeyError):
            continue
    return found


def renamed(piece: Slice) -> Slice:
    """Give events of another world other ids: they must not count as duplicates."""
    for emission in piece.emissions:
        emission.values[:] = [
            v.replace(b'"event_id":"', b'"event_id":"other-', 1) for v in emission.values
        ]
    return piece
