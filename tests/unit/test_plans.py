"""Plans split a batch between versions by entity, and put the answers back in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.predict.plans import Plan, in_place, on_canary
from streamsim.streams.errors import UsageError
from streamsim.streams.events import as_objects
from streamsim.streams.signature import Signature

ONE = Signature("m", "1", ("a",), "hash", 0.5, (0.0,))
TWO = replace(ONE, version="2", threshold=0.9)
ENTITIES = as_objects(f"card-{n}" for n in range(400))


@given(share=st.floats(0.01, 0.98), picked=st.lists(st.integers(0, 399), min_size=1, max_size=30))
def test_an_entity_has_one_version_in_every_batch(share: float, picked: list[int]) -> None:
    plan = Plan(ONE, TWO, share)
    whole = plan.answering(ENTITIES)
    some = plan.answering(ENTITIES[picked])
    assert [some.of(n) for n in range(len(picked))] == [whole.of(n) for n in picked]


@given(share=st.floats(0.01, 0.98), n=st.integers(0, 400), wide=st.booleans())
def test_answers_of_all_versions_come_back_in_the_order_of_rows(
    share: float, n: int, wide: bool
) -> None:
    answering = Plan(ONE, TWO, share, shadow=ONE).answering(ENTITIES[:n])
    rows = np.arange(n, dtype=np.float64)
    made = np.column_stack([rows, rows]) if wide else rows
    parts = [(own, made[own]) for _, own in answering.parts(n)]
    if parts:
        assert in_place(parts).tolist() == made.tolist()
    limits = [ONE.threshold if answering.of(r) is ONE else TWO.threshold for r in range(n)]
    assert answering.thresholds(n).tolist() == limits


def test_copies_of_a_row_are_answered_by_its_version() -> None:
    answering = Plan(ONE, TWO, 0.5).answering(ENTITIES[:6])
    rows = np.array([1, 4])
    copies = answering.copies(rows, 6)
    assert [copies.of(n) for n in range(6)] == [answering.of(r) for r in (1, 1, 1, 4, 4, 4)]
    assert Plan(ONE, shadow=TWO).answering(ENTITIES).take(rows).shadow is None


def test_a_larger_share_keeps_the_entities_of_a_smaller_one() -> None:
    assert on_canary(ENTITIES, 0.5)[on_canary(ENTITIES, 0.2)].all()
    assert Plan(ONE, TWO, 0.2, ONE).signatures == (ONE, TWO, ONE)


@pytest.mark.parametrize(("canary", "share"), [(None, 0.1), (TWO, 0.0), (TWO, 1.0), (TWO, -0.2)])
def test_a_share_without_a_canary_or_of_all_is_refused(
    canary: Signature | None, share: float
) -> None:
    with pytest.raises(UsageError, match="share"):
        Plan(ONE, canary, share)


THREE = replace(ONE, version="3")


@pytest.mark.parametrize(
    ("plan", "place", "after"),
    [
        (Plan(ONE), 0, ()),
        (Plan(ONE, TWO, 0.5), 0, ()),
        (Plan(ONE, TWO, 0.5), 1, (ONE,)),
        (Plan(ONE, TWO, 0.5, stand_in=THREE), 1, (ONE, THREE)),
        (Plan(ONE, stand_in=THREE), 0, (THREE,)),
        (Plan(ONE, TWO, 0.5, stand_in=THREE), 0, (THREE,)),
        (Plan(ONE, TWO, 0.5, stand_in=TWO), 0, (TWO,)),
        (Plan(ONE, TWO, 0.5, stand_in=TWO), 1, (ONE,)),
    ],
)
def test_each_version_has_those_after_it_as_stand_ins(
    plan: Plan, place: int, after: tuple[Signature, ...]
) -> None:
    answering = plan.answering(ENTITIES)
    assert answering.after(place) == after
    for number, signature in enumerate(after):
        own = answering.stood_in(place, signature)
        assert own.after(place) == after[number + 1 :]
        assert own.failing[place] == answering.versions[place]
        rows = np.flatnonzero(own.thresholds(len(ENTITIES)) == signature.threshold)
        assert {own.of(row).version for row in rows} >= {signature.version}
