"""Recovery: after a crash at any moment, the restored pipeline gives the same outputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from streamsim.streams.spec import DomainSpec
from tests.property.chained import chained
from tests.property.crashing import Crashing, account, effect
from tests.property.driving import one_by_one, run
from tests.property.examples import examples
from tests.property.logs import LEAPING, SPEC, Story, ending, steps, tell, wild_steps

Action = tuple[str, int, int]
pytestmark = pytest.mark.usefixtures("profile_of_every_row")


def work(*whats: str) -> st.SearchStrategy[list[Action]]:
    one = st.tuples(st.sampled_from(whats), st.integers(0, 5), st.integers(1, 60))
    return st.lists(one, max_size=16)


WORK = work(*["fetch"] * 4, *["pull", "finish"] * 2, "cut")
WRITING = work("fetch", "cut", "snapshot")
ROUNDS = st.lists(st.tuples(WORK, WRITING, WORK), min_size=1, max_size=5)
"""Each round ends in a crash."""


CHAINED = chained(SPEC)


@pytest.mark.parametrize(
    ("hold", "spec"), [(False, SPEC), (True, SPEC), (False, CHAINED)], ids=["", "hold", "chained"]
)
@examples(2)
@given(story=st.lists(steps(), min_size=3, max_size=16), rounds=ROUNDS)
def test_a_crash_at_any_moment_changes_nothing(
    story: Story, rounds: Sequence[tuple[list[Action], ...]], hold: bool, spec: DomainSpec
) -> None:
    survive(story, rounds, hold, spec)


@pytest.mark.parametrize(
    ("hold", "spec"), [(True, SPEC), (False, CHAINED)], ids=["hold", "chained"]
)
@examples(1)
@given(story=st.lists(wild_steps(stamps=LEAPING), min_size=3, max_size=16), rounds=ROUNDS)
def test_nor_does_it_where_a_clock_has_leapt(
    story: Story, rounds: Sequence[tuple[list[Action], ...]], hold: bool, spec: DomainSpec
) -> None:
    """Events behind a clock are released in order of arrival, and again so after a restart."""
    survive(story, rounds, hold, spec)


def survive(
    story: Story, rounds: Sequence[tuple[list[Action], ...]], hold: bool, spec: DomainSpec
) -> None:
    items = tell(story)
    items += ending(items)
    whole, outputs = run(one_by_one(items), hold=hold, spec=spec)
    crashing = Crashing(items, hold, spec)
    for parts in rounds:
        for action in chain.from_iterable(parts):
            crashing.act(action)
        crashing.crash()
    crashing.end()
    event(f"written: {bool(crashing.written)}, repeats: {len(crashing.outputs) > len(outputs)}")
    assert effect(crashing.outputs, spec) == effect(outputs, spec)
    assert account(crashing.pipeline) == account(whole.pipeline)
